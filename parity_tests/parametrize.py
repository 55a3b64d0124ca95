"""What the tests run over: implementations, dtypes, and shares of the profile's examples."""

import numpy as np
import pytest
from hypothesis import settings

from parity_tests.adapters import EAGER, GRAPH, REFERENCE, XLA


def _name(value: object) -> str:
    return str(getattr(value, "name", None) or getattr(value, "__name__", value))


# A graph may be rewritten before it runs; float32 shows that, float64 would show it again.
SIDES_AND_DTYPES = pytest.mark.parametrize(
    ("side", "dtype"),
    [(EAGER, np.float32), (EAGER, np.float64), (GRAPH, np.float32), (XLA, np.float32), (XLA, np.float64)],
    ids=_name,
)
SIDES = pytest.mark.parametrize("side", [EAGER, GRAPH, XLA], ids=_name)
# Constructed cases are put to the reference as well: it must obey the rules, not just agree.
ALL = pytest.mark.parametrize("side", [EAGER, GRAPH, XLA, REFERENCE], ids=_name)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=_name)
# The same in both dtypes; float64 is compiled where cases are random.
ALL_AND_DTYPES = pytest.mark.parametrize(
    ("side", "dtype"),
    [(side, dtype) for side in (EAGER, REFERENCE) for dtype in (np.float32, np.float64)] + [(GRAPH, np.float32), (XLA, np.float32)],
    ids=_name,
)

# Eagerly, which costs ten times more than the graph of the same kernels: no more than a thousand, whatever the profile says.
thousand = settings(max_examples=min(1000, settings().max_examples))
# For examples that take long: a third, a tenth of what the profile says.
third = settings(max_examples=max(5, settings().max_examples // 3))
tenth = settings(max_examples=max(3, settings().max_examples // 10))
