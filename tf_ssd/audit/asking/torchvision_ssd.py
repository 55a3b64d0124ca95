"""torchvision's own SSD without its convolutions: the case gives what its head would predict.

An image is one pixel wide and high, so that pixels and fractions are the same number. Rows of label 0 are passed on like any other,
because torchvision knows no padding.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.ssd import SSD
from torchvision.ops import box_convert

CODER = BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))


class Fixed(nn.Module):
    """Stands for a part of the network: answers every call with what it was given."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, *_: Any) -> Any:
        """The answer."""
        return self.answer


def loss(
    offsets: Tensor,
    logits: Tensor,
    gt_boxes: Sequence[Tensor],
    gt_labels: Sequence[Tensor],
    default_boxes: Tensor,
    *,
    negative_ratio: int = 3,
) -> tuple[Tensor, ...]:
    """Total, localization and confidence of `SSD.forward` in training; the total is their sum, as in torchvision's script."""
    head = Fixed({"bbox_regression": offsets, "cls_logits": logits})
    anchors = Fixed([box_convert(default_boxes, "cxcywh", "xyxy")] * len(offsets))
    model = SSD(Fixed(torch.zeros(1)), anchors, (1, 1), logits.shape[-1], head=head, positive_fraction=1 / (1 + negative_ratio))
    annotations = [{"boxes": boxes, "labels": labels} for boxes, labels in zip(gt_boxes, gt_labels, strict=True)]
    losses = model.train()([torch.zeros(3, 1, 1)] * len(offsets), annotations)
    return losses["bbox_regression"] + losses["classification"], losses["bbox_regression"], losses["classification"]


def encode(boxes: Tensor, default_boxes: Tensor) -> Tensor:
    """Offsets (K, 4)."""
    return CODER.encode_single(boxes, box_convert(default_boxes, "cxcywh", "xyxy"))


def decode(offsets: Tensor, default_boxes: Tensor) -> Tensor:
    """Corners (K, 4)."""
    return CODER.decode_single(offsets, box_convert(default_boxes, "cxcywh", "xyxy"))
