"""Which boxes take part in the class loss, by any rules."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tf_ssd.audit.cases.case import LossCase
from tf_ssd.audit.diagnosis.costs import class_costs
from tf_ssd.audit.diagnosis.interning import interned
from tf_ssd.audit.diagnosis.matching import Matched
from tf_ssd.audit.diagnosis.rules import ClassCost, Mining


@dataclass(frozen=True, eq=False)
class Ranking:
    """What mining goes by."""

    hardness: np.ndarray  # (B, K)
    lost: np.ndarray  # (B, K) bool: a NaN that takes part in any case


@dataclass(frozen=True, eq=False)
class Taken:
    """How often each box (B, K) counts: with its own label, and besides that as background."""

    own: np.ndarray
    background: np.ndarray


@cache
def ranking(case: LossCase, match: Matched, cost: ClassCost, kind: str, positives: str) -> Ranking:
    """Hardness of each box by one kind of ranking, with positives as background or by their own label."""
    ranked = ClassCost(scores=cost.scores, exponential="one maximum") if kind == "one maximum" else cost
    if kind == "background logit":
        hardness = -case.logits[..., cost.background]
    elif kind == "best class":
        hardness = _best_class(case.logits, cost.scores or case.scores, cost.background)
    elif kind == "slot 0":
        hardness = np.logaddexp(0, -case.logits[..., 0])
    else:
        hardness = class_costs(case, None, ranked).values
        if positives == "own":
            hardness = np.where(match.foreground, class_costs(case, match, ranked).values, hardness)
        hardness = -hardness if kind == "easiest" else hardness
    if positives == "zero":
        hardness = np.where(match.foreground, 0, hardness)
    silent = cost.nan != "loud"
    lost = np.isnan(class_costs(case, match, cost).values)
    return interned(Ranking(np.where(np.isnan(hardness), -np.inf if silent else np.inf, hardness), lost & (not silent)))


def _best_class(logits: np.ndarray, scores: str, background: int) -> np.ndarray:
    """The score (B, K) of the best class but the background."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    softmax = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return np.delete(softmax if scores == "softmax" else np.exp(-np.logaddexp(0, -logits)), background, axis=-1).max(axis=-1)


@cache
def taken(case: LossCase, match: Matched, rank: Ranking, rules: Mining) -> Taken:
    """Positives, mined negatives, and boxes whose cost is NaN."""
    chosen = _chosen(case, match, rank.hardness, rules)  # (B, K)
    positive = match.foreground if rules.positives_cost else np.zeros_like(chosen)
    own, background = (positive | chosen | rank.lost).astype(np.int64), np.zeros(chosen.shape, np.int64)
    if rules.again and rules.positives == "background":
        background = (chosen & match.foreground).astype(np.int64)
    elif rules.again:
        own += positive & chosen
    return interned(Taken(own, background))


def _chosen(case: LossCase, match: Matched, hardness: np.ndarray, rules: Mining) -> np.ndarray:
    """The mined boxes (B, K) bool; positives among them where the rules rank these."""
    candidates = ~match.foreground
    if rules.taken != "mined":
        return candidates & (rules.taken == "all")
    if rules.positives in ("zero", "own", "background"):
        candidates = np.ones_like(candidates)
    hardness = np.where(candidates, hardness, -np.inf)
    available = np.full(len(candidates), candidates.shape[1]) if rules.positives == "last" else candidates.sum(axis=1)
    counts = _counts(case, match, rules)
    groups = np.array_split(np.arange(len(hardness)), case.replicas if rules.pooled else len(hardness))
    limits = [min(counts[group].sum(), available[group].sum()) for group in groups]
    chosen = [_hardest(hardness[group].ravel(), limit, rules.ties) for group, limit in zip(groups, limits, strict=True)]
    boxes = np.concatenate(chosen).reshape(hardness.shape)
    return boxes & candidates if rules.positives == "out" else boxes


def _counts(case: LossCase, match: Matched, rules: Mining) -> np.ndarray:
    """How many negatives each image (B,) asks for."""
    ratio = 3 if rules.fixed else case.options.get("negative_ratio", rules.ratio)
    least = 0 if rules.minimum == "ignored" else case.options.get("min_negatives", 0)
    asked = (ratio * match.foreground.sum(axis=1)).astype(np.int64)
    return asked + least if rules.minimum == "added" else np.maximum(asked, max(least, rules.at_least))


def _hardest(hardness: np.ndarray, count: int, ties: str) -> np.ndarray:
    """Mask (n,) of the `count` largest."""
    mask = np.zeros(len(hardness), bool)
    if ties == "highest":
        order = len(hardness) - 1 - np.argsort(-hardness[::-1], kind="stable")
    else:
        order = np.argsort(-hardness, kind="stable")
    mask[order[:count]] = True
    if ties == "all" and count:
        mask |= hardness >= hardness[order[count - 1]]
    return mask
