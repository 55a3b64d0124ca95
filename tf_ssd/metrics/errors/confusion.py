"""Which class is taken for which, with background."""

from dataclasses import dataclass

import numpy as np

from tf_ssd.metrics.errors.judged import Judged, Kind
from tf_ssd.metrics.matching import first_of_each

BACKGROUND = 0


@dataclass(frozen=True, eq=False)
class Confusion:
    """The confusion matrix of the detections that score more than a threshold.

    Attributes:
        threshold: in the scores; NaN keeps nothing.
        counts: (C, C) int, row: the true class, column: the detected one; 0 is background. Row 0 has false alarms, column 0 has
            what was not detected, and the corner 0, 0 nothing.
        detections: (N,) the row that each detection of `JudgedDetections` stands in; its column is its label. -1 if it is in none,
            as it scores too little or is left out.
        ground_truth: (M,) the column that each box of `JudgedGroundTruth` stands in; its row is its label. -1 if it is left out.
    """

    threshold: float
    counts: np.ndarray
    detections: np.ndarray
    ground_truth: np.ndarray


def confusion(judged: Judged, threshold: float) -> Confusion:
    """Count what is taken for what among the detections that score more than `threshold`.

    Hits stand on the diagonal. A detection of the kind classification stands in the row of the class that it overlaps, if no hit
    finds that object at this threshold and no such detection has a better score. All other detections are false alarms, in row 0.
    So each object to be found stands once in the row of its class, and each detection once in the column of its own.
    """
    found, truth = judged.detections, judged.ground_truth
    kept = found.above(threshold)  # (N,)
    rows = np.where(kept, BACKGROUND, -1)
    columns = np.where(truth.counted, BACKGROUND, -1)

    confused = np.flatnonzero(kept & (found.kinds == Kind.CLASSIFICATION))
    confused = confused[~truth.found(threshold)[found.ground_truth[confused]]]
    confused = confused[first_of_each(found.ground_truth[confused], found.scores[confused])]
    pairs = np.concatenate([np.flatnonzero(kept & found.hits), confused])
    about = found.ground_truth[pairs]
    rows[pairs] = truth.labels[about]
    columns[about] = found.labels[pairs]

    counts = np.zeros((judged.num_classes, judged.num_classes), int)
    np.add.at(counts, (rows[kept], found.labels[kept]), 1)
    missed = columns == BACKGROUND
    np.add.at(counts, (truth.labels[missed], BACKGROUND), 1)
    return Confusion(threshold, counts, rows, columns)
