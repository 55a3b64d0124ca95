"""torchvision as third witness: `box_convert`, `box_area`, `clip_boxes_to_image` and `box_iou` of `torchvision.ops`."""

import numpy as np
import pytest
from hypothesis import given

from parity_tests import strategies
from parity_tests.adapters import EAGER, REFERENCE, XLA, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import DTYPES
from parity_tests.torchvision_adapter import TORCHVISION

COUNT = 6
# What holds for tf_ssd eagerly holds for it as a graph and under XLA: the other tests see to that. XLA, which rounds on its own,
# is put beside torchvision in float32 all the same.
SIDES = pytest.mark.parametrize("side", [EAGER, REFERENCE], ids=lambda side: side.name)
SIDES_AND_DTYPES = pytest.mark.parametrize(
    ("side", "dtype"),
    [(side, dtype) for side in (EAGER, REFERENCE) for dtype in (np.float32, np.float64)] + [(XLA, np.float32)],
    ids=lambda value: getattr(value, "name", None) or value.__name__,
)


def check_operation(side: Implementation, operation: str, *inputs: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Agreement with torchvision run in the same dtype, and with torchvision run in float64."""
    (actual,) = side.call(operation, *inputs)
    for dtype in (inputs[0].dtype, np.float64):
        (expected,) = TORCHVISION.call(operation, *(array.astype(dtype) for array in inputs))
        assert_agree(operation=operation, actual=actual, expected=expected, inputs=inputs, scale=scale, what=f"value, {dtype}")
    return actual


def check_gradient(side: Implementation, operation: str, *inputs: np.ndarray, scale: float = 1.0) -> None:
    """Gradients for every input agree with torchvision's, at `scale` times their largest element."""
    wrt = tuple(range(len(inputs)))
    gradients = zip(side.gradients(operation, *inputs, wrt=wrt), TORCHVISION.gradients(operation, *inputs, wrt=wrt), strict=True)
    for number, (actual, expected) in enumerate(gradients):
        size = scale * max(1.0, float(np.abs(expected).max()))
        what = f"gradient for input {number}"
        assert_agree(operation=operation, actual=actual, expected=expected, inputs=inputs, scale=size, what=what)


def check_iou_to_the_bit(side: Implementation, a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_array_equal(side.call("boxes.iou", a, b)[0], TORCHVISION.call("boxes.iou", a, b)[0])


@SIDES
@DTYPES
@pytest.mark.parametrize("operation", ["boxes.to_cxcywh", "boxes.to_xyxy", "boxes.clip", "boxes.area"])
@given(seed=strategies.seeds)
def test_unary(side: Implementation, dtype: type, operation: str, seed: int) -> None:
    boxes = strategies.random_boxes(seed, COUNT) * 3 - 1  # reaching out of the image, never inverted
    check_operation(side, operation, boxes.astype(dtype))
    check_gradient(side, operation, boxes.astype(dtype))


@SIDES_AND_DTYPES
@given(a=strategies.grid_boxes(count=COUNT, allow_empty=False), b=strategies.related_boxes(count=COUNT))
def test_iou_on_the_grid_is_equal_to_the_bit(side: Implementation, dtype: type, a: np.ndarray, b: np.ndarray) -> None:
    """Areas are exact there, so every implementation divides the same two numbers."""
    check_iou_to_the_bit(side, a.astype(dtype), b.astype(dtype))
    check_iou_to_the_bit(side, b.astype(dtype), b.astype(dtype))


@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_iou_of_arbitrary_boxes(side: Implementation, dtype: type, seed: int) -> None:
    a, b = strategies.random_boxes(seed, 2, COUNT).astype(dtype)
    check_operation(side, "boxes.iou", a, b)
    check_gradient(side, "boxes.iou", a, b, scale=2.0)
    if side is not XLA:  # which fuses a product into the sum of the areas
        check_iou_to_the_bit(side, a, b)


@SIDES
@DTYPES
def test_iou_of_two_boxes_without_area_is_nan_in_torchvision(side: Implementation, dtype: type) -> None:
    """0 / (0 + 0 - 0), value and gradient. Beside a box with area torchvision's 0 / (0 + A - 0) is 0, as here."""
    flat, whole = np.array([(0.5, 0.5, 0.5, 0.75)], dtype), np.array([(0, 0, 1, 1)], dtype)
    assert np.isnan(TORCHVISION.call("boxes.iou", flat, flat)[0])
    assert np.isnan(TORCHVISION.gradients("boxes.iou", flat, flat)[0]).all()
    assert side.call("boxes.iou", flat, flat)[0] == 0
    assert np.isfinite(side.gradients("boxes.iou", flat, flat)[0]).all()
    assert side.call("boxes.iou", flat, whole)[0] == TORCHVISION.call("boxes.iou", flat, whole)[0] == 0


@SIDES
@DTYPES
def test_inverted_boxes_have_a_signed_area_in_torchvision(side: Implementation, dtype: type) -> None:
    """-1/2 x 1/4 when one axis is inverted, and -1/4 x -1/4 > 0 when both are: their signs cancel. Here both areas are 0."""
    inverted = np.array([(0.75, 0.5, 0.25, 0.75), (0.75, 0.75, 0.5, 0.5)], dtype)
    assert TORCHVISION.call("boxes.area", inverted)[0].tolist() == [-1 / 8, 1 / 16]
    assert side.call("boxes.area", inverted)[0].tolist() == [0, 0]
    # A box of area 1/8 cancels the first one's -1/8, and the union of 0 makes 0/0.
    eighth = np.array([(0, 0, 0.5, 0.25)], dtype)
    np.testing.assert_array_equal(TORCHVISION.call("boxes.iou", inverted, eighth)[0], [[np.nan], [0]])
    assert side.call("boxes.iou", inverted, eighth)[0].tolist() == [[0], [0]]


@SIDES
def test_iou_of_nan_is_nan_in_torchvision(side: Implementation) -> None:
    """The coordinate spreads; here a box with a NaN has no area, hence no overlap."""
    boxes, whole = np.array([(np.nan, 0, 1, 1)], np.float32), np.array([(0, 0, 1, 1)], np.float32)
    assert np.isnan(TORCHVISION.call("boxes.iou", boxes, whole)[0])
    assert side.call("boxes.iou", boxes, whole)[0] == 0
