"""Costs of offsets and of logits by any rules, with their gradients, in float64."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tf_ssd.audit.cases.case import LossCase
from tf_ssd.audit.diagnosis.encoding import encode
from tf_ssd.audit.diagnosis.interning import interned
from tf_ssd.audit.diagnosis.matching import Matched
from tf_ssd.audit.diagnosis.rules import BoxCost, ClassCost, Encoding

Pair = tuple[np.ndarray, np.ndarray]  # costs, and their gradients


@dataclass(frozen=True, eq=False)
class Targets:
    """Offsets to be learned."""

    offsets: np.ndarray  # (B, K, 4), 0 for background


@dataclass(frozen=True, eq=False)
class ClassCosts:
    """What each box would cost if it took part."""

    values: np.ndarray  # (B, K)
    slopes: np.ndarray  # (B, K, C)


@cache
def targets(case: LossCase, match: Matched, rules: Encoding) -> Targets:
    """Encode the matched boxes."""
    return interned(Targets(np.where(match.positive[..., None], encode(match.boxes, case.default_boxes, rules), 0)))


@cache
def box_costs(case: LossCase, match: Matched, wanted: Targets, rules: BoxCost) -> Pair:
    """Sums (B,) of the costs of offsets, and their gradients (B, K, 4)."""
    error = case.offsets - wanted.offsets
    values, slopes = _cost(error if rules.everywhere else np.where(match.positive[..., None], error, 0), rules)
    if rules.masked == "product":
        values = values + case.offsets * 0
    if rules.masked == "after":
        slopes = slopes + case.offsets * 0
    share = 1 / 4 if rules.mean else 1.0
    return share * values.sum(axis=(1, 2)), share * slopes


def _cost(error: np.ndarray, rules: BoxCost) -> Pair:
    """Of each offset, and the gradient, both of the shape of `error`."""
    size, sign = np.abs(error), np.sign(error)
    if rules.kind == "L1":
        return size, sign
    if rules.kind in ("L2", "half L2"):
        half = 1 / 2 if rules.kind == "half L2" else 1.0
        return half * error**2, 2 * half * error
    values = np.where(size < rules.beta, error**2 / (2 * rules.beta), size - rules.beta / 2)
    slopes = np.clip(error / rules.beta, -1, 1)
    return (values * rules.beta, slopes * rules.beta) if rules.kind == "Huber" else (values, slopes)


@cache
def class_costs(case: LossCase, match: Matched | None, rules: ClassCost) -> ClassCosts:
    """Costs of the logits by the matched labels; without `match`, each box's as background."""
    labels = np.zeros(case.logits.shape[:2], np.int64) if match is None else match.labels
    classes = case.logits.shape[2]
    slots = np.where(labels > 0, labels + rules.shift - (rules.background == -1), rules.background % classes)
    known = np.isin(slots, np.arange(classes))
    if rules.beyond == "last":
        slots, known = np.minimum(slots, classes - 1), np.greater_equal(slots, 0)
    own = slots[..., None] == np.arange(classes)  # (B, K, C)
    scores = rules.scores or case.scores
    values, slopes = (_sigmoids if scores == "sigmoid" else _softmax)(case.logits, own, rules)
    unknown = 0.0 if rules.beyond == "nothing" else np.nan
    values = np.where(known, values, unknown)
    slopes = np.where(np.expand_dims(known, -1), slopes, unknown)
    if rules.product:
        impossible = np.asarray(np.isneginf(case.logits).any(axis=-1, keepdims=True))  # (B, K, 1)
        values, slopes = np.where(impossible[..., 0], np.nan, values), np.where(impossible, np.nan, slopes)
    return interned(ClassCosts(values, slopes))


def _softmax(logits: np.ndarray, own: np.ndarray, rules: ClassCost) -> Pair:
    numbers = logits if rules.exponential == "exact" else logits.astype(np.float32)
    largest = numbers.max(axis=-1, keepdims=True)
    if rules.exponential != "exact":
        largest = np.full_like(largest, numbers.max() if rules.exponential == "one maximum" else 0)
    exponentials = np.exp(numbers - largest)
    total = exponentials.sum(axis=-1, keepdims=True)
    probabilities = exponentials / total  # (B, K, C)
    values = (np.log(total) + (largest - np.where(own, numbers, 0).sum(axis=-1, keepdims=True)))[..., 0]
    score = np.exp(-values)  # (B, K)
    slopes = probabilities - own
    if rules.gamma:
        factor = (1 - score) ** rules.gamma - rules.gamma * (1 - score) ** (rules.gamma - 1) * score * -values
        return (1 - score) ** rules.gamma * values, factor[..., None] * slopes
    if rules.added:
        return -np.log(score + rules.clamp), (score / (score + rules.clamp))[..., None] * slopes
    stopped = score < rules.clamp
    return np.where(stopped, -np.log(rules.clamp or 1), values), np.where(stopped[..., None], 0, slopes)


def _sigmoids(logits: np.ndarray, own: np.ndarray, rules: ClassCost) -> Pair:
    first = np.arange(logits.shape[-1]) == 0
    wanted = own & ~first if rules.slot_0 == "never wanted" else own
    values = np.logaddexp(0, np.where(wanted, -logits, logits))  # (B, K, C)
    slopes = np.exp(-np.logaddexp(0, -logits)) - wanted
    score = np.exp(-values)
    if rules.added:
        values, slopes = -np.log(score + rules.clamp), score / (score + rules.clamp) * slopes
    else:
        stopped = score < rules.clamp
        values, slopes = np.where(stopped, -np.log(rules.clamp or 1), values), np.where(stopped, 0, slopes)
    if rules.slot_0 == "untrained":
        values, slopes = np.where(first, 0, values), np.where(first, 0, slopes)
    share = 1 / logits.shape[-1] if rules.mean else 1.0
    return share * values.sum(axis=-1), share * slopes
