"""A criterion that keeps default boxes and weights as buffers, made once for a network, and how it is audited.

python -m tf_ssd.audit --impl examples.audit.criterion_style:loss

Written for this example. The audit's default boxes take the place of those that the criterion would compute from its settings; its
buffers get the type of the predictions, and its number of classes is theirs.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss

from examples.audit.amdegroot_style import match


class SetCriterion(nn.Module):
    """Losses of predictions (B, K, 4) and (B, K, C) by name."""

    default_boxes: Tensor
    class_weights: Tensor

    def __init__(self, default_boxes: Tensor, num_classes: int, *, negative_ratio: int = 3) -> None:
        super().__init__()
        self.negative_ratio = negative_ratio
        self.register_buffer("default_boxes", default_boxes)
        self.register_buffer("class_weights", torch.ones(num_classes))

    def forward(self, outputs: dict[str, Tensor], objects: Sequence[Tensor]) -> dict[str, Tensor]:
        """`objects` (G, 5) of each image: corners, and the class from 0."""
        found = [self._targets(rows) for rows in objects]
        wanted, labels = (torch.stack(parts) for parts in zip(*found, strict=True))  # (B, K, 4), (B, K)
        positive = labels > 0
        logits = outputs["pred_logits"]
        entropy = cross_entropy(logits.transpose(1, 2), labels, weight=self.class_weights, reduction="none")  # (B, K)
        rank = entropy.detach().masked_fill(positive, -1).argsort(dim=1, descending=True, stable=True).argsort(1)
        taken = positive | (rank < self.negative_ratio * positive.sum(1, keepdim=True))
        n = positive.sum().clamp(min=1)
        return {
            "loss_boxes": smooth_l1_loss(outputs["pred_offsets"][positive], wanted[positive], reduction="sum") / n,
            "loss_classes": entropy[taken].sum() / n,
        }

    def _targets(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets (K, 4) and labels (K,), all background if there is no object."""
        if len(rows):
            return match(rows, self.default_boxes)
        return torch.zeros_like(self.default_boxes), torch.zeros(len(self.default_boxes), dtype=torch.int64)


def loss(offsets: Tensor, logits: Tensor, gt_boxes: Sequence[Tensor], gt_labels: Sequence[Tensor], default_boxes: Tensor) -> Any:
    """The adapter: it makes the criterion, and leaves rows of padding out."""
    criterion = SetCriterion(default_boxes, logits.shape[-1]).to(offsets.dtype)
    annotation = zip(gt_boxes, gt_labels, strict=True)
    objects = [torch.cat([boxes, labels[:, None].to(boxes.dtype) - 1], dim=1)[labels > 0] for boxes, labels in annotation]
    losses = criterion({"pred_offsets": offsets, "pred_logits": logits}, objects)
    return sum(losses.values()), losses["loss_boxes"], losses["loss_classes"]
