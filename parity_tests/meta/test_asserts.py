"""The assertions see an error just beyond each tolerance, and what a failure prints can be pasted and run."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from parity_tests.asserts import assert_agree
from parity_tests.tolerance import TOLERANCES

X = np.array([[0.25, 0.5, 0.75, 1.0]])


def agree(operation: str, actual: np.ndarray, expected: np.ndarray) -> None:
    assert_agree(operation=operation, actual=actual, expected=expected, inputs=(X,))


@pytest.mark.parametrize("operation", TOLERANCES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_error_beyond_the_tolerance_is_seen(operation: str, dtype: type) -> None:
    tolerance = TOLERANCES[operation]
    epsilons = tolerance.float32 if dtype == np.float32 else tolerance.float64
    expected = np.ones(3, dtype)
    agree(operation, expected, expected)
    for sign in (1, -1):
        wrong = expected.copy()
        wrong[1] += sign * (epsilons + 2) * np.finfo(dtype).eps
        with pytest.raises(AssertionError):
            agree(operation, wrong, expected)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (np.ones(3), np.ones((3, 1))),
        (np.ones(3), np.ones(3, np.float32)),
        (np.array([1, np.nan]), np.array([1.0, 1])),
        (np.array([1.0, 1]), np.array([1, np.nan])),
        (np.array([np.inf]), np.array([-np.inf])),
    ],
    ids=["shape", "dtype", "NaN came", "NaN went", "sign of infinity"],
)
def test_other_differences_are_seen(actual: np.ndarray, expected: np.ndarray) -> None:
    with pytest.raises(AssertionError):
        agree("boxes.iou", actual, expected)


@pytest.mark.parametrize("rows", [1, 200], ids=["printed", "saved"])
def test_the_snippet_runs(rows: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing but its own imports and names."""
    boxes = np.repeat(X, rows, axis=0)
    with pytest.raises(AssertionError) as failure:
        assert_agree(operation="boxes.area", actual=np.zeros(rows), expected=np.ones(rows), inputs=(boxes,))
    (tmp_path / "pasted.py").write_text(str(failure.value).split("Reproduce with:")[1])
    runpy.run_path(str(tmp_path / "pasted.py"))
    assert "0.25" in capsys.readouterr().out  # 0.5 x 0.5
