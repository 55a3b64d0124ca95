"""Whether a score says how often a detection is right."""

from dataclasses import dataclass

import numpy as np

from tf_ssd.metrics.errors.judged import Judged

BINS = 10


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores beside the share of hits, in bins of equal width.

    Attributes:
        edges: (B + 1,) of the bins: 0, 0.1, ... 1. A score on an edge is in the bin above, but 1 in the last.
        counts: (B,) detections in each bin, of all classes, without those that are left out.
        scores: (B,) their mean score; NaN in an empty bin.
        precision: (B,) the share of hits among them; NaN in an empty bin.
        error: the expected calibration error, the mean distance of the two over all detections; NaN if there are none.
        per_class: (C - 1,) the same of each class.
    """

    edges: np.ndarray
    counts: np.ndarray
    scores: np.ndarray
    precision: np.ndarray
    error: float
    per_class: np.ndarray


def calibration(judged: Judged) -> Calibration:
    """Compare scores with the share of hits at IoU 0.5.

    Scores that are no probabilities, as some are below 0 or above 1, are not compared: everything is NaN, and all counts are 0.

    Source: Naeini et al. 2015 (expected calibration error); Kueppers et al. 2020 (of detectors).
    """
    found = judged.detections
    counted = found.counted & bool(np.all((found.scores >= 0) & (found.scores <= 1)))
    labels, scores, hits = found.labels[counted], found.scores[counted].astype(float), found.hits[counted]
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)  # (N,)
    cells = (labels - 1) * BINS + bins  # (N,) classes and bins in one
    counts, sums, found_in = (
        np.bincount(cells, weights, (judged.num_classes - 1) * BINS).reshape(-1, BINS) for weights in (None, scores, hits)
    )  # (C - 1, B)
    totals = counts.sum(axis=0)  # (B,)
    means, precision = (_ratio(values.sum(axis=0), totals) for values in (sums, found_in))
    error = _ratio(np.abs(sums.sum(axis=0) - found_in.sum(axis=0)).sum(keepdims=True), totals.sum(keepdims=True))
    per_class = _ratio(np.abs(sums - found_in).sum(axis=1), counts.sum(axis=1))
    return Calibration(np.linspace(0, 1, BINS + 1), totals, means, precision, float(error[0]), per_class)


def _ratio(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Values by counts, NaN where the count is 0."""
    return np.divide(values, counts, out=np.full(len(counts), np.nan), where=counts > 0)
