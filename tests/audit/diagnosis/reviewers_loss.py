"""A plain loss in PyTorch as a reviewer would write it to try the audit, with two errors.

The variance of width and height is 0.1 instead of 0.2, and positives are left in the ranking of the negatives.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_convert, box_iou


def match(boxes: Tensor, labels: Tensor, default_boxes: Tensor) -> tuple[Tensor, Tensor]:
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0)
    kept = (labels > 0) & (size.prod(1) > 0) & torch.isfinite(boxes).all(1)
    boxes, labels = boxes[kept], labels[kept]
    offsets, classes = torch.zeros_like(default_boxes), torch.zeros(len(default_boxes), dtype=torch.long)
    if not len(boxes):
        return offsets, classes
    overlap = box_iou(boxes, box_convert(default_boxes, "cxcywh", "xyxy"))
    best, row = overlap.max(0)
    left = overlap.clone()
    while left.max() > 1e-6:
        number, box = divmod(int(left.argmax()), left.shape[1])
        row[box], best[box] = number, 2
        left[number], left[:, box] = 0, 0
    found = box_convert(boxes[row], "xyxy", "cxcywh")
    shift = (found[:, :2] - default_boxes[:, :2]) / default_boxes[:, 2:] / 0.1
    growth = (found[:, 2:] / default_boxes[:, 2:]).log() / 0.1
    positive = best >= 0.5
    return torch.where(positive[:, None], torch.cat([shift, growth], 1), 0), torch.where(positive, labels[row], 0)


def loss(
    offsets: Tensor, logits: Tensor, gt_boxes: Sequence[Tensor], gt_labels: Sequence[Tensor], default_boxes: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    pairs = [match(boxes, labels, default_boxes) for boxes, labels in zip(gt_boxes, gt_labels, strict=True)]
    wanted, labels = (torch.stack(parts) for parts in zip(*pairs, strict=True))
    positive = labels > 0
    localization = F.smooth_l1_loss(offsets[positive], wanted[positive], reduction="sum")
    entropy = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    rank = entropy.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    taken = positive | (rank < 3 * positive.sum(1, keepdim=True))
    confidence = entropy[taken].sum()
    n = positive.sum().clamp(min=1)
    return (localization + confidence) / n, localization / n, confidence / n
