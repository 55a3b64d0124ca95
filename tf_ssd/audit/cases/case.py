"""What an edge case is: inputs small enough to count by hand, the rule that applies, and the answers that are known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tf_ssd.audit.cases.answer import Answer

Stage = Literal["matching", "loss"]
Operation = Literal["encode", "decode"]


@dataclass(frozen=True, eq=False)
class Image:
    """One image of a batch: annotation, predictions, and by hand which default boxes take part in its loss.

    `matches` maps a default box to its ground-truth row; `mined` are the default boxes whose cross entropy counts beside that of
    the matched ones (a box in both counts twice, which only a wrong loss does).
    """

    gt_boxes: np.ndarray  # (G, 4) xyxy, fractions
    gt_labels: np.ndarray  # (G,) int64, 0 for padding
    offsets: np.ndarray  # (K, 4) predicted
    logits: np.ndarray  # (K, C) predicted
    matches: Mapping[int, int]
    mined: tuple[int, ...]


@dataclass(frozen=True)
class Known:
    """An answer other than the rule's that is known from published code.

    It is recognised by the images as that code would select them, by `sign`, which is asked with the answer, or as `permuted`: the
    right loss, and a gradient that is right but for the order of the default boxes. A `fault` is an
    undefined, silent or wrong result; all else is a convention, and a mere difference.
    """

    what: str
    images: tuple[Image, ...] | None = None
    sign: Callable[[Answer], bool] | None = None
    permuted: bool = False
    fault: bool = False


@dataclass(frozen=True)
class About:
    """What every case says of itself: `why` names the published implementations that fall into it."""

    name: str
    group: str
    rule: str
    why: str


@dataclass(frozen=True, eq=False)
class LossCase:
    """A batch and the loss it must give.

    Attributes:
        stage: "matching": the case is about which default boxes are positive, and says nothing about a loss on given targets.
        by_hand: the total as a formula, and its number.
        options: settings of the loss other than the defaults.
        loud: the input is so wrong that the loss must not be a finite number.
        refusable: raising an exception is a convention here, not a crash.
        half: predictions are float16.
        replicas: the batch is spread over so many devices.
    """

    about: About
    images: tuple[Image, ...]
    default_boxes: np.ndarray  # (K, 4) cxcywh
    stage: Stage = "loss"
    by_hand: tuple[str, float] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    known: tuple[Known, ...] = ()
    loud: bool = False
    refusable: bool = False
    half: bool = False
    replicas: int = 1

    @cached_property
    def offsets(self) -> np.ndarray:
        """(B, K, 4)."""
        return np.stack([image.offsets for image in self.images])

    @cached_property
    def logits(self) -> np.ndarray:
        """(B, K, C)."""
        return np.stack([image.logits for image in self.images])


@dataclass(frozen=True, eq=False)
class CoderCase:
    """Rows to encode (xyxy) or to decode (offsets), one for each default box, and what must come out."""

    about: About
    operation: Operation
    values: np.ndarray  # (K, 4)
    default_boxes: np.ndarray  # (K, 4) cxcywh
    expected: np.ndarray  # (K, 4)
    known: tuple[Known, ...] = ()


Case = LossCase | CoderCase
