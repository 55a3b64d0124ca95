"""What a dataset is: a sequence of records, each an encoded image and its ground truth."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from tf_ssd.boxes_px import Size
from tf_ssd.errors import Place


class Written(NamedTuple):
    """A row of an annotation, for messages: where it stands, and its box as it is written there."""

    place: Place
    box: str

    def __str__(self) -> str:
        return f"{self.place}: {self.box}"


@dataclass(frozen=True, eq=False)
class Record:
    """One image and its ground truth.

    The boxes of a record with a size lie inside its image. Where only the image's header knows the size, nobody has looked at it
    yet, and boxes are as annotated: see `ground_truth.fit_record`.

    Attributes:
        id: name of the record, unique within its dataset.
        image: the image file, or its encoded bytes.
        boxes_px: (G, 4) float64, xyxy in pixels of an image of `size`, from its top left corner: pixel i reaches from i to i + 1.
        labels: (G,) int32, 1..C-1.
        difficult: (G,) bool, rows that the metrics leave out.
        crowd: (G,) bool, rows that stand for a group of objects (COCO's `iscrowd`); none if not given.
        size: width and height in pixels, as the annotation says; None if it does not.
        written: G rows as the annotation has them, for messages; empty where the boxes lie inside.
        looked_for: the places where the image is not; empty if it is at `image`, or nobody looked.
        complete: False where boxes may have been left out because of a fault, so that nothing follows from their number.
        fractions: True where the annotation gives fractions of the image, and no size: then `boxes_px` are still these fractions,
            xyxy, until `ground_truth.fit_record` is told the size.
    """

    id: str
    image: Path | bytes
    boxes_px: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    crowd: np.ndarray = None  # type: ignore[assignment]  # replaced below
    size: Size | None = None
    written: tuple[Written, ...] = ()
    looked_for: tuple[Path, ...] = ()
    complete: bool = True
    fractions: bool = False

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
