"""The result of a metric."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision (N,) over recall (N,) of one class, by falling score; empty without detections or ground truth."""

    recall: np.ndarray
    precision: np.ndarray


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """The result of `average_precision`.

    Attributes:
        per_class: (C - 1,) average precision of the classes 1..C-1; NaN where a class has no ground truth.
        ground_truth_counts: (C - 1,) how many boxes there were to be found, without those that are left out.
        mean: over the classes that have ground truth; NaN if none has.
        curves: C - 1 of them, at IoU 0.5.
        details: further columns (C - 1,) by name.
        summary: all means by name, the first of them is `mean`; NaN where nothing was to be found.
    """

    per_class: np.ndarray
    ground_truth_counts: np.ndarray
    mean: float
    curves: tuple[Curve, ...]
    details: dict[str, np.ndarray]
    summary: dict[str, float]
