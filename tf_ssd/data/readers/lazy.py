"""Datasets whose annotations are parsed when a record is used, so that a million of them start within seconds."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tf_ssd.boxes_px import Size, to_px
from tf_ssd.data.classes import class_names_of
from tf_ssd.data.ground_truth import UNKNOWN, Corners, check_count, fit, problems, zero_based
from tf_ssd.data.notes import Notes, RecordNotes
from tf_ssd.data.packed_strings import Strings
from tf_ssd.data.paths import check_inside
from tf_ssd.data.records import Record, Written
from tf_ssd.errors import DatasetError, Place


@dataclass(frozen=True)
class Object:
    """One object of an annotation.

    Attributes:
        where: file, and number or line and class: what a message about it begins with.
        name: its class.
        corners: xyxy in pixels, or as fractions, as annotated; min is not greater than max.
        difficult: whether the metrics leave it out.
        crowd: whether it stands for a group.
    """

    where: Place
    name: str
    corners: Corners
    difficult: bool = False
    crowd: bool = False

    @property
    def written(self) -> Written:
        """The object for messages."""
        xmin, ymin, xmax, ymax = self.corners
        return Written(self.where, f"{xmin=:g} {ymin=:g} {xmax=:g} {ymax=:g}")


@dataclass(frozen=True)
class Annotation:
    """What is said about one image.

    Attributes:
        image: its file, or the first of the places where it is not: `looked_for`; or its encoded bytes.
        size: (width, height) in pixels, None if only the image's header says it.
        objects: those that can be used.
        complete: whether those are all.
    """

    image: Path | bytes
    size: Size | None
    objects: list[Object]
    looked_for: tuple[Path, ...] = ()
    complete: bool = True


class LazyDataset(ABC):
    """A dataset that knows the ids of its records and parses an annotation each time its record is used.

    Memory: a few bytes beyond the names. `notes` grows as records are read.

    Args:
        folders: that no symbolic link may lead an image out of all of.
        ids: of the records.
        class_names: the classes in the order of their labels; None parses all annotations and takes those found, sorted,
            and so checks the whole dataset.
        notes: what was left out while the ids were gathered, and where faults go.
        where: what a message about the class names begins with.

    Raises:
        DatasetError: `class_names` holds no, an empty or a repeated name, or, if None, an annotation cannot be used.
    """

    one_based = False  # the corners, see `zero_based`
    fractions = False  # whether the corners are fractions of the image

    def __init__(
        self, folders: Sequence[Path], ids: Strings, class_names: Sequence[str] | None, notes: Notes, where: Place
    ) -> None:
        self._folders, self._ids, self._notes = tuple(folders), ids, notes
        self._record_notes = RecordNotes(len(ids), notes)
        self.class_names = class_names_of(self._classes_of_all() if class_names is None else class_names, where, notes)
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
        annotation, boxes_px = self._usable(index)
        labels = np.array([self._label(item) for item in annotation.objects], np.int32)
        known = labels > 0
        objects = _where(annotation.objects, known)
        difficult, crowd = (np.array([getattr(item, name) for item in objects], bool) for name in ("difficult", "crowd"))
        written = () if annotation.size else tuple(item.written for item in objects)
        return Record(
            self._ids[index],
            annotation.image,
            boxes_px[known],
            labels[known],
            difficult,
            crowd,
            annotation.size,
            written,
            annotation.looked_for,
            annotation.complete and bool(known.all()),
            self.fractions and annotation.size is None,
        )

    def _classes_of_all(self) -> list[str]:
        """The classes of all annotations, sorted."""
        names: set[str] = set()
        for index in range(len(self)):
            with self._notes.tolerating():
                names.update(item.name for item in self._usable(index)[0].objects)
        return sorted(names)

    def _usable(self, index: int) -> tuple[Annotation, np.ndarray]:
        """The annotation with the objects that can be used, as far as its image's size is known, and their boxes (G, 4)."""
        annotation = self.annotation(index)
        if isinstance(annotation.image, Path):
            check_inside(annotation.image, *self._folders)
        objects = annotation.objects
        check_count(len(objects), Place(annotation.image if isinstance(annotation.image, Path) else self._ids[index]))
        fitted = fit(self._boxes_px(annotation), np.array(annotation.size or UNKNOWN))
        self._record_notes.add(index, problems(fitted, lambda row: objects[row].written, self._notes))
        complete = annotation.complete and not fitted.outside.any()
        usable = replace(annotation, objects=_where(objects, fitted.usable), complete=bool(complete))
        return usable, fitted.boxes_px[fitted.usable]

    def _boxes_px(self, annotation: Annotation) -> np.ndarray:
        """The boxes (G, 4) in pixels; where corners are fractions, and nobody knows of which size, still as fractions."""
        corners = np.array([item.corners for item in annotation.objects], np.float64).reshape(-1, 4)  # (G, 4)
        if self.one_based:
            return zero_based(corners)
        return to_px(corners, annotation.size) if self.fractions and annotation.size else corners

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
