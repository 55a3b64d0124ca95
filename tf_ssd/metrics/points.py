"""Average precision of one class from its hits in order of score, at the points that each metric reads; NumPy only."""

from collections.abc import Callable

import numpy as np

from tf_ssd.config import Metric

Average = Callable[[np.ndarray, np.ndarray, int], float]


def eleven_points(hits: np.ndarray, precision: np.ndarray, count: int) -> float:
    """Mean over r = 0, 0.1, ... 1 of the best precision at a recall of at least r, which is 0 where r is not reached.

    `hits` (N,) counts true positives by falling score, `precision` (N,) goes with it; `count` boxes are to be found. Recalls are
    compared as whole numbers: as floats, 3 of 10 would not reach 3 * 0.1 = 0.30000000000000004.
    """
    return _at_recalls(hits, precision, count, 10)


def hundred_points(hits: np.ndarray, precision: np.ndarray, count: int) -> float:
    """The same at r = 0, 0.01, ... 1, as COCO has it at one IoU; arguments as for `eleven_points`."""
    return _at_recalls(hits, precision, count, 100)


def all_points(hits: np.ndarray, precision: np.ndarray, count: int) -> float:
    """Area under the best precision at a recall of at least r, over all r; arguments as for `eleven_points`."""
    return float(np.sum(_envelope(precision) * np.diff(hits, prepend=0)) / count)


AVERAGES: dict[Metric, Average] = {"voc07": eleven_points, "voc12": all_points, "coco": hundred_points}


def _at_recalls(hits: np.ndarray, precision: np.ndarray, count: int, steps: int) -> float:
    needed = -(-np.arange(steps + 1) * count // steps)  # (steps + 1,) hits, rounded up
    first = np.searchsorted(hits, needed)  # (steps + 1,)
    return float(np.append(_envelope(precision), 0)[first].sum() / (steps + 1))


def _envelope(precision: np.ndarray) -> np.ndarray:
    """(N,) the best of the precisions (N,) from each place to the end."""
    return np.maximum.accumulate(precision[::-1])[::-1]
