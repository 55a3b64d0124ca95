"""Assertions about results, checked in a fixed order: dtype, shape, values. A failure prints code that reproduces it."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from parity_tests.tolerance import EXACT, TOLERANCES, Tolerance

PRINTED_ELEMENTS = 300
# The largest error of each "operation dtype" so far, in epsilons at the scale of the comparison.
largest_errors: dict[str, float] = {}


def assert_agree(
    *,
    operation: str,
    actual: np.ndarray,
    expected: np.ndarray,
    inputs: Sequence[np.ndarray],
    options: Mapping[str, object] | None = None,
    tolerance: Tolerance | None = None,
    scale: float = 1.0,
    what: str = "value",
) -> None:
    """Same dtype, same shape, same NaN and infinities, and values within the tolerance of the operation.

    `expected` may be wider (float64) than `actual` (float32): then only the dtype of `actual` is not checked.
    """
    __tracebackhide__ = True
    try:
        epsilons = _largest_error(actual, expected, tolerance or TOLERANCES[operation], scale)
    except AssertionError as error:
        raise AssertionError(f"{error}: {operation}, {what}\n{snippet(operation, inputs, options or {})}") from None
    if epsilons is None:
        largest_errors.setdefault(f"{operation} exact", 0.0)
    elif tolerance is None:
        record_error(operation, actual.dtype, epsilons)


def _largest_error(actual: np.ndarray, expected: np.ndarray, tolerance: Tolerance, scale: float) -> float | None:
    """In epsilons, unless everything must be equal; an AssertionError where `assert_agree` asks for one."""
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    assert expected.dtype in {actual.dtype, np.dtype(np.float64)}, f"dtype {actual.dtype}, expected {expected.dtype}"
    if tolerance is EXACT or not np.issubdtype(actual.dtype, np.floating):
        np.testing.assert_array_equal(actual, expected)
        return None
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.where(finite, 0, actual), np.where(finite, 0, expected))
    difference = np.abs(np.where(finite, actual.astype(np.float64) - np.where(finite, expected, 0), 0))
    unit = tolerance.unit(np.where(finite, expected, 0), actual.dtype, scale)
    excess = difference - tolerance.multiple(actual.dtype) * unit
    if actual.size and not excess.max() <= 0:
        worst = np.unravel_index(np.nanargmax(np.where(np.isnan(excess), np.inf, excess)), excess.shape)
        raise AssertionError(
            f"at {tuple(map(int, worst))}: {actual[worst]!r}, expected {expected[worst]!r}, difference "
            f"{difference[worst]:.3g} exceeds {difference[worst] - excess[worst]:.3g} ({tolerance.reason})"
        )
    return float((difference / unit).max(initial=0))


def record_error(operation: str, dtype: np.dtype, epsilons: float) -> None:
    """Keep the largest error of an operation for the table at the end of the run."""
    key = f"{operation} {dtype}"
    largest_errors[key] = max(largest_errors.get(key, 0.0), float(epsilons))


def snippet(operation: str, inputs: Sequence[np.ndarray], options: Mapping[str, object]) -> str:
    """Code that runs the operation on these inputs with tf_ssd; large arrays go into a file that the code loads."""
    place, _, function = operation.rpartition(".")
    room, _, module = f"tf_ssd.{place}".rpartition(".")
    arrays = [np.asarray(array) for array in inputs]
    if sum(array.size for array in arrays) > PRINTED_ELEMENTS:
        path = Path(tempfile.gettempdir(), f"parity-{_running()}.npz")  # Hypothesis fails often: its last and smallest stays
        np.savez(path, *arrays)
        load = [f'inputs = [np.load("{path}")[f"arr_{{i}}"] for i in range({len(arrays)})]']
    else:
        listed = ",\n".join(f"    np.array({array.tolist()}, np.{array.dtype})" for array in arrays)
        load = ["nan, inf = np.nan, np.inf", f"inputs = [\n{listed},\n]"]
    keywords = "".join(f", {name}={value!r}" for name, value in options.items())
    lines = ["import numpy as np", f"from {room} import {module}", *load, f"print({module}.{function}(*inputs{keywords}))"]
    return "\nReproduce with:\n\n" + "\n".join(lines) + "\n"


def _running() -> str:
    """The running test, if any, and the process, as part of a file name."""
    return re.sub(r"\W+", "-", f"{os.environ.get('PYTEST_CURRENT_TEST', '')} {os.getpid()}")[-150:]
