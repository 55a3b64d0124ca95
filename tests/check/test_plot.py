from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageColor

from tf_ssd.check.coverage import Coverage, GroundTruth
from tf_ssd.check.plot import MOST_POINTS, coverage_png
from tf_ssd.check.presets import FITTED, Comparison
from tf_ssd.config import PRESETS, ModelConfig
from tf_ssd.data.coverage import best_ious
from tf_ssd.drawing.figures import CYAN, RED

TALL, WIDE = RED, CYAN


def comparison(boxes) -> Comparison:
    truth = GroundTruth(np.float32(boxes).reshape(-1, 4), np.array([len(boxes)]))
    coverages = {name: Coverage(config, best_ious(truth.boxes, config), np.ones(1)) for name, config in PRESETS.items()}
    return Comparison("train", ModelConfig(), truth, "VOC300", {**coverages, FITTED: coverages["COCO300"]})


def drawn(compared: Comparison) -> np.ndarray:
    with Image.open(BytesIO(coverage_png(compared))) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def amount(pixels: np.ndarray, color: str) -> int:
    return int(np.sum(np.abs(pixels - ImageColor.getrgb(color)).max(axis=-1) < 6))


def test_shapes_are_told_apart_by_colour():
    """Well covered boxes of one shape: the others' colours do not appear, but that of the shading and of the bars."""
    wide = drawn(comparison([[0.3, 0.4, 0.7, 0.6]] * 3))
    tall = drawn(comparison([[0.4, 0.3, 0.6, 0.7]] * 3))
    assert amount(wide, WIDE) > 20
    assert amount(tall, WIDE) == 0
    assert amount(tall, TALL) > amount(wide, TALL)


def test_what_is_not_covered_is_red():
    small = [[0.5, 0.5, 0.51, 0.51]] * 5  # 3 px
    assert amount(drawn(comparison(small)), RED) > 1000


@pytest.mark.parametrize("boxes", [[[0, 0, 1, 1]], [[0.5, 0.5, 0.500001, 0.500001]], [[0.1, 0.1, 0.3, 0.3]] * (MOST_POINTS + 1)])
def test_extremes_can_be_drawn(boxes):
    assert drawn(comparison(boxes)).shape[1] > 1000


@pytest.fixture(scope="module")
def compared():
    return comparison([[0.3, 0.4, 0.7, 0.6]])


@pytest.fixture(scope="module")
def plain(compared):
    return drawn(compared)


@pytest.mark.parametrize("split", ["a$b$", "$", "x_$1^", "$\\frac$", "猫"])
def test_names_of_any_signs(compared, plain, split):
    """Which would otherwise be taken for a formula, or warn."""
    assert not np.array_equal(drawn(replace(compared, split=split)), plain)
