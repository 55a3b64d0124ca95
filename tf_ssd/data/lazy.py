"""Datasets whose annotations are parsed when a record is used, so that a million of them start within seconds."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from tf_ssd.data.classes import require_class_names
from tf_ssd.data.compact import Strings
from tf_ssd.data.ground_truth import CLIPPED, DROPPED, Corners, fit
from tf_ssd.data.notes import Notes
from tf_ssd.data.paths import check_inside
from tf_ssd.data.records import Record, image_size
from tf_ssd.errors import DatasetError


@dataclass(frozen=True)
class Object:
    """One object of an annotation.

    Attributes:
        where: file, number or line, and class: what a message about it begins with.
        name: its class.
        corners: xyxy in pixels, as annotated; min is not greater than max.
        difficult: whether the metrics leave it out.
    """

    where: str
    name: str
    corners: Corners
    difficult: bool = False

    def __str__(self) -> str:
        xmin, ymin, xmax, ymax = self.corners
        return f"{self.where}: {xmin=:g} {ymin=:g} {xmax=:g} {ymax=:g}"


@dataclass(frozen=True)
class Annotation:
    """What is said about one image: `size` is (width, height) in pixels, None to take it from the image's header."""

    image: Path
    size: tuple[int, int] | None
    objects: list[Object]


class LazyDataset(ABC):
    """A dataset that knows the ids of its records and parses an annotation each time its record is used.

    Memory: a few bytes beyond the names. `notes` grows as records are read.

    Args:
        root: the folder that no image may lie outside of.
        ids: of the records.
        class_names: the classes in the order of their labels; None parses all annotations and takes those found, sorted,
            and so checks the whole dataset.
        notes: what was left out while the ids were gathered.
        where: what a message about the class names begins with.

    Raises:
        DatasetError: `class_names` holds no, an empty or a repeated name, or, if None, an annotation cannot be used.
    """

    one_based = False  # the corners, see `fit`

    def __init__(self, root: Path, ids: Strings, class_names: Sequence[str] | None, notes: Notes, where: str) -> None:
        self._root, self._ids, self._notes = root, ids, notes
        self._noted = np.zeros(len(ids), bool)
        self._noting = Lock()
        if class_names is None:
            class_names = sorted({item.name for index in range(len(self)) for item in self._usable(index)[1]})
        self.class_names = require_class_names(class_names, where)
        self._label_of = {name: label for label, name in enumerate(self.class_names, start=1)}

    @abstractmethod
    def annotation(self, index: int) -> Annotation:
        """Parse the annotation of record `index`; raises DatasetError."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped or clipped in the annotations read so far."""
        return self._notes.sentences()

    @property
    def max_boxes(self) -> int:
        """The largest number of boxes in an image; parses every annotation."""
        return max((len(self._usable(index)[1]) for index in range(len(self))), default=0)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        image, objects, boxes, size = self._usable(index)
        labels = np.array([self._label(item) for item in objects], np.int32)
        difficult = np.array([item.difficult for item in objects], bool)
        return Record(self._ids[index], image, boxes, labels, difficult, size=size)

    def _usable(self, index: int) -> tuple[Path, list[Object], np.ndarray, tuple[int, int]]:
        """Image, the objects that have an area, their boxes (G, 4) as fractions, and the image's size."""
        annotation = self.annotation(index)
        check_inside(self._root, annotation.image)
        width, height = size = annotation.size or image_size(annotation.image)
        corners = np.array([item.corners for item in annotation.objects], np.float64).reshape(-1, 4)  # (G, 4)
        fitted = fit(corners, np.array(size), one_based=self.one_based)
        for item in _where(annotation.objects, fitted.outside):
            raise DatasetError(f"{item} lies outside the image of {width} x {height} px; correct the box")
        problems = [(DROPPED, item) for item in _where(annotation.objects, ~fitted.has_area)]
        problems += [(CLIPPED, item) for item in _where(annotation.objects, fitted.clipped)]
        if problems:
            self._note_once(index, problems)
        return annotation.image, _where(annotation.objects, fitted.has_area), fitted.boxes[fitted.has_area], size

    def _note_once(self, index: int, problems: list[tuple[str, Object]]) -> None:
        """A record is read in every epoch, but what is wrong with it is counted once."""
        with self._noting:
            known, self._noted[index] = self._noted[index], True
        for kind, item in () if known else problems:
            self._notes.add(kind, str(item))

    def _label(self, item: Object) -> int:
        if item.name not in self._label_of:
            raise DatasetError(f"{item.where}: the class is none of {', '.join(self.class_names)}; rename it or add it to these")
        return self._label_of[item.name]


def _where(objects: list[Object], mask: np.ndarray) -> list[Object]:
    return [item for item, wanted in zip(objects, mask, strict=True) if wanted]
