"""torchvision as third witness: `BoxCoder` with the weights of SSD (10, 10, 5, 5), the inverse of our variances."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given

from parity_tests import strategies
from parity_tests.adapters import Implementation
from parity_tests.asserts import assert_agree
from parity_tests.test_coder import draw_pair, offset_scale
from parity_tests.test_torchvision_boxes import SIDES, SIDES_AND_DTYPES, check_gradient, check_operation
from parity_tests.torchvision_adapter import SSD300, TORCHVISION, default_boxes_px
from tf_ssd.config import COCO300
from tf_ssd.default_boxes import default_boxes

LIMIT = math.log(1000 / 16)


def corner_scale(boxes: np.ndarray, defaults: np.ndarray) -> float:
    """How far rounding of coordinates is magnified in an offset, the default box being given by its corners.

    Its sides are then differences, off by an epsilon at 1, and a distance of n sides between the centres is off by n as much.
    """
    sides = defaults[:, 2:]
    distance = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - defaults[:, :2]) / sides
    return max(offset_scale(boxes, defaults), float(((1 + distance) / (0.1 * sides)).max()))


def check_encode(side: Implementation, boxes: np.ndarray, defaults: np.ndarray) -> None:
    check_operation(side, "coder.encode", boxes, defaults, scale=corner_scale(boxes, defaults))


def check_decode(side: Implementation, offsets: np.ndarray, defaults: np.ndarray) -> None:
    """Agreement; torchvision takes the default box as corners, whose difference has the rounding of 1, and multiplies it."""
    growth = np.exp(np.minimum(0.2 * offsets[:, 2:].astype(np.float64), LIMIT)).max()
    check_operation(side, "coder.decode", offsets, defaults, scale=max(1.0, growth))


@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_encode(side: Implementation, dtype: type, seed: int) -> None:
    check_encode(side, *draw_pair(seed, dtype))


@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_decode(side: Implementation, dtype: type, seed: int) -> None:
    """A tenth of the sizes beyond the clamp, which begins at an offset of 20.7."""
    _, defaults = draw_pair(seed, dtype)
    offsets = np.random.default_rng(seed).normal(scale=16, size=defaults.shape).astype(dtype)
    check_decode(side, offsets, defaults)


@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_gradients(side: Implementation, dtype: type, seed: int) -> None:
    boxes, defaults = draw_pair(seed, dtype, smallest=0.2)
    check_gradient(side, "coder.encode", boxes, defaults, scale=1 / 0.2)
    offsets = np.random.default_rng(seed).normal(size=defaults.shape).astype(dtype)
    check_gradient(side, "coder.decode", offsets, defaults, scale=1 / 0.2)


@SIDES
def test_all_default_boxes_in_pixels(side: Implementation) -> None:
    """The pipeline of torchvision, with default boxes in pixels, against ours in fractions: offsets have no unit."""
    boxes = strategies.random_boxes(3, 8732, smallest=0.02).astype(np.float32)
    defaults = default_boxes(dataclasses.replace(COCO300, clip="size")).numpy()
    pixels = default_boxes_px()
    context = {"inputs": (boxes, defaults), "scale": corner_scale(boxes, defaults)}
    (offsets,) = side.call("coder.encode", boxes, defaults)
    expected = SSD300.box_coder.encode_single(torch.from_numpy(boxes) * 300, pixels).numpy()
    assert_agree(operation="coder.encode", actual=offsets, expected=expected, **context)
    # Both decode the same offsets, and come back to the boxes up to the rounding of what made them.
    decoded = SSD300.box_coder.decode_single(torch.from_numpy(offsets), pixels).numpy() / 300
    (actual,) = side.call("coder.decode", offsets, defaults)
    assert_agree(
        operation="coder.decode", actual=actual, expected=decoded, inputs=(offsets, defaults), scale=np.exp(0.2 * offsets).max()
    )


@SIDES_AND_DTYPES
def test_decode_clamps_the_size_at_the_same_limit(side: Implementation, dtype: type) -> None:
    """ln(1000 / 16) = ln 62.5, the default of both; Caffe and our `max_log_scale=None` go on to e^20 times."""
    assert SSD300.box_coder.bbox_xform_clip == LIMIT
    offsets, defaults = np.array([(0, 0, 100, 100)], dtype), np.array([(0.5, 0.5, 1, 0.5)], dtype)
    expected = (0.5 - 62.5 / 2, 0.5 - 62.5 / 4, 0.5 + 62.5 / 2, 0.5 + 62.5 / 4)
    for implementation in (side, TORCHVISION):
        assert implementation.call("coder.decode", offsets, defaults)[0][0] == pytest.approx(expected, rel=1e-5)
    xmin, _, xmax, _ = side.call("coder.decode", offsets, defaults, max_log_scale=None)[0][0]
    assert xmax - xmin == pytest.approx(math.exp(20), rel=1e-5)


@SIDES
def test_the_clamp_stops_the_gradient_at_the_same_place(side: Implementation) -> None:
    defaults = np.array([(0.5, 0.5, 0.1, 0.1)])
    for offset, zero in ((LIMIT / 0.2 - 0.01, False), (LIMIT / 0.2 + 0.01, True)):
        for implementation in (side, TORCHVISION):
            (gradient,) = implementation.gradients("coder.decode", np.array([(0.0, 0.0, offset, offset)]), defaults)
            assert np.all((gradient[0, 2:] == 0) == zero)


@SIDES_AND_DTYPES
def test_encode_of_a_box_without_area(side: Implementation, dtype: type) -> None:
    """Both take ln 0 for the width: minus infinity, beside a finite rest. Here matching never lets such a box come to this."""
    flat, defaults = np.array([(0.5, 0.25, 0.5, 0.75)], dtype), np.array([(0.25, 0.5, 0.5, 0.5)], dtype)
    for implementation in (side, TORCHVISION):
        assert implementation.call("coder.encode", flat, defaults)[0].tolist() == [[5, 0, -np.inf, 0]]
