"""The MultiBox loss: smooth L1 on the offsets, cross entropy on the logits, with hard negative mining."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from reference_torch.matcher import IGNORED
from reference_torch.scores import cross_entropy


class MultiboxLoss(NamedTuple):
    """Scalars, in the dtype of the predictions."""

    total: Tensor  # () confidence + alpha * localization
    localization: Tensor  # () divided by N
    confidence: Tensor  # () divided by N
    num_positives: Tensor  # () int64, whole batch


def smooth_l1(x: Tensor) -> Tensor:
    """Element-wise x^2 / 2 where |x| < 1, else |x| - 1/2; same shape and dtype. Source: Fast R-CNN, equation 3."""
    return functional.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=1.0)


@torch.no_grad()
def hard_negative_mask(
    logits: Tensor, target_labels: Tensor, *, negative_ratio: float = 3, min_negatives: int = 0, scores: str = "softmax"
) -> Tensor:
    """The background default boxes of one image to train on: logits (K, C), target labels (K,) -> (K,) bool.

    These are the min(background, max(negative_ratio * positives, min_negatives)) boxes of highest background cross entropy, for
    `scores` "softmax" or "sigmoid"; NaN ranks above all, and ties go to the lowest index. Background is label 0, positives are > 0.
    """
    background = torch.nonzero(target_labels == 0).flatten()
    positives = int((target_labels > 0).sum())
    number = min(len(background), max(int(negative_ratio * positives), min_negatives))
    losses = cross_entropy(_cast_up(logits[background]), target_labels[background], scores=scores)  # [len(background)]
    hardest = losses.argsort(descending=True, stable=True)[:number]  # NaN sorts as the largest
    return torch.zeros_like(target_labels, dtype=torch.bool).index_fill(0, background[hardest], True)


def multibox_loss(
    offsets: Tensor,
    logits: Tensor,
    target_offsets: Tensor,
    target_labels: Tensor,
    *,
    negative_ratio: float = 3,
    min_negatives: int = 0,
    alpha: float = 1.0,
    normalizer: str = "batch",
    scores: str = "softmax",
    class_weights: Sequence[float] | None = None,
) -> MultiboxLoss:
    """The loss of a batch: (confidence + alpha * localization) / N, in the dtype of the predictions, at least float32.

    offsets and target_offsets (B, K, 4), logits (B, K, C), target_labels (B, K) integer, 0 = background, IGNORED = neither.
    confidence: `cross_entropy` of positives, mined negatives, and every row where it is NaN, so that NaN is never mined away, each
    times the weight of its label, of C in class_weights. localization: smooth L1 of positives only. normalizer "batch": N = max(1,
    positives of the batch); "image": N = max(1, positives of the image), then the mean over images. scores: "softmax" or "sigmoid".
    Raises ValueError for another normalizer or scores, or shapes that do not fit. Source: paper, equations 1-3, section 2.2.
    """
    if normalizer not in ("batch", "image"):
        raise ValueError(f"normalizer is {normalizer!r}; use 'batch' or 'image'")
    offsets, logits = _cast_up(offsets), _cast_up(logits)
    weights = torch.tensor(class_weights or [1.0] * logits.shape[-1], dtype=logits.dtype)
    fit = offsets.shape == target_offsets.shape and offsets.shape[:2] == logits.shape[:2] == target_labels.shape
    if not fit or len(weights) != logits.shape[-1]:
        raise ValueError("offsets and target_offsets must be (B, K, 4), logits (B, K, C), target_labels (B, K), class_weights C")
    target_offsets = target_offsets.to(offsets.dtype)
    confidences, localizations = [], []
    for image, labels in enumerate(target_labels):
        losses = cross_entropy(logits[image], torch.where(labels == IGNORED, 0, labels), scores=scores)  # [K]
        positive = labels > 0
        mined = hard_negative_mask(logits[image], labels, negative_ratio=negative_ratio, min_negatives=min_negatives, scores=scores)
        costs = losses * weights[labels.long().clamp(0, len(weights) - 1)]
        confidences.append(costs[positive | mined | losses.isnan()].sum())
        errors = offsets[image][positive] - target_offsets[image][positive]  # selected: NaN * 0 would be NaN
        localizations.append(smooth_l1(errors).sum())
    confidence, localization = torch.stack(confidences), torch.stack(localizations)  # [B] [B]
    positives = (target_labels > 0).sum(dim=1)  # [B]
    if normalizer == "batch":
        n = positives.sum().clamp(min=1)
        confidence, localization = confidence.sum() / n, localization.sum() / n
    else:
        n = positives.clamp(min=1)  # [B]
        confidence, localization = (confidence / n).mean(), (localization / n).mean()
    return MultiboxLoss(confidence + alpha * localization, localization, confidence, positives.sum())


def _cast_up(predictions: Tensor) -> Tensor:
    return predictions.float() if predictions.dtype in (torch.float16, torch.bfloat16) else predictions
