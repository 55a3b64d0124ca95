"""Comparing examples and batches."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def assert_equal(a: Iterable[Any], b: Iterable[Any]) -> None:
    """Every column of `a` is that of `b`, to the bit."""
    for mine, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(mine, other)
