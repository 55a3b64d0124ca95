"""Arrays as JSON: float64 to the bit. JSON has no number for NaN and infinities, which are strings."""

from math import prod
from typing import Annotated, Literal

import msgspec
import numpy as np

Spelled = Literal["NaN", "Infinity", "-Infinity"]
Number = float | Spelled


class Array(msgspec.Struct, frozen=True):
    """Numbers in row-major order; ValueError if they do not fill the shape."""

    shape: tuple[Annotated[int, msgspec.Meta(ge=0)], ...]
    values: list[Number]

    def __post_init__(self) -> None:
        if prod(self.shape) != len(self.values):
            raise ValueError(f"shape {list(self.shape)} does not fit {len(self.values)} values")


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


def require_shape(name: str, array: Array, *shape: int) -> None:
    """Raise ValueError, which begins with the name, unless an array has the shape."""
    if array.shape != shape:
        raise ValueError(f"`{name}` has shape {list(array.shape)}, which must be {list(shape)} here")


def count_boxes(name: str, array: Array) -> int:
    """The number K of rows of an array (K, 4); raises ValueError, which begins with the name, if it has none or another shape."""
    count = len(array.values) // 4
    require_shape(name, array, max(count, 1), 4)
    return count
