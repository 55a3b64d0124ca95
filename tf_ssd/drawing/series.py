"""Numbers over the steps of a run: read from a table, smoothed, thinned."""

import csv
from pathlib import Path

import numpy as np

WINDOW_SHARE = 0.02  # of the steps, that a smoothed value is the mean of


def read_columns(path: Path) -> dict[str, np.ndarray]:
    """The columns (N,) of a CSV file of numbers, by their names."""
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    values = np.array(rows, np.float64).reshape(-1, len(names))
    return dict(zip(names, values.T, strict=True))


def smoothed(values: np.ndarray) -> np.ndarray:
    """At each place of `values` (N,) the mean of those up to it, as many as WINDOW_SHARE says."""
    window = max(1, round(WINDOW_SHARE * len(values)))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def top(values: np.ndarray) -> float:
    """The upper end of an axis that shows all of the smoothed values (N,) but a few large ones at the start."""
    return float(np.quantile(values, 0.98)) * 1.2 + 1e-6 if len(values) else 1.0
