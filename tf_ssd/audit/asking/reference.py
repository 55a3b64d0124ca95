"""reference_torch: it matches image by image, and computes the loss of the whole batch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from reference_torch import coder, matcher
from reference_torch import loss as multibox


def loss(
    offsets: Tensor,
    logits: Tensor,
    gt_boxes: Sequence[Tensor],
    gt_labels: Sequence[Tensor],
    default_boxes: Tensor,
    *,
    negative_ratio: int = 3,
    min_negatives: int = 0,
    alpha: float = 1.0,
    normalizer: str = "batch",
    scores: str = "softmax",
) -> tuple[Tensor, ...]:
    """Total, localization and confidence."""
    images = zip(gt_boxes, gt_labels, strict=True)
    targets = [matcher.targets(boxes, labels, default_boxes) for boxes, labels in images]
    target_offsets, target_labels = (torch.stack(tensors) for tensors in zip(*targets, strict=True))
    settings: dict[str, Any] = {"negative_ratio": negative_ratio, "min_negatives": min_negatives, "scores": scores}
    result = multibox.multibox_loss(offsets, logits, target_offsets, target_labels, **settings, alpha=alpha, normalizer=normalizer)
    return result[:3]


def match(gt_boxes: Sequence[Tensor], gt_labels: Sequence[Tensor], default_boxes: Tensor) -> Tensor:
    """Ground-truth rows (B, K)."""
    return torch.stack([matcher.match(*image, default_boxes) for image in zip(gt_boxes, gt_labels, strict=True)])


def encode(boxes: Tensor, default_boxes: Tensor) -> Tensor:
    """Offsets (K, 4)."""
    return coder.encode(boxes, default_boxes)


def decode(offsets: Tensor, default_boxes: Tensor) -> Tensor:
    """Corners (K, 4)."""
    return coder.decode(offsets, default_boxes)
