"""Datasets whose annotations are parsed when a record is used, so that a million of them start within seconds."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from tf_ssd.config import Exif
from tf_ssd.data.classes import require_class_names
from tf_ssd.data.ground_truth import CLIPPED, DROPPED, Corners, fit
from tf_ssd.data.images.decode import image_size
from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.paths import check_inside
from tf_ssd.data.records import Record
from tf_ssd.errors import DatasetError, Place


@dataclass(frozen=True)
class Object:
    """One object of an annotation.

    Attributes:
        where: file, and number or line and class: what a message about it begins with.
        name: its class.
        corners: xyxy in pixels, as annotated; min is not greater than max.
        difficult: whether the metrics leave it out.
    """

    where: Place
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
        notes: what was left out while the ids were gathered, and where faults go.
        where: what a message about the class names begins with.
        exif: whether sizes that come from an image's header are those of the image as its EXIF orientation turns it.

    Raises:
        DatasetError: `class_names` holds no, an empty or a repeated name, or, if None, an annotation cannot be used.
    """

    one_based = False  # the corners, see `fit`

    def __init__(
        self,
        root: Path,
        ids: PackedStrings,
        class_names: Sequence[str] | None,
        notes: Notes,
        where: Place,
        *,
        exif: Exif = "ignore",
    ) -> None:
        self._root, self._ids, self._notes, self._exif = root, ids, notes, exif
        self._noted = np.zeros(len(ids), bool)
        self._noting = Lock()
        self.class_names: tuple[str, ...] = ()
        with notes.tolerating():
            self.class_names = require_class_names(self._classes_of_all() if class_names is None else class_names, where)
        self._label_of = {name: label for label, name in enumerate(self.class_names, start=1)}

    @abstractmethod
    def annotation(self, index: int) -> Annotation:
        """Parse the annotation of record `index`; raises DatasetError."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped or clipped in the annotations read so far."""
        return self._notes.sentences()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        image, objects, boxes, size = self._usable(index)
        labels = np.array([self._label(item) for item in objects], np.int32)
        difficult = np.array([item.difficult for item in objects], bool)
        known = labels > 0
        return Record(self._ids[index], image, boxes[known], labels[known], difficult[known], size=size)

    def _classes_of_all(self) -> list[str]:
        """The classes of all annotations, sorted."""
        names: set[str] = set()
        for index in range(len(self)):
            with self._notes.tolerating():
                names.update(item.name for item in self._usable(index)[1])
        return sorted(names)

    def _usable(self, index: int) -> tuple[Path, list[Object], np.ndarray, tuple[int, int]]:
        """Image, the objects that have an area, their boxes (G, 4) as fractions, and the image's size."""
        annotation = self.annotation(index)
        check_inside(self._root, annotation.image)
        width, height = size = annotation.size or image_size(annotation.image, exif=self._exif)
        corners = np.array([item.corners for item in annotation.objects], np.float64).reshape(-1, 4)  # (G, 4)
        fitted = fit(corners, np.array(size), one_based=self.one_based)
        for item in _where(annotation.objects, fitted.outside):
            message = f"{item} lies outside the image of {width} x {height} px; correct the box"
            self._notes.fault(DatasetError(message, kind="boxes outside their image", place=item.where))
        problems = [(DROPPED, item) for item in _where(annotation.objects, ~fitted.has_area)]
        problems += [(CLIPPED, item) for item in _where(annotation.objects, fitted.clipped)]
        if problems:
            self._note_once(index, problems)
        usable = fitted.has_area & ~fitted.outside
        return annotation.image, _where(annotation.objects, usable), fitted.boxes[usable], size

    def _note_once(self, index: int, problems: list[tuple[str, Object]]) -> None:
        """A record is read in every epoch, but what is wrong with it is counted once."""
        with self._noting:
            known, self._noted[index] = self._noted[index], True
        for kind, item in () if known else problems:
            self._notes.add(kind, str(item), item.where)

    def _label(self, item: Object) -> int:
        """The label of an object, 0 where an unknown class is tolerated."""
        if item.name not in self._label_of:
            self._notes.fault(unknown_class(item.where, self.class_names))
        return self._label_of.get(item.name, 0)


def unknown_class(where: Place, class_names: Sequence[str]) -> DatasetError:
    """The error about an object whose class is not among these."""
    what = f"the class is none of {', '.join(class_names)}; rename it or add it to these"
    return DatasetError.at(where, what, kind="unknown classes")


def _where(objects: list[Object], mask: np.ndarray) -> list[Object]:
    return [item for item, wanted in zip(objects, mask, strict=True) if wanted]
