"""Arrays as JSON: float64 to the bit. JSON has no number for NaN and infinities, which are strings."""

from typing import Literal

import msgspec
import numpy as np

Spelled = Literal["NaN", "Infinity", "-Infinity"]
Number = float | Spelled


class Array(msgspec.Struct, frozen=True):
    """Numbers in row-major order."""

    shape: tuple[int, ...]
    values: list[Number]


def to_array(values: np.ndarray) -> Array:
    """NumPy to plain data."""
    return Array(values.shape, [spelled(float(value)) for value in values.ravel()])


def from_array(array: Array) -> np.ndarray:
    """Plain data to NumPy, float64."""
    return np.array([float(value) for value in array.values]).reshape(array.shape)


def spelled(value: float) -> Number:
    """A number as JSON can say it."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
