"""From the costs of boxes to the loss of a batch, by any rules."""

from functools import cache
from typing import NamedTuple

import numpy as np

from tf_ssd.audit.cases.case import LossCase
from tf_ssd.audit.diagnosis.costs import ClassCosts
from tf_ssd.audit.diagnosis.matching import Matched
from tf_ssd.audit.diagnosis.mining import Taken
from tf_ssd.audit.diagnosis.rules import Normalizing

LARGEST = {True: 65504.0, False: float(np.finfo(np.float32).max)}  # sums in float16, and in float32


def overflowed(total: np.ndarray, box_sums: np.ndarray, class_sums: np.ndarray, largest: np.ndarray | float) -> np.ndarray:
    """The totals (...), infinite where a sum (..., B) exceeds the largest number of its type."""
    exceeds = np.maximum(np.abs(box_sums).max(axis=-1), np.abs(class_sums).max(axis=-1)) > largest
    return np.where(exceeds, np.inf, total)


@cache
def class_totals(boxes: Taken, own: ClassCosts, background: ClassCosts, *, nan: bool) -> tuple[np.ndarray, np.ndarray]:
    """Sums (B,) of the class costs that count, and their gradients (B, K, C), with `nan` NaN where a cost is, counted or not."""
    values = np.where(boxes.own > 0, boxes.own * own.values, 0)
    slopes = np.where(boxes.own[..., None] > 0, boxes.own[..., None] * own.slopes, 0)
    if boxes.background.any():
        values += np.where(boxes.background > 0, background.values, 0)
        slopes += np.where(boxes.background[..., None] > 0, background.slopes, 0)
    if nan:
        slopes = np.where(np.isnan(own.values)[..., None], np.nan, slopes)
    return values.sum(axis=1), slopes


class Divisors(NamedTuple):
    """What the sums of each image are multiplied by, and then the two terms; `largest` is the limit of a sum."""

    boxes: np.ndarray  # (B,)
    classes: np.ndarray  # (B,)
    alpha_boxes: float
    alpha_classes: float
    largest: float


@cache
def divisors(case: LossCase, match: Matched, boxes: Taken | None, rules: Normalizing) -> Divisors:
    """The reciprocals of N, and alpha. `boxes` may be None if the rules do not count them (`counts_taken`)."""
    groups = np.array_split(np.arange(len(case.images)), case.replicas if rules.each_replica else 1)
    kind = case.options.get("normalizer", "batch") if rules.kind == "batch" and not rules.ignored else rules.kind
    of_classes = kind if rules.classes == "same" else rules.classes
    numbers = match.positive.sum(axis=1), match.objects, None if boxes is None else (boxes.own + boxes.background).sum(axis=1)
    counts = Counts(*numbers, default_boxes=match.rows.shape[1])
    parts = [[_divided(counts, group, this, rules) for group in groups] for this in (kind, of_classes)]
    box_weights, class_weights = (np.concatenate(part) / len(groups) for part in parts)
    alpha = rules.alpha * (1.0 if rules.fixed_alpha else case.options.get("alpha", 1.0))
    alphas = (1.0, alpha) if rules.other_term else (alpha, 1.0)
    return Divisors(box_weights, class_weights, *alphas, LARGEST[case.half and rules.half])


def counts_taken(rules: Normalizing) -> bool:
    """Whether an N depends on the negatives."""
    return "taken" in (rules.kind, rules.classes)


class Counts(NamedTuple):
    """What can be counted in each image (B,)."""

    positives: np.ndarray
    objects: np.ndarray
    taken: np.ndarray | None
    default_boxes: int


def _divided(counts: Counts, group: np.ndarray, kind: str, rules: Normalizing) -> np.ndarray:
    """1 / N for each image of a group, by one kind of N."""
    images = len(group)
    fixed = {"images": images, "boxes": images * counts.default_boxes, "boxes of an image": counts.default_boxes, "none": 1}
    by_name = {"batch": counts.positives, "taken": counts.taken, "objects": counts.objects}
    if kind in fixed:
        n = np.full(images, fixed[kind])
    elif kind in by_name:
        counted = by_name[kind]
        assert counted is not None
        n = np.full(images, max(int(counted[group].sum()), rules.least))
    else:
        n = np.maximum(counts.positives[group], rules.least) * (images if kind == "image" else 1)
    return np.divide(1.0, n * (images if rules.by_images else 1))
