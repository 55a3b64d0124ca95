"""torchvision as third witness: `DefaultBoxGenerator` as ssd300_vgg16 makes it, which is the preset COCO300 with clip "size"."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator

import reference_torch.default_boxes as reference
import tf_ssd.config
import tf_ssd.default_boxes as production
from parity_tests.torchvision_adapter import FEATURE_MAPS, SSD300, default_boxes_px

PACKAGES = pytest.mark.parametrize("package", ["tf_ssd", "reference_torch"])


def ours(package: str, preset: str = "COCO300", *, clip: str = "size", dtype: str = "float32") -> np.ndarray:
    """A preset (8732, 4) cxcywh, from one of our two packages."""
    if package == "tf_ssd":
        return production.default_boxes(dataclasses.replace(getattr(tf_ssd.config, preset), clip=clip), dtype=dtype).numpy()
    config = dataclasses.replace(getattr(reference, preset), clip=clip)
    return reference.default_boxes(config, dtype=getattr(torch, dtype)).numpy()


def torchvisions(*, dtype: torch.dtype = torch.float32, **settings: Any) -> np.ndarray:
    """The same (8732, 4) from torchvision, before it makes corners in pixels of them; `settings` replace ssd300_vgg16's."""
    coco = SSD300.anchor_generator
    arguments = {"scales": coco.scales, "steps": coco.steps, "clip": coco.clip, **settings}
    generator = DefaultBoxGenerator(coco.aspect_ratios, **arguments)
    return generator._grid_default_boxes([[cells, cells] for cells in FEATURE_MAPS], [300, 300], dtype=dtype).numpy()


def different(a: np.ndarray, b: np.ndarray) -> list[int]:
    """Numbers of the boxes that differ by more than rounding."""
    return np.flatnonzero(np.any(np.abs(a - b) > 1e-6, axis=1)).tolist()


@PACKAGES
def test_order_and_values_are_equal_to_the_bit(package: str) -> None:
    """Although one side computes in float32 and the other in float64, rounded once: all but the square roots are exact."""
    np.testing.assert_array_equal(ours(package), torchvisions())
    np.testing.assert_array_equal(ours(package, clip="none"), torchvisions(clip=False))


@PACKAGES
def test_clipping_is_of_width_and_height_alone(package: str) -> None:
    """Two boxes are larger than the image: 261 x sqrt 2 px in the only cell of the last map, one wide, one high.

    In the map of 10 x 10 cells of 32 px the last centre lies at 304 px: a row and a column of 19 cells, 6 boxes in each, have
    their centre outside, and stay there, where "cxcywh" would move it to the border.
    """
    assert different(torchvisions(), torchvisions(clip=False)) == [8730, 8731]
    moved = different(torchvisions(), ours(package, clip="cxcywh"))
    assert len(moved) == 19 * 6
    assert np.all(torchvisions()[moved, :2].max(axis=1) == np.float32(304 / 300))


@PACKAGES
def test_float64_predictions_get_boxes_of_float32(package: str) -> None:
    """Centres and sizes are computed in float32 and widened by torchvision: off by up to half a step of 2^-24."""
    boxes = torchvisions(dtype=torch.float64)
    np.testing.assert_array_equal(boxes, torchvisions().astype(np.float64))
    error = np.abs(boxes - ours(package, dtype="float64")).max()
    assert 2**-26 < error <= 2**-25


@PACKAGES
def test_corners_in_pixels_cost_a_few_bits(package: str) -> None:
    """What torchvision encodes and decodes with: corners, which from 256 px on are rounded to steps of 2^-15 px.

    Two of them make the width of the smallest box, 21 / sqrt 2 = 14.8 px: off by up to 2^-15 / 14.8 = 17 epsilons.
    """
    boxes = ours(package)
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)
    pixels = default_boxes_px().numpy()
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, corners * 300, rtol=0, atol=2**-15)
    widths = (pixels[:, 2] - pixels[:, 0]) / 300
    error = np.abs(widths / boxes[:, 2] - 1).max()
    assert 10 < error / np.finfo(np.float32).eps < 18


@PACKAGES
def test_scales_estimated_from_a_range_end_at_1(package: str) -> None:
    """With the paper's 0.2 to 0.9 torchvision's last s' is 1, where equation 4 goes on to 1.04: the larger square of the last cell.

    sqrt(0.9 x 1) = 0.9487 instead of sqrt(0.9 x 1.04) = 0.9675; the other 8731 boxes are those of PAPER300.
    """
    boxes, paper = torchvisions(scales=None, min_ratio=0.2, max_ratio=0.9), ours(package, "PAPER300")
    assert different(boxes, paper) == [8729]
    assert boxes[8729, 2] == pytest.approx(np.sqrt(0.9))
    assert paper[8729, 2] == pytest.approx(np.sqrt(0.9 * 1.04))
