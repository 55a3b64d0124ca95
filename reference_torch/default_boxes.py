"""The default boxes of SSD: for every cell of every feature map a few boxes of fixed size and shape."""

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor


@dataclass(frozen=True)
class DefaultBoxesConfig:
    """One entry per feature map: sizes and steps in pixels of an image of `image_size`. Source: Caffe SSD (PriorBox).

    clip: "none" (Caffe), "size" (width and height to at most 1, torchvision) or "cxcywh" (all four to [0, 1]).
    """

    min_sizes: tuple[float, ...]
    max_sizes: tuple[float, ...]
    image_size: int = 300
    feature_maps: tuple[int, ...] = (38, 19, 10, 5, 3, 1)
    steps: tuple[float, ...] = (8, 16, 32, 64, 100, 300)
    aspect_ratios: tuple[tuple[float, ...], ...] = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
    offset: float = 0.5
    clip: str = "none"


VOC300 = DefaultBoxesConfig((30, 60, 111, 162, 213, 264), (60, 111, 162, 213, 264, 315))
COCO300 = DefaultBoxesConfig((21, 45, 99, 153, 207, 261), (45, 99, 153, 207, 261, 315))
# Equation 4 with m = 6: 300 px times .20 .34 .48 .62 .76 .90, and 1.04 for the last s'.
PAPER300 = DefaultBoxesConfig((60, 102, 144, 186, 228, 270), (102, 144, 186, 228, 270, 312))


def default_boxes(config: DefaultBoxesConfig, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """All K default boxes, (K, 4) cxcywh in fractions of the image, computed in float64 and rounded once to dtype.

    Order: feature map, row, column, then the sizes of `_sizes`. Raises ValueError for an unknown clip or for
    per-map settings of different lengths. Source: paper, section 2.2; order of Caffe SSD.
    """
    if config.clip not in ("none", "size", "cxcywh"):
        raise ValueError(f"clip is {config.clip!r}; use 'none', 'size' or 'cxcywh'")
    maps = zip(config.feature_maps, config.steps, config.min_sizes, config.max_sizes, config.aspect_ratios, strict=True)
    boxes = []
    for cells, step, min_size, max_size, ratios in maps:
        for row in range(cells):
            for column in range(cells):
                cx = (column + config.offset) * step / config.image_size
                cy = (row + config.offset) * step / config.image_size
                for width, height in _sizes(min_size / config.image_size, max_size / config.image_size, ratios):
                    boxes.append((cx, cy, width, height))
    exact = torch.tensor(boxes, dtype=torch.float64)  # [K,4]
    if config.clip == "size":
        exact[:, 2:] = exact[:, 2:].clamp(max=1)
    if config.clip == "cxcywh":
        exact = exact.clamp(0, 1)
    return exact.to(dtype)


def _sizes(s: float, next_s: float, ratios: tuple[float, ...]) -> list[tuple[float, float]]:
    """(width, height) within a cell: s, then sqrt(s s'), then each ratio of width to height and its reciprocal."""
    sizes = [(s, s), (sqrt(s * next_s), sqrt(s * next_s))]
    for ratio in ratios:
        sizes += [(s * sqrt(ratio), s / sqrt(ratio)), (s / sqrt(ratio), s * sqrt(ratio))]
    return sizes
