"""Detections class by class, in order of score, and the average precision of each class."""

import numpy as np

from tf_ssd.metrics.points import Average


def by_class(labels: np.ndarray, order: np.ndarray, num_classes: int) -> list[np.ndarray]:
    """Split rows of detections: those of each class 1..C-1, in the same order.

    Args:
        labels: (N,), 1..C-1.
        order: (K,) rows, by falling score.
        num_classes: C, background included.
    """
    small = labels[order].astype(np.int16 if num_classes < 2**15 else np.int64)  # sorted tenfold faster
    in_classes = np.argsort(small, kind="stable")
    ends = np.searchsorted(small[in_classes], np.arange(1, num_classes + 1))
    return np.split(order[in_classes], ends)[1:-1]


def average_precisions(labels: np.ndarray, order: np.ndarray, hits: np.ndarray, counts: np.ndarray, average: Average) -> np.ndarray:
    """(C - 1,) average precision of each class; NaN where there is nothing to be found.

    Args:
        labels: (N,), 1..C-1.
        order: (K,) rows of the detections that count, by falling score.
        hits: (N,) bool.
        counts: (C - 1,) boxes to be found.
        average: of `points.AVERAGES`.
    """
    values = np.full(len(counts), np.nan)
    for place, rows in enumerate(by_class(labels, order, len(counts) + 1)):
        if counts[place]:
            found = np.cumsum(hits[rows])
            values[place] = average(found, found / np.arange(1, len(found) + 1), int(counts[place]))
    return values


def mean_of_defined(values: np.ndarray) -> float:
    """The mean of those that are not NaN; NaN if there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else np.nan
