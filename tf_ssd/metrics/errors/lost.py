"""The average precision that each kind of error costs."""

from dataclasses import dataclass

import numpy as np

from tf_ssd.metrics.errors.classes import average_precisions, mean_of_defined
from tf_ssd.metrics.errors.judged import FALSE_ALARMS, Judged
from tf_ssd.metrics.matching import UNMATCHED, first_of_each
from tf_ssd.metrics.points import AVERAGES

MISSED = "missed"
NAMES = (*(kind.name.lower() for kind in FALSE_ALARMS), MISSED)


@dataclass(frozen=True, eq=False)
class LostAP:
    """What mean average precision at IoU 0.5 would gain without each kind of error, all else as it is.

    The gains do not add up to what is missing, since one error hides another: a box in a wrong place of a wrong class costs
    nothing more while better ones are wrong as well.

    Attributes:
        ap: mean average precision at IoU 0.5 by the metric's points; NaN if there is nothing to be found.
        by_kind: gain of each of NAMES, 0 or more; NaN if there is nothing to be found.
        counts: how many errors there are of each kind, at any score: detections, or ground-truth boxes that are missed.
        false_positives: gain without any false alarm.
        false_negatives: gain if everything that is not found had never been there.
    """

    ap: float
    by_kind: dict[str, float]
    counts: dict[str, int]
    false_positives: float
    false_negatives: float


def lost_ap(judged: Judged) -> LostAP:
    """The average precision lost to each kind of error.

    Of a false alarm of the kinds classification and localization, class or place is put right, and it becomes a hit: of several
    about one ground-truth box that nothing finds, that of the best score; the others, and those about a box that is found, are
    removed. False alarms of other kinds are removed. What was missed is taken out of the ground truth: a class of which nothing is
    left then counts 0 in the mean if it has false alarms, and not at all if it has none.

    Equal to tidecv's numbers at IoU 0.5 for the metric "coco", where every class has ground truth: a class without any, which
    tidecv counts as 0, has no average precision here.

    Source: Bolya et al. 2020 (TIDE), section 2.3; the package tidecv.
    """
    found, truth = judged.detections, judged.ground_truth
    counts = truth.counts(judged.num_classes)
    repaired = _repaired(judged)
    about = truth.labels[found.ground_truth] if len(truth.labels) else found.labels  # (N,)
    missed = np.bincount(truth.labels[truth.missed], minlength=judged.num_classes)[1:]
    not_found = counts - np.bincount(found.labels[found.hits], minlength=judged.num_classes)[1:]

    ap = _mean(judged, found.counted)
    gains = {MISSED: _mean(judged, found.counted, counts - missed) - ap}
    for kind in FALSE_ALARMS:
        wrong = found.kinds == kind
        right = wrong & repaired
        labels = np.where(right, about, found.labels)
        gains[kind.name.lower()] = _mean(judged, found.counted & (~wrong | right), labels=labels, hits=found.hits | right) - ap
    numbers = {kind.name.lower(): int((found.kinds == kind).sum()) for kind in FALSE_ALARMS}
    return LostAP(
        ap=ap,
        by_kind={name: float(np.maximum(gains[name], 0)) for name in NAMES},
        counts=numbers | {MISSED: int(truth.missed.sum())},
        false_positives=_mean(judged, found.hits) - ap,
        false_negatives=_mean(judged, found.counted, counts - not_found) - ap,
    )


def _repaired(judged: Judged) -> np.ndarray:
    """(N,) bool, the detections that become hits when their class or their place is put right."""
    found, truth = judged.detections, judged.ground_truth
    candidates = np.flatnonzero(found.near_hits)
    candidates = candidates[truth.found_by[found.ground_truth[candidates]] == UNMATCHED]
    repaired = np.zeros(len(found.labels), bool)
    repaired[candidates] = first_of_each(found.ground_truth[candidates], found.scores[candidates])
    return repaired


def _mean(
    judged: Judged,
    kept: np.ndarray,
    counts: np.ndarray | None = None,
    *,
    labels: np.ndarray | None = None,
    hits: np.ndarray | None = None,
) -> float:
    """Mean average precision of the detections `kept` (N,), of which some things may be changed.

    Args:
        judged: what is to be changed.
        kept: (N,) bool.
        counts: (C - 1,) boxes to be found, in place of what there is.
        labels: (N,), in place of those detected.
        hits: (N,) bool, in place of those made.
    """
    found, before = judged.detections, judged.ground_truth.counts(judged.num_classes)
    after = before if counts is None else counts
    labels, hits = found.labels if labels is None else labels, found.hits if hits is None else hits
    values = average_precisions(labels, found.in_order(kept), hits, after, AVERAGES[judged.metric])
    alarms = np.bincount(labels[kept], minlength=judged.num_classes)[1:]
    values[(before > 0) & (after == 0) & (alarms > 0)] = 0
    values[before == 0] = np.nan
    nothing_left = before.any() and np.isnan(values).all()
    return 1.0 if nothing_left else mean_of_defined(values)
