import numpy as np
import pytest

from tf_ssd.check.coverage import Coverage, GroundTruth
from tf_ssd.check.presets import FITTED, Comparison, compare_default_boxes, sizes
from tf_ssd.config import NETWORKS, VOC300, ModelConfig


def comparison(chosen: str, **shares: float) -> Comparison:
    """Default boxes that cover these shares of a thousand boxes."""
    ious = {name: np.where(np.arange(1000) < 1000 * share, 0.7, 0.3) for name, share in shares.items()}
    coverages = {name: Coverage(VOC300, best, np.ones(1)) for name, best in ious.items()}
    return Comparison("train", ModelConfig(), GroundTruth(np.zeros((0, 4)), np.zeros(0)), chosen, coverages)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"VOC300": 0.9, "COCO300": 0.9, "PAPER300": 0.1, FITTED: 0.9}, "VOC300"),
        ({"VOC300": 0.9, "COCO300": 0.905, "PAPER300": 0.1, FITTED: 0.908}, "VOC300"),  # not notably more
        ({"VOC300": 0.9, "COCO300": 0.95, "PAPER300": 0.1, FITTED: 0.955}, "COCO300"),
        ({"VOC300": 0.9, "COCO300": 0.95, "PAPER300": 0.1, FITTED: 0.99}, FITTED),
        ({"VOC300": 0.9, "COCO300": 0.5, "PAPER300": 0.1, FITTED: 0.99}, FITTED),
    ],
)
def test_what_is_recommended(shares, expected):
    assert comparison("VOC300", **shares).recommended == expected


def test_of_equal_presets_the_chosen_one_is_best():
    shares = {"VOC300": 0.9, "COCO300": 0.9, "PAPER300": 0.1, FITTED: 0.9}
    best = [comparison(chosen, **shares).best_preset for chosen in ("VOC300", "COCO300", "PAPER300")]
    assert best == ["VOC300", "COCO300", "VOC300"]


class Rows:
    """What is needed of a survey."""

    split = "train"
    names = range(2)
    image = np.array([0, 1])
    boxes_px = np.array([[20, 10, 60, 30], [50, 50, 60.0, 90]])
    box_sizes = np.array([[200, 100], [100, 100]])
    crowd = np.array([False, False])


def test_all_presets_and_fitted_sizes_are_measured():
    found = compare_default_boxes(Rows, ModelConfig(), "COCO300")
    assert tuple(found.coverages) == ("VOC300", "COCO300", "PAPER300", FITTED)
    assert all(coverage.positives.min() >= 1 for coverage in found.coverages.values())  # every box claims one


def test_nothing_to_cover():
    class Nothing(Rows):
        crowd = np.array([True, True])

    assert compare_default_boxes(Nothing, ModelConfig(), "VOC300") is None


def test_another_network_has_its_own_sets():
    found = compare_default_boxes(Rows, NETWORKS["ssd300_mobilenet_v2"], "OD300")
    assert tuple(found.coverages) == ("OD300", FITTED)
    assert sizes(found, "OD300") == [60, 105, 150, 195, 240, 285, 300]


def test_sizes_are_those_that_a_set_follows_from():
    assert sizes(comparison("VOC300", VOC300=0.9), "VOC300") == [30, 60, 111, 162, 213, 264, 315]
