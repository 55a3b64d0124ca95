"""Precision, recall and F1 over the score threshold, and the best threshold of each class and of all together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tf_ssd.metrics.errors.classes import by_class, mean_of_defined
from tf_ssd.metrics.errors.judged import Judged

GRID = np.arange(100) / 100
CLOSE = 12  # decimals of F1 beyond which values are equal
MOST_DIGITS = 17


@dataclass(frozen=True, eq=False)
class OperatingPoints:
    """What to expect of each class 1..C-1 where only detections that score more than a threshold are kept.

    Attributes:
        thresholds: (C - 1,) NaN where no threshold finds anything; then nothing is kept.
        precision: (C - 1,) share of hits among what is kept; NaN where nothing is kept.
        recall: (C - 1,) share of the ground truth that is found; NaN where a class has none.
        f1: (C - 1,) 2 TP / (2 TP + FP + FN), the harmonic mean of both; NaN where a class has no ground truth.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray

    @property
    def mean_precision(self) -> float:
        """Over the classes that have ground truth and keep anything."""
        return mean_of_defined(self.precision[~np.isnan(self.recall)])

    @property
    def mean_recall(self) -> float:
        """Over the classes that have ground truth."""
        return mean_of_defined(self.recall)

    @property
    def mean_f1(self) -> float:
        """Over the classes that have ground truth."""
        return mean_of_defined(self.f1)


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Precision, recall and F1 over the score threshold.

    Attributes:
        grid: (T,) thresholds 0, 0.01, ... 0.99.
        precision: (C - 1, T) as in `OperatingPoints`.
        recall: (C - 1, T).
        f1: (C - 1, T).
        best: each class at its own best threshold, that of the highest F1; of equals the highest threshold.
        overall: the one threshold for all classes whose mean F1 is best; NaN if nothing is ever found.
        at_overall: each class at that threshold.
    """

    grid: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    best: OperatingPoints
    overall: float
    at_overall: OperatingPoints


@dataclass(frozen=True, eq=False)
class _Class:
    """Scores (n,) of the detections of a class, falling; hits (n + 1,) among the first 0..n of them; boxes to be found."""

    scores: np.ndarray
    hits: np.ndarray
    count: int

    def f1(self) -> np.ndarray:
        """(n + 1,) where the first 0..n are kept."""
        return 2 * self.hits / (np.arange(len(self.hits)) + self.count)

    def at(self, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Precision, recall and F1 (T,) at thresholds (T,), of which NaN keeps nothing."""
        kept = np.where(np.isnan(thresholds), 0, np.searchsorted(-self.scores, -thresholds))  # (T,) how many score more
        hits = self.hits[kept]
        precision = np.divide(hits, kept, out=np.full(len(kept), np.nan), where=kept > 0)
        nothing = np.full(len(kept), np.nan)
        return (precision, hits / self.count, self.f1()[kept]) if self.count else (precision, nothing, nothing)


def operating_thresholds(judged: Judged) -> Thresholds:
    """Precision, recall and F1 at each threshold; a detection is kept whose score is higher.

    A best threshold is the shortest decimal that keeps the same detections as the best cut between two scores, also if it is
    compared in float32. Detections that are left out, and ground truth that is, do not count. The mean F1 is over the classes with
    ground truth; what is detected of a class without any does not lower it.
    """
    found, counts = judged.detections, judged.ground_truth.counts(judged.num_classes)
    rows = by_class(found.labels, found.in_order(found.counted), judged.num_classes)
    classes = [
        _Class(found.scores[order].astype(float), np.append(0, np.cumsum(found.hits[order])), int(count))
        for order, count in zip(rows, counts, strict=True)
    ]
    own = np.array([_best(one.scores, one.f1()[1:]) if one.count else np.nan for one in classes])  # (C - 1,)
    overall = _best_for_all([one for one in classes if one.count])
    precision, recall, f1 = np.stack([one.at(GRID) for one in classes], axis=1)  # (3, C - 1, T)
    best, at_overall = (_points(classes, thresholds) for thresholds in (own, np.full(len(classes), overall)))
    return Thresholds(GRID, precision, recall, f1, best, overall, at_overall)


def _points(classes: Sequence[_Class], thresholds: np.ndarray) -> OperatingPoints:
    """Each class at its own threshold."""
    values = [one.at(thresholds[place : place + 1]) for place, one in enumerate(classes)]
    return OperatingPoints(thresholds, *np.array(values).reshape(-1, 3).T)


def _best_for_all(classes: Sequence[_Class]) -> float:
    """The threshold of the best mean F1 of these classes."""
    if not classes:
        return np.nan
    scores = np.concatenate([one.scores for one in classes])
    changes = np.concatenate([np.diff(one.f1()) for one in classes])  # by each detection, to the F1 of its class
    order = np.argsort(-scores, kind="stable")
    return _best(scores[order], np.cumsum(changes[order]) / len(classes))


def _best(scores: np.ndarray, values: np.ndarray) -> float:
    """A threshold between two scores (n,), which fall, where the value (n,) of keeping all above is best; NaN if all are 0.

    Equal scores are kept together. Of equal values the highest threshold is taken.
    """
    ends = np.flatnonzero(np.diff(scores, append=-np.inf))  # the last of each score
    rounded = np.round(values[ends], CLOSE)
    if not rounded.any():
        return np.nan
    end = ends[rounded.argmax()]
    lowest_kept = scores[end]
    next_lower = np.nextafter(np.float32(lowest_kept), np.float32(-np.inf))
    below = min(lowest_kept - abs(lowest_kept) / 10, float(next_lower))  # nothing is known of scores further down
    return _shortest(scores[end + 1] if end + 1 < len(scores) else below, lowest_kept)


def _shortest(low: float, high: float) -> float:
    """A decimal of few digits from `low` to below `high`, near the middle; `low` itself if they are close."""
    for digits in range(1, MOST_DIGITS):
        decimal = round((low + high) / 2, digits)
        if low <= decimal < high and low <= np.float32(decimal) < high:
            return float(decimal)
    return float(low)
