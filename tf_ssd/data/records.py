"""What a dataset is: a sequence of records, each an encoded image and its ground truth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class Record:
    """One image and its ground truth.

    Attributes:
        id: name of the record, unique within its dataset.
        image: the image file, or its encoded bytes.
        boxes: (G, 4) float32, xyxy fractions of the image.
        labels: (G,) int32, 1..C-1.
        difficult: (G,) bool, rows that the metrics leave out.
        crowd: (G,) bool, rows that stand for a group of objects (COCO's `iscrowd`); none if not given.
        size: width and height in pixels, as the annotation or the image's header says; None if neither was looked at.
    """

    id: str
    image: Path | bytes
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    crowd: np.ndarray = None  # type: ignore[assignment]  # replaced below
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.crowd is None:
            object.__setattr__(self, "crowd", np.zeros(len(self.labels), bool))


class Dataset(Protocol):
    """A sequence of records; whatever has these members can be trained on."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The C - 1 classes without background: class i is `class_names[i - 1]`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to be logged: what was dropped or clipped, each naming file and object."""

    def __len__(self) -> int:
        """Number of records."""

    def __getitem__(self, index: int) -> Record:
        """Record `index`; raises IndexError outside 0..len-1 and DatasetError where the record cannot be used."""
