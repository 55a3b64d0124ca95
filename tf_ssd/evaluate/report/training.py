"""Loss and average precision of the run that a model comes from."""

import csv
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tf_ssd.drawing.series import read_columns, smoothed, top
from tf_ssd.weights.places import EVALUATIONS, LOSS

MOST_POINTS = 400  # of a curve
TERMS = ("total", "localization", "confidence")


def training_curves(folder: Path) -> dict[str, Any] | None:
    """The curves of a run, None if its folder does not hold them, or not whole; what is not finite is None.

    Returns:
        "losses": columns "step" and TERMS, smoothed; "evaluations": columns "step" and "mean_ap"; "top" of the axis of losses.
    """
    with suppress(OSError, ValueError, KeyError, csv.Error):  # a table that someone else has changed is no reason to fail
        losses, evaluations = (read_columns(folder / name) for name in (LOSS, EVALUATIONS))
        finite = np.isfinite(losses["total"])
        curves = {"step": losses["step"][finite], **{name: smoothed(losses[name][finite]) for name in TERMS}}
        return {
            "losses": {name: _numbers(_thinned(values)) for name, values in curves.items()},
            "evaluations": {name: _numbers(_thinned(evaluations[name])) for name in ("step", "mean_ap")},
            "top": top(curves["total"]),
        }
    return None


def _thinned(values: np.ndarray) -> np.ndarray:
    """At most MOST_POINTS of the values (N,), evenly spread, the first and the last among them."""
    return values[np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).round().astype(int))]


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]
