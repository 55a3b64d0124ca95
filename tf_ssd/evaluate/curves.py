"""Precision over recall, drawn with matplotlib."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from tf_ssd.drawing.figures import INK, PALE, PALETTE, new_figure, plain, png
from tf_ssd.metrics.scores import AveragePrecision, Curve

WIDTH, HEIGHT, DOTS_PER_INCH = 8.4, 5.2, 150
RECALLS = np.linspace(0, 1, 1001)


def curves_png(scores: AveragePrecision, class_names: Sequence[str], *, title: str) -> bytes:
    """A picture, encoded as PNG: a curve for each class that has ground truth, and their mean, thick and dark.

    As many classes as the palette has colours get one; of more, those with the lowest average precision at IoU 0.5, and the
    others are grey.
    """
    with new_figure(WIDTH, HEIGHT, dots_per_inch=DOTS_PER_INCH, layout="constrained") as figure:
        axes = figure.add_subplot(xlabel="recall", ylabel="precision", xlim=(0, 1.005), ylim=(0, 1.02), title=title)
        plain(axes)
        _draw_curves(axes, scores, class_names)
        axes.legend(title="AP at IoU 0.5", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, alignment="left")
        return png(figure)


def _draw_curves(axes: Axes, scores: AveragePrecision, class_names: Sequence[str]) -> None:
    values = scores.details.get("AP50", scores.per_class)  # (C - 1,)
    worst_first = [label for label in np.argsort(values, kind="stable").tolist() if scores.ground_truth_counts[label]]
    others, named = worst_first[len(PALETTE) :], worst_first[: len(PALETTE)]
    for number, label in enumerate(others):
        name = f"{len(others)} better classes" if number == 0 else None
        axes.plot(*_steps(scores.curves[label]), color=PALE, linewidth=0.8, label=name)
    for label, color in reversed(list(zip(named, PALETTE, strict=False))):
        axes.plot(*_steps(scores.curves[label]), color=color, linewidth=1.5, label=f"{values[label]:.3f}  {class_names[label]}")
    if len(worst_first) > 1:
        mean = np.mean([_best_from(scores.curves[label]) for label in worst_first], axis=0)
        axes.plot(RECALLS, mean, color=INK, linewidth=2.5, label=f"{values[worst_first].mean():.3f}  mean of {len(worst_first)}")


def _steps(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision of a line that begins at the axis and falls to 0 where recall ends."""
    if not len(curve.recall):
        return np.zeros(2), np.zeros(2)
    end = [0] if curve.recall[-1] < 1 else curve.precision[-1:]
    recall = np.concatenate([[0], curve.recall, curve.recall[-1:]])
    return recall, np.concatenate([curve.precision[:1], curve.precision, end])


def _best_from(curve: Curve) -> np.ndarray:
    """The best precision at recall of at least each of RECALLS."""
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    return np.append(envelope, 0)[np.searchsorted(curve.recall, RECALLS)]
