"""What an implementation answered to a case, in a form that passes between processes and into files."""

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

# "inapplicable": the implementation has no such setting or operation; "died": its process ended.
Status = Literal["answered", "raised", "died", "timeout", "inapplicable"]
ARRAYS = ("offsets_gradient", "logits_gradient", "rows", "boxes")


@dataclass(frozen=True, eq=False)
class Answer:
    """The numbers that an implementation gave; the others are None. `message` says what happened if it gave none.

    A loss gives `total`, `localization` and `confidence`, and the gradients of the total, `offsets_gradient` (B, K, 4) and
    `logits_gradient` (B, K, C). A matcher gives `rows` (B, K), -1 for background. A coder gives `boxes` (K, 4): offsets from
    encode, corners from decode.
    """

    status: Status
    message: str = ""
    total: float | None = None
    localization: float | None = None
    confidence: float | None = None
    offsets_gradient: np.ndarray | None = None
    logits_gradient: np.ndarray | None = None
    rows: np.ndarray | None = None
    boxes: np.ndarray | None = None
    seconds: float = 0.0


def to_json(answer: Answer) -> dict[str, Any]:
    """Plain lists and numbers. NaN and infinities stay numbers, as Python's json writes and reads them."""
    values = {field.name: getattr(answer, field.name) for field in fields(Answer)}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


def from_json(values: dict[str, Any]) -> Answer:
    """The inverse of `to_json`."""
    arrays = {name: np.array(values[name]) for name in ARRAYS if values[name] is not None}
    return Answer(**{**values, **arrays})
