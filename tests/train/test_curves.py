from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tf_ssd.train.curves import curves_png, read_columns, smoothed


def test_columns(tmp_path):
    (tmp_path / "loss.csv").write_text("step,total\n1,2.5\n2,nan\n")
    columns = read_columns(tmp_path / "loss.csv")
    np.testing.assert_array_equal(columns["step"], [1, 2])
    np.testing.assert_array_equal(columns["total"], [2.5, np.nan])


def test_no_rows(tmp_path):
    (tmp_path / "evaluations.csv").write_text("step,mean_ap\n")
    assert read_columns(tmp_path / "evaluations.csv")["mean_ap"].shape == (0,)


def test_smoothed():
    """Over 2 % of the steps: two of a hundred."""
    np.testing.assert_array_equal(smoothed(np.arange(100.0)), [0, *np.arange(99) + 0.5])
    np.testing.assert_array_equal(smoothed(np.array([3.0, 1.0])), [3, 1])


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
