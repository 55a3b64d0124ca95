"""A detector in torchvision's manner, which takes images and annotations and returns a dict of losses, and how it is audited.

python -m tf_ssd.audit --impl examples.audit.torchvision_style:loss
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.ssd import SSD
from torchvision.ops import box_convert


class Given(nn.Module):
    """Takes the place of the backbone, the default boxes and the head, so that the audit decides what they return."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def forward(self, *_: Any) -> Any:
        """What was given."""
        return self.value


def loss(offsets: Tensor, logits: Tensor, gt_boxes: Sequence[Tensor], gt_labels: Sequence[Tensor], default_boxes: Tensor) -> Any:
    """The adapter: total, localization, confidence. Images of one pixel make pixels and fractions the same."""
    head = Given({"bbox_regression": offsets, "cls_logits": logits})
    anchors = Given([box_convert(default_boxes, "cxcywh", "xyxy")] * len(offsets))
    detector = SSD(Given(torch.zeros(1)), anchors, (1, 1), logits.shape[-1], head=head).train()
    targets = [
        {"boxes": boxes[labels > 0], "labels": labels[labels > 0]} for boxes, labels in zip(gt_boxes, gt_labels, strict=True)
    ]
    losses = detector([torch.zeros(3, 1, 1)] * len(offsets), targets)
    return sum(losses.values()), losses["bbox_regression"], losses["classification"]
