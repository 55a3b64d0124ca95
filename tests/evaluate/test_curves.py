from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageColor

from tf_ssd.drawing.figures import BLUE, INK, PALE
from tf_ssd.evaluate.curves import curves_png
from tf_ssd.metrics.scores import AveragePrecision, Curve

NONE = Curve(np.zeros(0), np.zeros(0))


def scores(*curves) -> AveragePrecision:
    values = np.array([curve.precision.mean() if len(curve.recall) else np.nan for curve in curves])
    counts = np.array([10 if len(curve.recall) else 0 for curve in curves])
    return AveragePrecision(values, counts, np.nan, curves, {}, {})


def drawn(result: AveragePrecision, *, name="class", title="Title") -> np.ndarray:
    names = [f"{name} {number}" for number in range(len(result.curves))]
    with Image.open(BytesIO(curves_png(result, names, title=title))) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def share_of(pixels: np.ndarray, color: str) -> float:
    return float(np.mean(np.abs(pixels - ImageColor.getrgb(color)).max(axis=-1) < 20))


FLAT = Curve(np.linspace(0.1, 1, 10), np.full(10, 0.6))


def test_a_curve_is_drawn_where_it_belongs():
    pixels = drawn(scores(FLAT, NONE))
    height = len(pixels)
    rows = np.flatnonzero(np.abs(pixels[:, 400] - ImageColor.getrgb(BLUE)).max(axis=-1) < 60)
    assert len(rows) > 0
    assert 0.3 * height < rows.mean() < 0.5 * height, "precision 0.6 is somewhat above the middle"


def test_several_classes_have_a_mean_and_one_has_none():
    lower = Curve(FLAT.recall, FLAT.precision / 2)
    assert share_of(drawn(scores(FLAT, lower)), INK) > share_of(drawn(scores(FLAT, NONE)), INK) + 0.002


def test_more_classes_than_colours_are_grey():
    many = [Curve(FLAT.recall, FLAT.precision * share) for share in np.linspace(0.2, 1.4, 20)]
    assert share_of(drawn(scores(*many)), PALE) > share_of(drawn(scores(*many[:9])), PALE) + 0.001


@pytest.mark.parametrize("curve", [Curve(np.array([1.0]), np.array([1.0])), Curve(np.array([0.0]), np.array([0.0]))])
def test_one_detection_is_enough(curve):
    assert drawn(scores(curve)).std() > 0


def test_a_class_with_ground_truth_that_was_never_found():
    missed = AveragePrecision(np.array([0.0]), np.array([4]), 0.0, (NONE,), {}, {})
    assert drawn(missed).std() > 0


@pytest.fixture(scope="module")
def plain():
    return drawn(scores(FLAT, FLAT))


@pytest.mark.parametrize("name", ["a$b$", "$", "x_$1^", "$\\frac$", "猫"])
def test_names_of_any_signs(plain, name):
    """Which would otherwise be taken for a formula, or warn."""
    assert not np.array_equal(drawn(scores(FLAT, FLAT), name=name), plain)
    assert not np.array_equal(drawn(scores(FLAT, FLAT), title=name), plain)
