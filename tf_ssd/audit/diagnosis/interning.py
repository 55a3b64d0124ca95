"""Equal results are one object, so that what follows from them is computed once."""

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

Made = TypeVar("Made")
_KNOWN: dict[tuple[Any, ...], Any] = {}


def interned(made: Made) -> Made:
    """The first dataclass of this type whose fields had these values; it is compared by identity from here on."""
    values = (getattr(made, one.name) for one in fields(made))  # type: ignore[arg-type]
    key = tuple((value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value for value in values)
    return _KNOWN.setdefault((type(made), *key), made)
