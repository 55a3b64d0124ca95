"""A loss module in the manner of amdegroot/ssd.pytorch, with the traits measured there, and how it is audited.

python -m tf_ssd.audit --impl examples.audit.amdegroot_style:loss

Written for this example: predictions and a list of targets (G, 5) go in, the two terms come out. Each object claims its best
default box, the last one wins; the log-sum-exp of mining subtracts the largest logit of the batch; N may
be 0.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss
from torchvision.ops import box_convert, box_iou


class MultiBoxLoss(nn.Module):
    """Predictions (offsets (B, K, 4), logits (B, K, C), default boxes (K, 4) cxcywh) and targets (G, 5): corners and class - 1."""

    def forward(self, predictions: tuple[Tensor, Tensor, Tensor], targets: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Localization and confidence."""
        offsets, logits, default_boxes = predictions
        wanted, labels = (torch.stack(parts) for parts in zip(*(match(rows, default_boxes) for rows in targets), strict=True))
        positive = labels > 0
        localization = smooth_l1_loss(offsets[positive], wanted[positive], reduction="sum")
        largest = logits.detach().max()
        hardness = torch.log(torch.exp(logits - largest).sum(-1)) + largest - logits.gather(-1, labels[..., None])[..., 0]
        rank = hardness.masked_fill(positive, 0).argsort(1, descending=True).argsort(1)
        negatives = (3 * positive.sum(1, keepdim=True)).clamp(max=labels.shape[1] - 1)
        taken = positive | (rank < negatives)
        confidence = cross_entropy(logits[taken], labels[taken], reduction="sum")
        return localization / positive.sum(), confidence / positive.sum()


def match(rows: Tensor, default_boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Offsets (K, 4) and labels (K,) for one image."""
    overlaps = box_iou(rows[:, :4], box_convert(default_boxes, "cxcywh", "xyxy"))  # (G, K)
    best, row = overlaps.max(0)
    for number, box in enumerate(overlaps.max(1).indices):
        row[box], best[box] = number, 2
    boxes = box_convert(rows[row, :4], "xyxy", "cxcywh")
    shift = (boxes[:, :2] - default_boxes[:, :2]) / default_boxes[:, 2:] / 0.1
    growth = torch.log(boxes[:, 2:] / default_boxes[:, 2:]) / 0.2
    return torch.cat([shift, growth], 1), torch.where(best >= 0.5, rows[row, 4].long() + 1, 0)


def loss(offsets: Tensor, logits: Tensor, gt_boxes: Sequence[Tensor], gt_labels: Sequence[Tensor], default_boxes: Tensor) -> Any:
    """The adapter: total, localization, confidence."""
    pairs = zip(gt_boxes, gt_labels, strict=True)
    targets = [torch.cat([boxes, labels[:, None].to(boxes.dtype) - 1], 1) for boxes, labels in pairs]
    localization, confidence = MultiBoxLoss()((offsets, logits, default_boxes), targets)
    return localization + confidence, localization, confidence
