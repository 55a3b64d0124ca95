"""How a cost grows with a size: the exponent of a power law, fitted to measurements."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from rich.table import Table

TOLERANCE = 0.15  # of an exponent, for noise, logarithms and caches


class Curve(NamedTuple):
    """Measurements of one operation.

    Attributes:
        operation: what was done.
        variable: what was varied.
        sizes: ascending.
        costs: for each size, relative to the first.
        stated: the largest exponent that the documentation allows.
    """

    operation: str
    variable: str
    sizes: tuple[int, ...]
    costs: tuple[float, ...]
    stated: float

    @property
    def exponent(self) -> float:
        """The exponent fitted to the larger half of the sizes, where fixed costs matter least."""
        upper = len(self.sizes) // 2
        return exponent(self.sizes[upper:], self.costs[upper:])

    @property
    def exceeds(self) -> bool:
        """Whether the cost grows clearly faster than stated."""
        return self.exponent > self.stated + TOLERANCE


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The p of cost = a * size^p: least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def table(curves: Iterable[Curve]) -> Table:
    """The exponents, stated and measured, as a table to print."""
    shown = Table("", "against", "range", "exponent stated", "measured", "")
    for curve in curves:
        sizes = f"{curve.sizes[0]}..{curve.sizes[-1]}"
        mark = "more than stated" if curve.exceeds else ""
        shown.add_row(curve.operation, curve.variable, sizes, f"<= {curve.stated:g}", f"{curve.exponent:.2f}", mark)
    return shown


def as_json(curve: Curve) -> dict[str, object]:
    """A curve as plain values, with its exponent."""
    return {**curve._asdict(), "exponent": curve.exponent, "exceeds": curve.exceeds}
