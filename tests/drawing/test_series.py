import numpy as np

from tf_ssd.drawing.series import read_columns, smoothed


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
