"""A loss on boxes that the network has decoded already, in pixels, and how it is audited.

python -m tf_ssd.audit --impl examples.audit.decoded_boxes_style:loss

Written for this example. The adapter decodes what the audit predicts, as the network would, and the gradient passes through it. The
audit sees a decoder with other variances than the loss. It does not see a wrong constant that both share: audit `decode` and
`encode` as well.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, smooth_l1_loss
from torchvision.ops import box_convert

from examples.audit.amdegroot_style import match

SIDE = 300.0  # pixels


def box_loss(predicted: Tensor, wanted: Tensor, default_boxes: Tensor) -> Tensor:
    """Smooth L1 between predicted and wanted boxes (N, 4) xyxy in pixels, in units of their default boxes (N, 4) cxcywh."""
    return smooth_l1_loss(encode(predicted, default_boxes), encode(wanted, default_boxes), reduction="sum")


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the positives and of three times as many hardest negatives of an image."""
    entropy, positive = cross_entropy(logits, labels, reduction="none"), labels > 0
    hardest = entropy[~positive].sort(descending=True, stable=True).values
    return entropy[positive].sum() + hardest[: 3 * int(positive.sum())].sum()


def encode(boxes: Tensor, default_boxes: Tensor) -> Tensor:
    """Corners (N, 4) to offsets, both in pixels."""
    boxes = box_convert(boxes, "xyxy", "cxcywh")
    shift = (boxes[:, :2] - default_boxes[:, :2]) / default_boxes[:, 2:] / 0.1
    return torch.cat([shift, torch.log(boxes[:, 2:] / default_boxes[:, 2:]) / 0.2], dim=1)


def decode(offsets: Tensor, default_boxes: Tensor) -> Tensor:
    """Offsets (N, 4) to corners, in the unit of the default boxes."""
    centres = default_boxes[:, :2] + offsets[:, :2] * 0.1 * default_boxes[:, 2:]
    return box_convert(torch.cat([centres, default_boxes[:, 2:] * torch.exp(offsets[:, 2:] * 0.2)], dim=1), "cxcywh", "xyxy")


def loss(offsets: Tensor, logits: Tensor, gt_boxes: Sequence[Tensor], gt_labels: Sequence[Tensor], default_boxes: Tensor) -> Any:
    """The adapter: it matches, decodes predictions and targets to pixels, and divides both terms by the positives of the batch."""
    localization, confidence, number = offsets.new_zeros(()), logits.new_zeros(()), 0
    in_pixels = default_boxes * SIDE
    for predicted, scores, boxes, labels in zip(offsets, logits, gt_boxes, gt_labels, strict=True):
        objects = torch.cat([boxes, labels[:, None].to(boxes.dtype) - 1], dim=1)[labels > 0]
        if len(objects) == 0:
            continue
        targets, classes = match(objects, default_boxes)
        positive = classes > 0
        decoded, wanted = (decode(rows[positive], in_pixels[positive]) for rows in (predicted, targets))
        localization = localization + box_loss(decoded, wanted, in_pixels[positive])
        confidence = confidence + class_loss(scores, classes)
        number += int(positive.sum())
    localization, confidence = localization / max(1, number), confidence / max(1, number)
    return localization + confidence, localization, confidence
