"""Boxes: xyxy = (xmin, ymin, xmax, ymax), cxcywh = (centre x, centre y, width, height), fractions of the image side."""

import torch
from torch import Tensor


def to_cxcywh(boxes: Tensor) -> Tensor:
    """From xyxy (..., 4) to cxcywh (..., 4), same dtype and units. Source: paper, section 2.2."""
    xmin, ymin, xmax, ymax = boxes.unbind(-1)
    return torch.stack(((xmin + xmax) / 2, (ymin + ymax) / 2, xmax - xmin, ymax - ymin), dim=-1)


def to_xyxy(boxes: Tensor) -> Tensor:
    """From cxcywh (..., 4) to xyxy (..., 4), same dtype and units. Source: paper, section 2.2."""
    cx, cy, width, height = boxes.unbind(-1)
    return torch.stack((cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2), dim=-1)


def area(boxes: Tensor) -> Tensor:
    """Width * height of xyxy (..., 4) -> (...): 0 when inverted, NaN for NaN; same dtype. Source: Caffe SSD."""
    xmin, ymin, xmax, ymax = boxes.unbind(-1)
    return (xmax - xmin).clamp(min=0) * (ymax - ymin).clamp(min=0)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of every a with every b: xyxy (N, 4), xyxy (M, 4) -> (N, M) in [0, 1], same dtype.

    It is 0 with any box whose area is not above 0 (flat, inverted, NaN), and such a box gets gradient exactly 0.
    It is symmetric, and exactly 1 for a box with itself; no epsilon. Source: paper, section 2.2 (jaccard overlap).
    """
    has_area_a, has_area_b = area(a) > 0, area(b) > 0  # [N] [M]
    # The unit square takes the place of a box without area, which would put 0/0 or NaN into the gradient.
    unit = torch.tensor([0, 0, 1, 1])
    a = torch.where(has_area_a[:, None], a, unit)  # [N,4]
    b = torch.where(has_area_b[:, None], b, unit)  # [M,4]
    top_left = torch.maximum(a[:, None, :2], b[None, :, :2])  # [N,M,2]
    bottom_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])  # [N,M,2]
    intersection = area(torch.cat((top_left, bottom_right), dim=-1))  # [N,M]
    union = area(a)[:, None] + area(b)[None, :] - intersection  # [N,M]
    return torch.where(has_area_a[:, None] & has_area_b[None, :], intersection / union, 0)


def clip(boxes: Tensor) -> Tensor:
    """Cut xyxy (..., 4) to the image, each coordinate to [0, 1]; same dtype, NaN stays NaN. Source: torchvision."""
    return boxes.clamp(0, 1)


def flip_horizontal(boxes: Tensor) -> Tensor:
    """Mirror xyxy (..., 4) left to right: xmin' = 1 - xmax, xmax' = 1 - xmin; same dtype. Source: Caffe SSD."""
    xmin, ymin, xmax, ymax = boxes.unbind(-1)
    return torch.stack((1 - xmax, ymin, 1 - xmin, ymax), dim=-1)
