"""Boxes <-> offsets from default boxes, divided by the variances (centre, size)."""

from math import log

import torch
from torch import Tensor

from reference_torch.boxes import to_cxcywh, to_xyxy

MAX_LOG_SCALE = log(1000 / 16)


def encode(boxes: Tensor, default_boxes: Tensor, *, variances: tuple[float, float] = (0.1, 0.2)) -> Tensor:
    """Offsets (K, 4) of boxes xyxy (K, 4) from default boxes cxcywh (K, 4), row by row; same dtype.

    (gcx - dcx) / dw / 0.1, (gcy - dcy) / dh / 0.1, ln(gw / dw) / 0.2, ln(gh / dh) / 0.2. A box without area
    gives -inf or NaN: matching never chooses one. Source: paper, equation 2; variances of Caffe SSD.
    """
    boxes = to_cxcywh(boxes)  # xyxy -> cxcywh
    centre = (boxes[:, :2] - default_boxes[:, :2]) / default_boxes[:, 2:] / variances[0]  # [K,2]
    size = torch.log(boxes[:, 2:] / default_boxes[:, 2:]) / variances[1]  # [K,2]
    return torch.cat((centre, size), dim=1)


def decode(
    offsets: Tensor,
    default_boxes: Tensor,
    *,
    variances: tuple[float, float] = (0.1, 0.2),
    max_log_scale: float | None = MAX_LOG_SCALE,
) -> Tensor:
    """The inverse of `encode`: offsets (K, 4), default boxes cxcywh (K, 4) -> boxes xyxy (K, 4); same dtype.

    offset * variance of the two sizes is limited to max_log_scale (a growth of 1000/16 = 62.5 times; None: no
    limit). Boxes are not clipped to the image. Source: Caffe SSD; the limit is torchvision's.
    """
    log_scale = offsets[:, 2:] * variances[1]  # [K,2]
    if max_log_scale is not None:
        log_scale = log_scale.clamp(max=max_log_scale)
    centre = default_boxes[:, :2] + offsets[:, :2] * variances[0] * default_boxes[:, 2:]  # [K,2]
    size = default_boxes[:, 2:] * torch.exp(log_scale)  # [K,2]
    return to_xyxy(torch.cat((centre, size), dim=1))  # cxcywh -> xyxy
