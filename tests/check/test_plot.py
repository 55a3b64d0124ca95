import numpy as np
import pytest

from tf_ssd.check.coverage import Coverage, GroundTruth, best_ious
from tf_ssd.check.plot import MOST_POINTS, plot_coverage
from tf_ssd.check.presets import FITTED, Comparison
from tf_ssd.config import PRESETS

SHAPE_COLORS = {"tall": (209, 73, 91), "square": (141, 153, 174), "wide": (0, 121, 140)}


def comparison(boxes) -> Comparison:
    truth = GroundTruth(np.float32(boxes).reshape(-1, 4), np.array([len(boxes)]))
    coverages = {name: Coverage(config, best_ious(truth.boxes, config), np.ones(1)) for name, config in PRESETS.items()}
    return Comparison("train", truth, "VOC300", {**coverages, FITTED: coverages["COCO300"]})


def pixels_of(picture, color) -> int:
    return int(np.sum(np.abs(np.asarray(picture).astype(int) - color).max(axis=-1) < 6))


def test_shapes_are_told_apart_by_colour():
    """Well covered boxes of one shape: the others' colours do not appear, but that of the shading and of the bars."""
    wide = plot_coverage(comparison([[0.3, 0.4, 0.7, 0.6]] * 3))
    tall = plot_coverage(comparison([[0.4, 0.3, 0.6, 0.7]] * 3))
    assert pixels_of(wide, SHAPE_COLORS["wide"]) > 20
    assert pixels_of(tall, SHAPE_COLORS["wide"]) == 0
    assert pixels_of(tall, SHAPE_COLORS["tall"]) > pixels_of(wide, SHAPE_COLORS["tall"])
    assert wide.mode == "RGB"


def test_what_is_not_covered_is_red():
    small = [[0.5, 0.5, 0.51, 0.51]] * 5  # 3 px
    assert pixels_of(plot_coverage(comparison(small)), SHAPE_COLORS["tall"]) > 1000


@pytest.mark.parametrize("boxes", [[[0, 0, 1, 1]], [[0.5, 0.5, 0.500001, 0.500001]], [[0.1, 0.1, 0.3, 0.3]] * (MOST_POINTS + 1)])
def test_extremes_can_be_drawn(boxes):
    assert plot_coverage(comparison(boxes)).width > 1000
