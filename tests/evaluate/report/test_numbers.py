import numpy as np
import pytest

from tests.evaluate.report.builder import errors_of
from tf_ssd.config import VOC300
from tf_ssd.data.coverage import best_ious
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.evaluate.report import numbers
from tf_ssd.evaluate.report.matrix import MOST_CLASSES, matrix, shown_labels
from tf_ssd.evaluate.report.sizes import by_size
from tf_ssd.evaluate.report.thresholds import HUNDREDTHS, passed, stops

DATASET = SyntheticDataset(12, seed=3)


@pytest.fixture(scope="module")
def report():
    return errors_of(DATASET)[0]


def test_counts_give_the_precision_and_recall_that_the_metrics_have(report):
    thresholds = stops(report.thresholds.overall, report.judged.detections.scores)
    counts = numbers.counts(report.judged, passed(report.judged.detections.scores, thresholds), len(thresholds))
    right, wrong, objects = (np.array(counts[name]) for name in ("right", "wrong", "objects"))
    on_grid = np.isin(thresholds, report.thresholds.grid)
    with np.errstate(invalid="ignore"):
        precision, recall = right / (right + wrong), right / objects[:, None]
    np.testing.assert_allclose(precision[:, on_grid], report.thresholds.precision)
    np.testing.assert_allclose(recall[:, on_grid], report.thresholds.recall)
    at_best = np.searchsorted(thresholds, report.thresholds.overall)
    np.testing.assert_allclose(recall[:, at_best].mean(), report.thresholds.at_overall.mean_recall)


def test_the_most_expensive_errors_come_first(report):
    costs = numbers.costs(report.lost)
    assert [cost.lost for cost in costs] == sorted((cost.lost for cost in costs), reverse=True)
    assert costs[0].share == 1
    [first, second] = numbers.sentences(report.lost, report.confusion, DATASET.class_names)
    gain = report.lost.by_kind[costs[0].name]
    assert numbers.IN_WORDS[costs[0].name] in first
    assert f"it would be {report.lost.ap + gain:.3f}" in first
    assert second.startswith("The most frequent confusion: ")


def test_histograms_have_every_detection(report):
    bins = numbers.histogram(report.judged)
    assert sum(bins["right"]) == report.judged.detections.hits.sum()
    assert sum(bins["right"]) + sum(bins["wrong"]) == len(report.judged.detections.scores)


def test_of_many_classes_the_matrix_shows_those_with_the_most_errors():
    counts = np.zeros((51, 51), int)
    counts[np.arange(1, 31), 0] = np.arange(30, 0, -1)
    counts[40, 41] = 1000
    labels = shown_labels(counts)
    assert labels.tolist() == [*range(1, MOST_CLASSES - 1), 40, 41]
    rows = matrix(counts, labels, [f"c{label}" for label in range(1, 51)])
    assert [row.name for row in rows] == [*(f"c{label}" for label in labels), "nothing there"]
    [confused] = [cell for cell in rows[-3].cells if cell.number]
    assert (confused.words, confused.heat, confused.key) == ("c40 found as c41", 8, "40-41")
    assert rows[0].cells[-1].words == "c1 missed"


@pytest.mark.parametrize("known", [True, False])
def test_sizes(report, known):
    """In pixels of a network's input if there is one; its default boxes cover what they overlap by half."""
    truth = report.judged.ground_truth
    passes, thresholds = passed(truth.found_scores, HUNDREDTHS), HUNDREDTHS
    sizes = np.full((len(DATASET), 2), 300) if known else None
    groups = by_size(truth, passes, len(thresholds), sizes, VOC300)
    assert sum(groups["objects"]) == truth.counted.sum()
    assert np.sum(groups["found"], axis=0)[30] == truth.found(0.3).sum()
    sides = np.sqrt(truth.areas_px)
    assert groups["objects"][groups["names"].index("64 to 128")] == np.sum((sides >= 64) & (sides < 128))
    if not known:
        assert groups["covered"] is None
        return
    covered = np.array([share or 0 for share in groups["covered"]]) * groups["objects"]
    assert round(covered.sum()) == np.sum(best_ious((truth.boxes_px / 300).astype(np.float32), VOC300) >= 0.5)


def test_objects_in_images_of_unknown_size_are_left_out(report):
    truth = report.judged.ground_truth
    sizes = np.full((len(DATASET), 2), 300)
    sizes[0] = 0
    groups = by_size(truth, passed(truth.found_scores, HUNDREDTHS), 100, sizes, VOC300)
    assert sum(groups["objects"]) == np.sum(truth.images > 0)
