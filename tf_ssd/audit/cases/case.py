"""What an edge case is: inputs small enough to count by hand, the rule that applies, and the answers that are known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.specification.rules import specification
from tf_ssd.config import ScoreKind

Stage = Literal["matching", "loss"]
Operation = Literal["encode", "decode"]


@dataclass(frozen=True, eq=False)
class Image:
    """One image of a batch: annotation, predictions and, found by hand, the default boxes that take part in its loss.

    `matches` maps a default box to its ground-truth row. `mined` lists the mined negatives, whose cross entropy counts too. A box
    in both counts twice, which describes a wrong loss.
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

    The judge recognises it in one of three ways. `images`: the answer is the loss of these images, in which boxes are selected as
    that code selects them. `sign`: this function of the answer returns True. `permuted`: the loss is right, and the gradient is
    right except for the order of the default boxes. A `fault` is an undefined, silent or wrong result; without it the answer is
    a difference of convention.
    """

    what: str
    images: tuple[Image, ...] | None = None
    sign: Callable[[Answer], bool] | None = None
    permuted: bool = False
    fault: bool = False


@dataclass(frozen=True)
class About:
    """Name, group and rule of a case, and why it matters: `why` names published implementations that break the rule."""

    name: str
    group: str
    rule: str
    why: str

    @property
    def numbers(self) -> tuple[str, ...]:
        """The rules of the specification that the case stands for."""
        return tuple(rule.number for rule in specification().of_case(self.name))

    @property
    def cited(self) -> str:
        """The rule of the case, and the numbers of those that it stands for."""
        return f"{self.rule} ({', '.join(self.numbers)})"


@dataclass(frozen=True, eq=False)
class LossCase:
    """A batch and the loss it must give.

    Attributes:
        stage: "matching" if the case is about which default boxes are positive; a loss that is given its targets is not asked it.
        by_hand: the total as a formula and as a number.
        options: settings of the loss other than the defaults.
        loud: the input is so wrong that the loss must not be a finite number.
        refusable: an exception counts as a difference of convention here, not as an error.
        half: predictions are float16.
        scores: what the logits stand for; an implementation that knows both kinds is told.
        replicas: number of devices that the batch is spread over.
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
    scores: ScoreKind = "softmax"

    @property
    def settings(self) -> dict[str, Any]:
        """All settings that are not the defaults, as a report names them."""
        settings = {**self.options, **({"scores": self.scores} if self.scores != "softmax" else {})}
        return {**settings, **({"replicas": self.replicas} if self.replicas > 1 else {})}

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
