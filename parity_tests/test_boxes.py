"""Conversions, area, IoU, clip and flip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import strategies
from parity_tests.adapters import EAGER, GRAPH, REFERENCE, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import SIDES, SIDES_AND_DTYPES
from parity_tests.tolerance import CANCELLING, Tolerance

UNARY = ["boxes.to_cxcywh", "boxes.to_xyxy", "boxes.area", "boxes.clip", "boxes.flip_horizontal"]
COUNT = 6


def check_operation(side: Implementation, operation: str, *inputs: np.ndarray) -> np.ndarray:
    """Agreement with the reference run in the same dtype, and with the reference run in float64."""
    (actual,) = side.call(operation, *inputs)
    (expected,) = REFERENCE.call(operation, *inputs)
    assert_agree(operation=operation, actual=actual, expected=expected, inputs=inputs)
    (wide,) = REFERENCE.call(operation, *(array.astype(np.float64) for array in inputs))
    assert_agree(operation=operation, actual=actual, expected=wide, inputs=inputs, what="value against float64")
    return actual


def check_iou(side: Implementation, a: np.ndarray, b: np.ndarray) -> None:
    """Agreement, and every rule of the contract."""
    overlap = check_operation(side, "boxes.iou", a, b)
    assert np.all((overlap >= 0) & (overlap <= 1))
    has_area = [np.all(boxes[:, 2:] > boxes[:, :2], axis=1) for boxes in (a, b)]
    assert np.all(overlap[~has_area[0]] == 0)
    assert np.all(overlap[:, ~has_area[1]] == 0)
    np.testing.assert_array_equal(np.diag(side.call("boxes.iou", a, a)[0]), has_area[0].astype(a.dtype))


def check_gradient(side: Implementation, operation: str, *inputs: np.ndarray, tolerance: Tolerance | None = None) -> None:
    """Gradients for every input agree with the reference's."""
    wrt = tuple(range(len(inputs)))
    actual = side.gradients(operation, *inputs, wrt=wrt)
    expected = REFERENCE.gradients(operation, *inputs, wrt=wrt)
    for number, (ours, theirs) in enumerate(zip(actual, expected, strict=True)):
        scale = max(1.0, float(np.abs(theirs).max()))
        what = f"gradient for input {number}"
        context = {"operation": operation, "inputs": inputs, "tolerance": tolerance}
        assert_agree(actual=ours, expected=theirs, scale=scale, what=what, **context)


@pytest.mark.rule("R-BOX-1", "R-BOX-2", "R-BOX-3")
@SIDES_AND_DTYPES
@pytest.mark.parametrize("operation", UNARY)
@given(boxes=strategies.grid_boxes(count=COUNT), seed=strategies.seeds)
def test_unary(side: Implementation, dtype: type, operation: str, boxes: np.ndarray, seed: int) -> None:
    check_operation(side, operation, boxes.astype(dtype))
    arbitrary = np.random.default_rng(seed).uniform(-1, 2, (COUNT, 4)).astype(dtype)
    check_operation(side, operation, arbitrary)
    check_gradient(side, operation, arbitrary)


@pytest.mark.rule("R-IOU-1", "R-IOU-2", "R-IOU-4", "R-IOU-7")
@SIDES_AND_DTYPES
@given(a=strategies.grid_boxes(count=COUNT), b=strategies.related_boxes(count=COUNT))
def test_iou_on_the_grid(side: Implementation, dtype: type, a: np.ndarray, b: np.ndarray) -> None:
    check_iou(side, a.astype(dtype), b.astype(dtype))


@pytest.mark.rule("R-IOU-1", "R-IOU-6")
@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_iou_of_arbitrary_boxes(side: Implementation, dtype: type, seed: int) -> None:
    a, b = strategies.random_boxes(seed, 2, COUNT).astype(dtype)
    check_iou(side, a, b)
    check_gradient(side, "boxes.iou", a, b, tolerance=CANCELLING)


@pytest.mark.rule("R-IOU-7")
@pytest.mark.parametrize("side", [EAGER, GRAPH], ids=lambda side: side.name)
@given(seed=strategies.seeds)
def test_iou_is_symmetric_to_the_bit(side: Implementation, seed: int) -> None:
    """Not under XLA, which fuses one of the two areas into the sum: see DIVERGENCES.md."""
    a, b = strategies.random_boxes(seed, 2, COUNT).astype(np.float32)
    np.testing.assert_array_equal(side.call("boxes.iou", a, b)[0], side.call("boxes.iou", b, a)[0].T)


@pytest.mark.rule("R-IOU-3", "R-IOU-6")
@SIDES_AND_DTYPES
@pytest.mark.parametrize(
    "box", [(0.5, 0.5, 0.5, 0.75), (0.5, 0.5, 0.75, 0.5), (0.5, 0.5, 0.5, 0.5), (0.75, 0.5, 0.25, 0.75), (0.75, 0.75, 0.5, 0.5)]
)
def test_iou_without_area_is_zero_and_so_is_its_gradient(side: Implementation, dtype: type, box: tuple[float, ...]) -> None:
    """No width, no height, a point, and inverted corners: 0, never 0/0, also with itself."""
    flat = np.array([box], dtype)
    others = np.array([box, (0, 0, 1, 1), (0.25, 0.25, 0.75, 0.75)], dtype)
    for pair in ((flat, others), (others, flat)):
        assert np.all(side.call("boxes.iou", *pair)[0] == 0)
        for implementation in (side, REFERENCE):
            for gradient in implementation.gradients("boxes.iou", *pair, wrt=(0, 1)):
                np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


@pytest.mark.rule("R-IOU-3")
@SIDES
def test_iou_of_nan_is_zero(side: Implementation) -> None:
    boxes = np.array([(np.nan, 0, 1, 1), (0, 0, np.nan, np.nan)], np.float32)
    assert np.all(check_operation(side, "boxes.iou", boxes, np.array([(0, 0, 1, 1)], np.float32)) == 0)


@pytest.mark.rule("R-IOU-5")
@SIDES
def test_iou_of_an_infinite_box_is_zero_with_a_finite_one_and_nan_with_itself(side: Implementation) -> None:
    boxes = np.array([(0, 0, np.inf, 1), (0, 0, 1, 1)], np.float32)
    np.testing.assert_array_equal(check_operation(side, "boxes.iou", boxes, boxes), [[np.nan, 0], [0, 1]])


@pytest.mark.rule("R-IOU-1")
@SIDES
def test_iou_broadcasts_leading_dimensions(side: Implementation) -> None:
    a, b = strategies.random_boxes(1, 3, 2), strategies.random_boxes(2, 5)
    (overlap,) = side.call("boxes.iou", a, b)
    expected = np.stack([REFERENCE.call("boxes.iou", image, b)[0] for image in a])
    assert_agree(operation="boxes.iou", actual=overlap, expected=expected, inputs=(a, b))


@pytest.mark.rule("R-BOX-1")
@SIDES
@given(boxes=strategies.grid_boxes(count=COUNT))
def test_conversions_invert_each_other(side: Implementation, boxes: np.ndarray) -> None:
    """On the grid nothing is rounded, so the way there and back is the identity."""
    (there,) = side.call("boxes.to_cxcywh", boxes)
    np.testing.assert_array_equal(side.call("boxes.to_xyxy", there)[0], boxes)
    (flipped,) = side.call("boxes.flip_horizontal", boxes)
    np.testing.assert_array_equal(side.call("boxes.flip_horizontal", flipped)[0], boxes)


@pytest.mark.rule("R-BOX-3")
@given(st.data())
def test_flipping_both_keeps_iou(data: st.DataObject) -> None:
    a, b = (data.draw(strategies.grid_boxes(count=COUNT)) for _ in range(2))
    flipped = [EAGER.call("boxes.flip_horizontal", boxes)[0] for boxes in (a, b)]
    np.testing.assert_array_equal(EAGER.call("boxes.iou", *flipped)[0], EAGER.call("boxes.iou", a, b)[0])
