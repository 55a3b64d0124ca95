import numpy as np
import pytest

from tests.metrics.errors.scene import at, detected, judged, random_scene, truth
from tf_ssd.metrics.errors.thresholds import operating_thresholds


def thresholds(rows, truth_rows, **options):
    return operating_thresholds(judged([detected(*rows)], [truth(*truth_rows)], **options))


def test_counted_by_hand():
    # TP FP TP FP of 2: F1 2/3, 2/4, 4/5, 4/6, so everything above 0.6 is kept
    rows = [(at(0), 1, 0.9), (at(8), 1, 0.8), (at(1), 1, 0.7), (at(9), 1, 0.6)]
    result = thresholds(rows, [(at(0), 1), (at(1), 1)], num_classes=2)
    best = result.best
    assert (best.thresholds, best.precision, best.recall, best.f1) == pytest.approx((0.65, 2 / 3, 1, 0.8))
    assert result.overall == 0.65
    shown = [0, 60, 65, 70, 75, 85, 95]  # the places of these hundredths; a score must be higher
    assert result.grid[shown].tolist() == [0, 0.6, 0.65, 0.7, 0.75, 0.85, 0.95]
    np.testing.assert_allclose(result.precision[0, shown], [1 / 2, 1 / 2, 2 / 3, 1 / 2, 1 / 2, 1, np.nan])
    np.testing.assert_allclose(result.recall[0, shown], [1, 1, 1, 1 / 2, 1 / 2, 1 / 2, 0])
    np.testing.assert_allclose(result.f1[0, shown], [4 / 6, 4 / 6, 4 / 5, 2 / 4, 2 / 4, 2 / 3, 0])


def test_of_equal_f1_the_highest_threshold():
    # TP FP FP TP of 3: 2/4, 2/5, 2/6, 4/7; TP FP TP FP of 2 has 2/3 once; here 2/4 twice: TP of 3, and 2 TP of 5 detections
    rows = [(at(0), 1, 0.9), *((at(8, row), 1, 0.8) for row in range(3)), (at(1), 1, 0.7)]
    assert thresholds(rows, [(at(column), 1) for column in range(3)], num_classes=2).best.thresholds[0] > 0.8


def test_equal_scores_are_kept_together():
    rows = [(at(0), 1, 0.5), (at(8), 1, 0.5), (at(9), 1, 0.4)]
    best = thresholds(rows, [(at(0), 1)], num_classes=2).best
    assert (best.thresholds[0], best.precision[0], best.recall[0]) == (0.45, 0.5, 1)


def test_the_score_of_what_is_left_out_may_be_the_threshold():
    """It has one digit; 0.51 is nearer the middle. What is kept scores more."""
    assert thresholds([(at(0), 1, 0.52), (at(8), 1, 0.5)], [(at(0), 1)], num_classes=2).best.thresholds[0] == 0.5


def test_below_the_lowest_score_a_little_is_left():
    """Nobody knows what a threshold of 0 would let through that was not evaluated."""
    best = thresholds([(at(0), 1, 0.0123)], [(at(0), 1)], num_classes=2).best
    assert 0.011 <= best.thresholds[0] < 0.0123


@pytest.mark.parametrize("scores", [(1e-8, 3e-8), (0.3, np.nextafter(np.float32(0.3), np.float32(1))), (-2.5, -1), (-3, 0), (0, 7)])
def test_any_scores(scores):
    """Close ones, those of sigmoids that hardly learned, and those that are no probabilities."""
    low, high = scores
    cut = thresholds([(at(8), 1, low), (at(0), 1, high)], [(at(0), 1)], num_classes=2).best.thresholds[0]
    assert np.float32(low) <= np.float32(cut) < np.float32(high)
    alone = thresholds([(at(0), 1, high)], [(at(0), 1)], num_classes=2).best.thresholds[0]
    assert np.float32(alone) < np.float32(high)


def test_classes_of_every_kind():
    """One to be found, one never detected, one without ground truth, one of which nothing is right, one that is nowhere."""
    rows = [(at(0), 1, 0.8), (at(5), 3, 0.9), (at(6), 4, 0.7)]
    result = thresholds(rows, [(at(0), 1), (at(1), 2), (at(2), 4)], num_classes=6)
    none = np.nan
    for points, cuts in ((result.best, [0.75, none, none, none, none]), (result.at_overall, [0.75] * 5)):
        np.testing.assert_allclose(points.recall, [1, 0, none, 0, none])
        np.testing.assert_allclose(points.f1, [1, 0, none, 0, none])
        np.testing.assert_array_equal(np.isnan(points.thresholds), np.isnan(cuts))
    np.testing.assert_array_equal(result.best.precision, [1, none, none, none, none])
    np.testing.assert_array_equal(result.at_overall.precision, [1, none, 0, none if result.overall >= 0.7 else 0, none])
    assert (result.at_overall.mean_recall, result.at_overall.mean_f1) == pytest.approx((1 / 3, 1 / 3))
    assert result.precision.shape == result.recall.shape == result.f1.shape == (5, 100)


@pytest.mark.parametrize("rows", [[], [(at(9), 1, 0.5)]])
def test_if_nothing_is_found_there_is_no_threshold(rows):
    result = thresholds(rows, [(at(0), 1)])
    assert np.isnan(result.overall)
    assert np.isnan(result.best.thresholds).all()
    assert (result.best.recall[0], result.best.f1[0], result.at_overall.mean_f1) == (0, 0, 0)
    assert np.isnan(result.at_overall.mean_precision)


def test_without_ground_truth_there_is_none_either():
    result = thresholds([(at(9), 1, 0.5)], [])
    assert np.isnan([result.overall, result.best.mean_recall, result.best.mean_f1, result.best.mean_precision]).all()


def test_what_is_left_out_does_not_count():
    result = operating_thresholds(
        judged([detected((at(0), 1, 0.9), (at(1), 1, 0.8))], [truth((at(0), 1), (at(1), 1), left_out=[0])], num_classes=2)
    )
    assert (result.best.precision, result.best.recall) == (1, 1)


@pytest.mark.parametrize("seed", range(4))
def test_no_other_threshold_is_better(seed):
    detections, ground_truth = random_scene(seed, difficult=True)
    result = judged(detections, ground_truth, num_classes=4)
    found, counts = result.detections, result.ground_truth.counts(4)
    chosen = operating_thresholds(result)

    def f1(threshold):
        kept = found.above(threshold)
        hits, all_kept = (np.bincount(found.labels[rows], minlength=4)[1:] for rows in (kept & found.hits, kept))
        return 2 * hits / (all_kept + counts)

    possible = np.array([f1(score) for score in np.unique(found.scores)])  # (S, C - 1)
    np.testing.assert_allclose(chosen.best.f1, possible.max(axis=0))
    assert f1(chosen.overall).mean() == pytest.approx(possible.mean(axis=1).max()) == chosen.at_overall.mean_f1
    for label, threshold in enumerate(chosen.best.thresholds):
        assert f1(threshold)[label] == pytest.approx(chosen.best.f1[label])
    np.testing.assert_allclose(chosen.f1.T, [f1(threshold) for threshold in chosen.grid])
