"""The confusion matrix, drawn with matplotlib."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from tf_ssd.drawing.figures import GREY, INK, new_figure, png
from tf_ssd.metrics.errors import Confusion

MOST_NUMBERED = 25  # rows, in whose cells there is room for numbers
INCHES, LEAST, MOST = 0.42, 4.0, 14.0  # of a row, and of the matrix
LONGEST = 16  # characters of a name
DARK = 0.55  # the share beyond which a number is white


def confusion_png(confusion: Confusion, class_names: Sequence[str]) -> bytes:
    """A picture, encoded as PNG: rows are true classes, columns detected ones, colours the shares of their row."""
    names = ["background", *(name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in class_names)]
    side = min(max(INCHES * len(names), LEAST), MOST)
    with new_figure(side + 1.6, side + 1.6, dots_per_inch=100, layout="constrained") as figure:
        axes = figure.add_subplot(xlabel="detected", ylabel="true class")
        _draw(axes, confusion.counts, names)
        threshold = "there is no best threshold" if np.isnan(confusion.threshold) else f"scores above {confusion.threshold:.6g}"
        axes.set_title(f"Confusion, {threshold}", fontsize=11, fontweight="bold", color=INK, loc="left")
        return png(figure)


def _draw(axes: Axes, counts: np.ndarray, names: Sequence[str]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (C, C)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 9 if len(names) <= MOST_NUMBERED else 5
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90, fontsize=size, color=INK)
    axes.set_yticks(places, names, fontsize=size, color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_color(GREY)
    if len(names) <= MOST_NUMBERED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            color = "white" if shares[row, column] > DARK else INK
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8, color=color)
