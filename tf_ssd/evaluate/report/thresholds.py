"""The thresholds that a page's slider can be set to, and what is counted above each, so that the page itself compares no scores."""

import math

import numpy as np

HUNDREDTHS = np.arange(100) / 100


def score_range(scores: np.ndarray) -> tuple[float, float]:
    """From 0 to 1, or to whatever scores (N,) there are: those of a file need not be probabilities."""
    return min(0.0, float(scores.min(initial=0))), max(1.0, float(scores.max(initial=1)))


def stops(best: float, scores: np.ndarray) -> np.ndarray:
    """Score thresholds (S,), ascending: hundredths of the range of scores (N,), from its lower end, and the best, if not NaN."""
    low, high = score_range(scores)
    grid = HUNDREDTHS if (low, high) == (0, 1) else low + (high - low) * HUNDREDTHS
    return grid if math.isnan(best) else np.unique(np.append(grid, best))


def passed(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """How many of the ascending thresholds (S,) each of the scores (N,) exceeds: those before this place."""
    return np.searchsorted(thresholds, scores.astype(np.float64), side="left")


def above(passes: np.ndarray, group: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How many of each group exceed each threshold, as an array of `shape` (groups, S).

    Args:
        passes: (N,) of `passed`.
        group: (N,) numbers from 0.
        shape: numbers of groups and of thresholds.
    """
    groups, count = shape
    at = np.bincount(group * (count + 1) + passes, minlength=groups * (count + 1)).reshape(groups, count + 1)
    return np.cumsum(at[:, ::-1], axis=1)[:, ::-1][:, 1:]
