"""The loss of boxes that were selected by hand, from the formulas of the paper in float64.

Nothing is matched or mined here: which boxes take part is stated by the case. So the expected value shares no code, and no trick,
with the two implementations that have to find these boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tf_ssd.audit.cases.case import Image, LossCase
from tf_ssd.config import ScoreKind

# "sum" divides each image by its own N and adds the images up: a known fault, not a convention.
Normalizer = Literal["batch", "image", "sum"]
VARIANCES = (0.1, 0.2)


@dataclass(frozen=True, eq=False)
class Expected:
    """Loss, its two terms, and the gradients (B, K, 4) and (B, K, C) of the total."""

    total: float
    localization: float
    confidence: float
    offsets_gradient: np.ndarray
    logits_gradient: np.ndarray


def expected(case: LossCase) -> Expected:
    """What the rule asks for. For a `loud` case, whose total may be any number that is not finite, all of it is NaN."""
    options = case.options
    normalizer, alpha = options.get("normalizer", "batch"), options.get("alpha", 1.0)
    result = account(case.images, case.default_boxes, normalizer=normalizer, alpha=alpha, scores=case.scores)
    if not case.loud:
        return result
    nan = float("nan")
    return Expected(nan, nan, nan, np.full_like(result.offsets_gradient, nan), np.full_like(result.logits_gradient, nan))


def account(
    images: Sequence[Image],
    default_boxes: np.ndarray,
    *,
    normalizer: Normalizer = "batch",
    alpha: float = 1.0,
    scores: ScoreKind = "softmax",
) -> Expected:
    """Add up smooth L1 of the matched boxes and the cross entropy of matched and mined ones; divide by `normalizer`'s N."""
    n = np.maximum(1, [len(image.matches) for image in images])
    if normalizer == "batch":
        n = np.full(len(images), max(1, sum(len(image.matches) for image in images)))
    weights = 1 / n / (len(images) if normalizer == "image" else 1)  # (B,)
    boxes = [_localization(image, default_boxes) for image in images]
    classes = [_confidence(image, scores) for image in images]
    localization = sum(weight * value for weight, (value, _) in zip(weights, boxes, strict=True))
    confidence = sum(weight * value for weight, (value, _) in zip(weights, classes, strict=True))
    return Expected(
        total=float(confidence + alpha * localization),
        localization=float(localization),
        confidence=float(confidence),
        offsets_gradient=np.stack([alpha * weight * slope for weight, (_, slope) in zip(weights, boxes, strict=True)]),
        logits_gradient=np.stack([weight * slope for weight, (_, slope) in zip(weights, classes, strict=True)]),
    )


def targets(image: Image, default_boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (K, 4) and labels (K,) to be learned, 0 where nothing is matched."""
    offsets, labels = np.zeros((len(default_boxes), 4)), np.zeros(len(default_boxes), np.int64)
    for box, row in image.matches.items():
        labels[box] = image.gt_labels[row]
        offsets[box] = encode(image.gt_boxes[row], default_boxes[box])
    return offsets, labels


def encode(box: np.ndarray, default_box: np.ndarray) -> np.ndarray:
    """Equation 2 of the paper for one box xyxy and one default box cxcywh, divided by the variances."""
    xmin, ymin, xmax, ymax = box
    x, y, width, height = default_box
    shift = np.array([(xmin + xmax) / 2 - x, (ymin + ymax) / 2 - y]) / (width, height) / VARIANCES[0]
    growth = np.log(np.array([xmax - xmin, ymax - ymin]) / (width, height)) / VARIANCES[1]
    return np.concatenate([shift, growth])


def smooth_l1s(image: Image, default_boxes: np.ndarray) -> np.ndarray:
    """Smooth L1 of the offsets of each default box (K,), before the division by N; 0 where nothing is matched."""
    costs = np.zeros(len(default_boxes))
    wanted, _ = targets(image, default_boxes)
    for box in image.matches:
        error = np.abs(image.offsets[box] - wanted[box])
        costs[box] = np.where(error < 1, error**2 / 2, error - 0.5).sum()
    return costs


def cross_entropies(image: Image, *, scores: ScoreKind = "softmax") -> np.ndarray:
    """Cross entropy of each default box (K,), before the division by N; twice that for a box in both `matches` and `mined`."""
    costs = np.zeros(len(image.logits))
    for box in (*image.matches, *image.mined):
        costs[box] += _cross_entropy(image.logits[box], _label(image, box), scores)[0]
    return costs


def _localization(image: Image, default_boxes: np.ndarray) -> tuple[float, np.ndarray]:
    """Smooth L1 summed over the matched boxes, and its gradient (K, 4)."""
    wanted, _ = targets(image, default_boxes)
    slope = np.zeros_like(image.offsets)
    for box in image.matches:
        slope[box] = np.clip(image.offsets[box] - wanted[box], -1, 1)
    return smooth_l1s(image, default_boxes).sum(), slope


def _confidence(image: Image, scores: ScoreKind) -> tuple[float, np.ndarray]:
    """Cross entropy summed over matched and mined boxes, and its gradient (K, C)."""
    slope = np.zeros_like(image.logits)
    for box in (*image.matches, *image.mined):
        slope[box] += _cross_entropy(image.logits[box], _label(image, box), scores)[1]
    return cross_entropies(image, scores=scores).sum(), slope


def _cross_entropy(logits: np.ndarray, label: int, scores: ScoreKind) -> tuple[float, np.ndarray]:
    """Of one row (C,), and its gradient: the probabilities, minus 1 at the label."""
    own = np.arange(len(logits)) == label
    if scores == "sigmoid":  # -log of each slot's probability, or of what is left of it to 1; logaddexp(0, x) = log(1 + exp(x))
        return np.logaddexp(0, np.where(own, -logits, logits)).sum(), np.exp(-np.logaddexp(0, -logits)) - own
    largest = logits.max()
    exponentials = np.exp(logits - largest)
    return np.log(exponentials.sum()) + (largest - logits[label]), exponentials / exponentials.sum() - own


def _label(image: Image, box: int) -> int:
    """The class of a matched box, 0 for any other. A class that does not exist, which only loud cases have, gives 0 too."""
    label = int(image.gt_labels[image.matches[box]]) if box in image.matches else 0
    return label if label < image.logits.shape[1] else 0
