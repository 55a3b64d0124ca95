"""Loss, average precision and learning rate of a run, as a picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from tf_ssd.drawing.figures import BLUE, GREEN, GREY, INK, ORANGE, PALE, PURPLE, new_figure, plain, png
from tf_ssd.drawing.series import smoothed, top

LOWEST_RATE = 1e-4  # of the highest, that is shown
LOSSES = (("total", BLUE), ("localization", GREEN), ("confidence", ORANGE))


def curves_png(losses: dict[str, np.ndarray], evaluations: dict[str, np.ndarray], *, title: str) -> bytes:
    """A picture, encoded as PNG: from above, the terms of the loss, the average precision and the learning rate.

    Args:
        losses: columns of the steps: "step", "total", "localization", "confidence" and "learning_rate".
        evaluations: columns of the evaluations: "step" and "mean_ap".
        title: what stands above.
    """
    with new_figure(8, 7.5, dots_per_inch=120, layout="constrained") as figure:
        above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 1.2))
        _draw_losses(above, losses)
        _draw_evaluations(middle, evaluations)
        _draw_rates(below, losses)
        below.xaxis.set_major_locator(MaxNLocator(integer=True))  # there is no step 2.5
        figure.suptitle(title, fontsize=12, fontweight="bold", color=INK, x=0.01, ha="left")
        return png(figure)


def _draw_losses(axes: Axes, losses: dict[str, np.ndarray]) -> None:
    """Each term smoothed, and the total of each step behind it; values that are not finite are left out."""
    plain(axes)
    shown = np.isfinite(losses["total"])
    steps = losses["step"][shown]
    axes.plot(steps, losses["total"][shown], color=PALE, linewidth=0.8, label="total, each step")
    for name, color in LOSSES:
        axes.plot(steps, smoothed(losses[name][shown]), color=color, linewidth=1.6, label=name)
    axes.set(ylabel="loss", ylim=(0, top(smoothed(losses["total"][shown]))))
    axes.legend(loc="upper right", frameon=False, fontsize=9)


def _draw_evaluations(axes: Axes, evaluations: dict[str, np.ndarray]) -> None:
    plain(axes)
    axes.plot(evaluations["step"], evaluations["mean_ap"], color=BLUE, marker="o", markersize=4, linewidth=1.6)
    for step, value in list(zip(evaluations["step"], evaluations["mean_ap"], strict=True))[-1:]:
        axes.annotate(f"{value:.3f}", (step, value), (-4, 6), textcoords="offset points", ha="right", fontsize=9, color=GREY)
    axes.set(ylim=(0, 1.05), ylabel="held-out AP50")


def _draw_rates(axes: Axes, losses: dict[str, np.ndarray]) -> None:
    """On an axis of powers of ten, as rates fall by factors; far below the highest, as at the end of a cosine, they leave it."""
    plain(axes)
    rates = losses["learning_rate"]
    if len(rates) and rates.max() > 0:
        lowest = max(rates[rates > 0].min(), rates.max() * LOWEST_RATE)
        axes.set(yscale="log", ylim=(lowest / 2, rates.max() * 2))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))  # instead of formulas, which figures do not set
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.plot(losses["step"], rates, color=PURPLE, linewidth=1.6)
    axes.set(xlabel="step", ylabel="learning rate")
