from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tf_ssd.drawing.figures import new_figure
from tf_ssd.train import curves
from tf_ssd.train.curves import curves_png


@pytest.mark.parametrize("steps", [0, 1, 50])
def test_a_picture_of_any_number_of_steps(steps):
    """Values that are not finite, as half precision gives, are left out."""
    losses = {name: np.linspace(9, 1, steps) for name in ("total", "localization", "confidence")}
    losses |= {"learning_rate": np.linspace(1e-3, 0, steps)}
    losses |= {"total": np.where(np.arange(steps) == 1, np.inf, losses["total"]), "step": np.arange(1, steps + 1)}
    none, some = ({"step": np.full(count, steps), "mean_ap": np.full(count, 0.5)} for count in (0, 1))
    pictures = [curves_png(losses, evaluations, title="$run") for evaluations in (none, some)]
    assert pictures[0] != pictures[1]
    assert Image.open(BytesIO(pictures[1])).size == (960, 900)


def test_rates_change_the_picture():
    losses = {name: np.ones(20) for name in ("total", "localization", "confidence")} | {"step": np.arange(1, 21)}
    none = {"step": np.zeros(0), "mean_ap": np.zeros(0)}
    rates = (np.zeros(20), np.full(20, 1e-3), np.repeat([1e-3, 1e-4], 10))
    assert len({curves_png(losses | {"learning_rate": rate}, none, title="") for rate in rates}) == 3


def test_rates_are_labelled_by_numbers():
    """No figure sets formulas, which Matplotlib writes beside an axis of powers of ten."""
    with new_figure(8, 2, dots_per_inch=50) as figure:
        axes = figure.subplots()
        curves._draw_rates(axes, {"step": np.arange(3), "learning_rate": np.array([1e-3, 1e-4, 1e-5])})
        figure.draw_without_rendering()
        shown = {label.get_text() for label in axes.get_yticklabels(which="both")}
    assert {"0.001", "0.0001"} <= shown
    assert not any("$" in label for label in shown)
