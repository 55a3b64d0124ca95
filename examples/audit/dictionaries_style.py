"""A loss that takes torchvision's dictionaries, in pixels, and returns one, and how it is audited.

python -m tf_ssd.audit --impl examples.audit.dictionaries_style:loss

Written for this example. `outputs` is what torchvision's SSD head returns, `targets` what its datasets return. Each image is
divided by its own positives; an image without objects is left out.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, smooth_l1_loss
from torchvision.models.detection._utils import BoxCoder, SSDMatcher
from torchvision.ops import box_convert, box_iou

CODER = BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
SIDE = 300  # pixels


def detection_losses(outputs: dict[str, Tensor], targets: Sequence[dict[str, Tensor]], anchors: Tensor) -> dict[str, Tensor]:
    """Both terms, for anchors (K, 4) xyxy in pixels."""
    boxes, classes = [anchors.new_zeros(())], [anchors.new_zeros(())]
    for offsets, logits, target in zip(outputs["bbox_regression"], outputs["cls_logits"], targets, strict=True):
        if len(target["boxes"]) == 0:
            continue
        row = SSDMatcher(0.5)(box_iou(target["boxes"], anchors))
        positive = row >= 0
        wanted = CODER.encode_single(target["boxes"][row[positive]], anchors[positive])
        labels = torch.zeros_like(row)
        labels[positive] = target["labels"][row[positive]]
        entropy = cross_entropy(logits, labels, reduction="none")
        number = int(positive.sum())
        negatives = entropy.masked_fill(positive, -1).topk(min(3 * number, len(row) - number)).values
        boxes.append(smooth_l1_loss(offsets[positive], wanted, reduction="sum") / number)
        classes.append((entropy[positive].sum() + negatives.sum()) / number)
    return {"bbox": sum(boxes) / len(targets), "cls": sum(classes) / len(targets)}


def loss(offsets: Tensor, logits: Tensor, gt_boxes: Sequence[Tensor], gt_labels: Sequence[Tensor], default_boxes: Tensor) -> Any:
    """The adapter: fractions become pixels, rows of padding are left out, and the total is the sum of the dictionary."""
    annotation = zip(gt_boxes, gt_labels, strict=True)
    targets = [{"boxes": boxes[labels > 0] * SIDE, "labels": labels[labels > 0]} for boxes, labels in annotation]
    outputs = {"bbox_regression": offsets, "cls_logits": logits}
    losses = detection_losses(outputs, targets, box_convert(default_boxes, "cxcywh", "xyxy") * SIDE)
    return sum(losses.values()), losses["bbox"], losses["cls"]
