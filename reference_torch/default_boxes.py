"""The default boxes of SSD: for every cell of every feature map a few boxes of fixed size and shape."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class DefaultBoxesConfig:
    """One entry per feature map: sizes and steps in pixels of an image of `image_size`. Source: Caffe SSD (PriorBox).

    clip: "none" (Caffe), "size" (width and height to at most 1, torchvision) or "cxcywh" (all four to [0, 1]).
    order: of the boxes in a cell, and what the first map has, "caffe" or "od_api" (TensorFlow's Object Detection API).
    """

    min_sizes: tuple[float, ...]
    max_sizes: tuple[float, ...]
    image_size: int = 300
    feature_maps: tuple[int, ...] = (38, 19, 10, 5, 3, 1)
    steps: tuple[float, ...] = (8, 16, 32, 64, 100, 300)
    aspect_ratios: tuple[tuple[float, ...], ...] = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
    offset: float = 0.5
    clip: str = "none"
    order: str = "caffe"


def preset(sizes: tuple[float, ...], *grid: Any, **settings: Any) -> DefaultBoxesConfig:
    """The size s of each map and the next one's s'; image, maps, steps, ratios."""
    return DefaultBoxesConfig(sizes[:-1], sizes[1:], *grid, **settings)


def even_preset(image_size: int, maps: tuple[int, ...], **settings: Any) -> DefaultBoxesConfig:
    """Scales .2 to .95 in equal steps, and 1. Source: torchvision's DefaultBoxGenerator; the Object Detection API's anchors."""
    last = len(maps) - 1
    sizes = [image_size * (0.2 * (last - k) + 0.95 * k) / last for k in range(last + 1)]
    first = (2.0,) if settings["order"] == "od_api" else (2.0, 3.0)  # ratios of the first map
    steps = tuple(image_size / cells for cells in maps)
    return preset((*sizes, image_size), image_size, maps, steps, (first, *((2.0, 3.0),) * last), **settings)


VOC300 = preset((30, 60, 111, 162, 213, 264, 315))
COCO300 = preset((21, 45, 99, 153, 207, 261, 315))
PAPER300 = preset((60, 102, 144, 186, 228, 270, 312))  # equation 4, m = 6: .20 .34 .48 .62 .76 .90, and 1.04 for the last s'
RATIOS512 = ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))
GRID512 = (512, (64, 32, 16, 8, 4, 2, 1), (8, 16, 32, 64, 128, 256, 512), RATIOS512)
VOC512 = preset(tuple(512 * s for s in (0.07, 0.15, 0.30, 0.45, 0.60, 0.75, 0.90, 1.05)), *GRID512)
COCO512 = preset(tuple(512 * s for s in (0.04, 0.10, 0.26, 0.42, 0.58, 0.74, 0.90, 1.06)), *GRID512)
LITE320 = even_preset(320, (20, 10, 5, 3, 2, 1), order="caffe", clip="size")
OD300 = even_preset(300, (19, 10, 5, 3, 2, 1), order="od_api")
OD320 = even_preset(320, (20, 10, 5, 3, 2, 1), order="od_api")


def boxes_per_cell(config: DefaultBoxesConfig) -> tuple[int, ...]:
    """How many default boxes a cell of each feature map has."""
    return tuple(len(_sizes(config, level)) for level in range(len(config.feature_maps)))


def default_boxes(config: DefaultBoxesConfig, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """All K default boxes, (K, 4) cxcywh in fractions of the image, computed in float64 and rounded once to dtype.

    Order: feature map, row, column, then the sizes of `_sizes`. Raises ValueError for an unknown clip or order, or for
    per-map settings of different lengths. Source: paper, section 2.2; order of Caffe SSD.
    """
    if config.clip not in ("none", "size", "cxcywh"):
        raise ValueError(f"clip is {config.clip!r}; use 'none', 'size' or 'cxcywh'")
    if config.order not in ("caffe", "od_api"):
        raise ValueError(f"order is {config.order!r}; use 'caffe' or 'od_api'")
    maps = zip(config.feature_maps, config.steps, config.min_sizes, config.max_sizes, config.aspect_ratios, strict=True)
    boxes = []
    for level, (cells, step, *_) in enumerate(maps):
        for row in range(cells):
            for column in range(cells):
                cx, cy = ((place + config.offset) * step / config.image_size for place in (column, row))
                boxes += [(cx, cy, width, height) for width, height in _sizes(config, level)]
    exact = torch.tensor(boxes, dtype=torch.float64)  # [K,4]
    if config.clip == "size":
        exact[:, 2:] = exact[:, 2:].clamp(max=1)
    if config.clip == "cxcywh":
        exact = exact.clamp(0, 1)
    return exact.to(dtype)


def _sizes(config: DefaultBoxesConfig, level: int) -> list[tuple[float, float]]:
    """(width, height) within a cell: s, then sqrt(s s'), then each ratio of width to height and its reciprocal.

    The Object Detection API lists sqrt(s s') last; on its first map it is left out, and the square has half the size.
    """
    s, next_s = config.min_sizes[level] / config.image_size, config.max_sizes[level] / config.image_size
    oblong = []
    for ratio in config.aspect_ratios[level]:
        oblong += [(s * sqrt(ratio), s / sqrt(ratio)), (s / sqrt(ratio), s * sqrt(ratio))]
    larger = (sqrt(s * next_s), sqrt(s * next_s))
    if config.order == "caffe":
        return [(s, s), larger, *oblong]
    return [(s, s), *oblong, larger] if level else [(s / 2, s / 2), *oblong]
