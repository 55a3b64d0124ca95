"""The annotations of a COCO file as compact arrays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tf_ssd.boxes_px import from_xywh
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.coco_ids import places
from tf_ssd.data.readers.coco_json import CocoFile
from tf_ssd.data.records import Written
from tf_ssd.errors import DatasetError, Place

LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class RowNames:
    """What messages call the rows of a file: by ids, or by places in it if an id is missing or no number."""

    path: Path
    by_id: bool

    def place(self, number: int) -> Place:
        """What a message begins with."""
        return Place(self.path, f"annotation {number}" if self.by_id else f"annotations[{number}]")

    def written(self, number: int, corners: np.ndarray) -> Written:
        """A row with its box (4,), xyxy."""
        xmin, ymin, xmax, ymax = corners
        return Written(self.place(number), f"x={xmin:g} y={ymin:g} width={xmax - xmin:g} height={ymax - ymin:g}")


class Rows:
    """The annotations of a file as arrays of M rows, in its order.

    An image or a category that does not exist, or a negative side, is a fault, and its row left out. An id of annotations that is
    repeated is noted.

    Args:
        file: its images and its categories have ids that are unique.
        path: where it was read from, for messages.
        notes: where faults go.

    Attributes:
        names: what messages call rows.
        numbers: (M,) int64, by which they do.
        category: (M,) int64, positions in the file's categories.
        image: (M,) int64, positions in the file's images.
        crowd: (M,) bool.
        corners: (M, 4) float64, xyxy in pixels.
    """

    def __init__(self, file: CocoFile, path: Path, notes: Notes) -> None:
        rows = file.annotations
        self.names = RowNames(path, all(type(row.id) is int and abs(row.id) <= LARGEST_ID for row in rows))
        self.numbers = np.array([row.id for row in rows] if self.names.by_id else np.arange(len(rows)), np.int64)
        image_of = places([image.id for image in file.images])
        category_of = places([category.id for category in file.categories])
        self.image = np.fromiter((image_of.get(row.image_id, -1) for row in rows), np.int64, len(rows))
        self.category = np.fromiter((category_of.get(row.category_id, -1) for row in rows), np.int64, len(rows))
        self.crowd = np.array([row.iscrowd for row in rows], bool)
        bboxes = np.array([row.bbox for row in rows], np.float64).reshape(-1, 4)  # (M, 4)
        self.corners = from_xywh(bboxes)
        negative = np.any(bboxes[:, 2:] < 0, axis=-1)
        self._note_repeated(notes)
        self._fault(file, negative, notes)
        self._keep((self.image >= 0) & (self.category >= 0) & ~negative)

    def written(self, row: int) -> Written:
        """A row for messages."""
        return self.names.written(self.numbers[row], self.corners[row])

    def _note_repeated(self, notes: Notes) -> None:
        numbers, counts = np.unique(self.numbers, return_counts=True)
        for number, count in zip(numbers[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True):
            place = self.names.place(number)
            example = f"{place}: the id is given {count} times; COCO's own tools take the last for all of them"
            notes.add("repeated ids of annotations", example, place)

    def _fault(self, file: CocoFile, negative: np.ndarray, notes: Notes) -> None:
        rows = file.annotations
        for row in np.flatnonzero(self.image < 0).tolist() if file.all_images else ():
            what = f"there is no image with the id {rows[row].image_id!r}; add it or remove the annotation"
            notes.fault(DatasetError.at(self.names.place(self.numbers[row]), what, kind="boxes of unknown images"))
        for row in np.flatnonzero(self.category < 0).tolist() if file.all_categories else ():
            what = f"there is no category with the id {rows[row].category_id!r}; add it to 'categories'"
            notes.fault(DatasetError.at(self.names.place(self.numbers[row]), what, kind="unknown classes"))
        for row in np.flatnonzero(negative).tolist():
            what = f"bbox {rows[row].bbox} has a negative side; write x, y, width, height"
            notes.fault(DatasetError.at(self.names.place(self.numbers[row]), what, kind="boxes with inverted corners"))

    def _keep(self, mask: np.ndarray) -> None:
        for name in ("numbers", "category", "image", "crowd", "corners"):
            setattr(self, name, getattr(self, name)[mask])
