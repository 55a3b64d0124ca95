"""Encoding boxes as offsets, and back."""

import math

import numpy as np
import pytest
from hypothesis import given

from parity_tests import strategies
from parity_tests.adapters import REFERENCE, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import SIDES, SIDES_AND_DTYPES
from parity_tests.test_boxes import check_gradient

COUNT = 8


def draw_pair(seed: int, dtype: type, smallest: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Ground-truth boxes (COUNT, 4) xyxy and default boxes (COUNT, 4) cxcywh, all of at least `smallest` a side."""
    boxes, others = strategies.random_boxes(seed, 2, COUNT, smallest=smallest)
    defaults = np.concatenate([(others[:, :2] + others[:, 2:]) / 2, others[:, 2:] - others[:, :2]], axis=1)
    return boxes.astype(dtype), defaults.astype(dtype)


def offset_scale(boxes: np.ndarray, defaults: np.ndarray) -> float:
    """How far rounding of the coordinates (epsilon at 1) is magnified in an offset: by 1 / (the smallest side * variance)."""
    smallest = min((boxes[:, 2:] - boxes[:, :2]).min(), defaults[:, 2:].min())
    return 1 / (0.1 * smallest)


def check_encode(side: Implementation, boxes: np.ndarray, defaults: np.ndarray, **options: object) -> np.ndarray:
    """Agreement with the reference in the same dtype and in float64."""
    (actual,) = side.call("coder.encode", boxes, defaults, **options)
    for dtype in (boxes.dtype, np.float64):
        (expected,) = REFERENCE.call("coder.encode", boxes.astype(dtype), defaults.astype(dtype), **options)
        scale = offset_scale(boxes, defaults)
        inputs = (boxes, defaults)
        assert_agree(operation="coder.encode", actual=actual, expected=expected, inputs=inputs, options=options, scale=scale)
    return actual


def check_decode(side: Implementation, offsets: np.ndarray, defaults: np.ndarray, **options: object) -> np.ndarray:
    """Agreement with the reference in the same dtype and in float64."""
    (actual,) = side.call("coder.decode", offsets, defaults, **options)
    for dtype in (offsets.dtype, np.float64):
        (expected,) = REFERENCE.call("coder.decode", offsets.astype(dtype), defaults.astype(dtype), **options)
        # exp turns the rounding of its argument into a relative error of the size.
        scale = float(np.abs(expected).max()) * max(1.0, float(np.abs(offsets).max()) * 0.2)
        assert_agree(
            operation="coder.decode",
            actual=actual,
            expected=expected,
            inputs=(offsets, defaults),
            options=options,
            scale=scale,
        )
    return actual


@pytest.mark.rule("R-COD-1", "R-COD-2", "R-COD-3")
@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_encode(side: Implementation, dtype: type, seed: int) -> None:
    boxes, defaults = draw_pair(seed, dtype)
    check_encode(side, boxes, defaults)
    check_encode(side, boxes, defaults, variances=(1.0, 0.5))


@pytest.mark.rule("R-COD-4", "R-COD-5")
@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_decode(side: Implementation, dtype: type, seed: int) -> None:
    _, defaults = draw_pair(seed, dtype)
    offsets = np.random.default_rng(seed).normal(scale=5, size=(COUNT, 4)).astype(dtype)
    check_decode(side, offsets, defaults)
    check_decode(side, offsets, defaults, max_log_scale=None, variances=(1.0, 0.5))


@pytest.mark.rule("R-COD-1", "R-COD-2", "R-COD-4")
@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_gradients(side: Implementation, dtype: type, seed: int) -> None:
    boxes, defaults = draw_pair(seed, dtype, smallest=0.2)
    check_gradient(side, "coder.encode", boxes, defaults)
    offsets = np.random.default_rng(seed).normal(size=(COUNT, 4)).astype(dtype)
    check_gradient(side, "coder.decode", offsets, defaults)


@pytest.mark.rule("R-COD-4")
@SIDES
@given(seed=strategies.seeds)
def test_decode_inverts_encode(side: Implementation, seed: int) -> None:
    """For any size ratio up to the clamp, here up to 50, to rounding."""
    boxes, defaults = draw_pair(seed, np.float64, smallest=0.02)
    (offsets,) = side.call("coder.encode", boxes, defaults)
    np.testing.assert_allclose(side.call("coder.decode", offsets, defaults)[0], boxes, rtol=0, atol=1e-14)


@pytest.mark.rule("R-COD-1", "R-COD-2", "R-COD-3")
@SIDES_AND_DTYPES
def test_known_offsets(side: Implementation, dtype: type) -> None:
    """Centre 0.1 to the right of a box 0.2 wide: 0.1 / 0.2 / 0.1 = 5. Twice as wide: ln 2 / 0.2. Half as high: -ln 2 / 0.2."""
    defaults = np.array([(0.4, 0.5, 0.2, 0.4)], dtype)
    boxes = np.array([(0.3, 0.4, 0.7, 0.6)], dtype)
    expected = np.array([(5, 0, math.log(2) / 0.2, -math.log(2) / 0.2)])
    np.testing.assert_allclose(check_encode(side, boxes, defaults), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.rule("R-COD-5")
@SIDES_AND_DTYPES
def test_decode_clamps_the_size(side: Implementation, dtype: type) -> None:
    """At most 1000 / 16 = 62.5 times the default box; with None the same offset gives e^20 times."""
    offsets, defaults = np.array([(0, 0, 100, -100)], dtype), np.array([(0.5, 0.5, 0.01, 0.01)], dtype)
    xmin, ymin, xmax, ymax = check_decode(side, offsets, defaults)[0]
    assert xmax - xmin == pytest.approx(0.625)
    assert ymax - ymin == pytest.approx(0, abs=1e-7)
    xmin, _, xmax, _ = check_decode(side, offsets, defaults, max_log_scale=None)[0]
    assert xmax - xmin == pytest.approx(0.01 * math.exp(20))


@pytest.mark.rule("R-COD-5")
@SIDES
def test_the_clamp_stops_the_gradient_above_it_alone(side: Implementation) -> None:
    limit = math.log(1000 / 16) / 0.2
    defaults = np.array([(0.5, 0.5, 0.1, 0.1)])
    for offset, zero in ((limit - 0.01, False), (limit + 0.01, True)):
        offsets = np.array([(0.0, 0.0, offset, offset)])
        for implementation in (side, REFERENCE):
            (gradient,) = implementation.gradients("coder.decode", offsets, defaults)
            assert np.all((gradient[0, 2:] == 0) == zero)
