"""One JSON file of COCO as compact arrays."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from tf_ssd.data.ground_truth import LARGEST_PX
from tf_ssd.data.notes import Notes
from tf_ssd.data.records import Written
from tf_ssd.errors import DatasetError, Place

Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Pixels = Annotated[float, Meta(ge=-LARGEST_PX, le=LARGEST_PX)]
Side = Annotated[int, Meta(ge=0, le=int(LARGEST_PX))]


class Image(msgspec.Struct, gc=False):
    """An image; a side of 0 is unknown."""

    id: Id
    file_name: str
    width: Side = 0
    height: Side = 0


class Annotation(msgspec.Struct, gc=False):
    """A box of an image; `bbox` is (x, y, width, height) in pixels, `area` that of the object's outline, for evaluation."""

    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[Pixels, Pixels, Pixels, Pixels]
    area: float | None = None
    iscrowd: int | bool = 0


class Category(msgspec.Struct, gc=False):
    """A class."""

    id: Id
    name: str


class CocoFile(msgspec.Struct, gc=False):
    """What is read of a file; anything else in it, such as segmentations, never becomes a Python object."""

    images: list[Image]
    categories: list[Category]
    annotations: list[Annotation] = []


class Pieces(msgspec.Struct):
    """A file of which each image, category and annotation is still JSON."""

    images: list[msgspec.Raw]
    categories: list[msgspec.Raw]
    annotations: list[msgspec.Raw] = []


Struct = TypeVar("Struct", Image, Annotation, Category)


class Rows:
    """The annotations of a file as arrays of M rows, in its order.

    An image that does not exist or a negative side is a fault, and its row left out; so is a repeated id, but its row is not.

    Args:
        rows: the annotations.
        path: where they were read from, for messages.
        image_ids: (N,) int64.
        notes: where faults go.

    Attributes:
        ids: (M,) int64.
        category: (M,) int64, category ids.
        image: (M,) int64, positions in `image_ids`.
        crowd: (M,) bool.
        corners: (M, 4) float64, xyxy in pixels.
    """

    def __init__(self, rows: Sequence[Annotation], path: Path, image_ids: np.ndarray, notes: Notes) -> None:
        self._path = path
        check_unique(rows, Place(path, "annotations"), notes)
        self.ids = np.array([row.id for row in rows], np.int64)
        self.category = np.array([row.category_id for row in rows], np.int64)
        self.image, found = _positions(np.array([row.image_id for row in rows], np.int64), image_ids)
        self.crowd = np.array([row.iscrowd for row in rows], bool)
        boxes = np.array([row.bbox for row in rows], np.float64).reshape(-1, 4)  # (M, 4)
        corner, sides = boxes[:, :2], boxes[:, 2:]
        negative = np.any(sides < 0, axis=-1)
        self.corners = np.concatenate([corner, corner + sides], axis=-1)  # xywh -> xyxy
        for row in np.flatnonzero(~found).tolist():
            what = f"there is no image with the id {rows[row].image_id}; add it or remove the annotation"
            notes.fault(DatasetError.at(self.where(row), what, kind="boxes of unknown images"))
        for row in np.flatnonzero(negative).tolist():
            what = f"bbox {rows[row].bbox} has a negative side; write x, y, width, height"
            notes.fault(DatasetError.at(self.where(row), what, kind="boxes with inverted corners"))
        usable = found & ~negative
        for name in ("ids", "category", "image", "crowd", "corners"):
            setattr(self, name, getattr(self, name)[usable])

    def where(self, row: int) -> Place:
        """What a message about a row begins with."""
        return Place(self._path, f"annotation {self.ids[row]}")

    def written(self, row: int) -> Written:
        """A row for messages."""
        return written(self._path, self.ids[row], self.corners[row])


def written(path: Path, annotation_id: int, corners: np.ndarray) -> Written:
    """An annotation with its box (4,), xyxy, for messages."""
    xmin, ymin, xmax, ymax = corners
    bbox = f"x={xmin:g} y={ymin:g} width={xmax - xmin:g} height={ymax - ymin:g}"
    return Written(Place(path, f"annotation {annotation_id}"), bbox)


def read_coco(path: Path, notes: Notes) -> CocoFile:
    """Parse and check a file in one go; an entry of another form is a fault.

    Raises:
        DatasetError: the file is no JSON, has no images, or is of another form beyond single entries.
    """
    with encoded_json(path, "COCO JSON", "correct the file; JSON has no NaN") as encoded:
        file = _decode(encoded, path, notes)
    if not file.images:
        raise DatasetError.at(Place(path), "there are no images; list them under 'images'")
    return file


@contextmanager
def encoded_json(path: Path, kind: str, advice: str) -> Iterator[bytes]:
    """The bytes of a JSON file, to be decoded inside; raises DatasetError if that cannot be done, or the file not read."""
    try:
        yield path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise DatasetError.at(Place(path), f"cannot be used as {kind} ({error}); {advice}") from error


def check_unique(entries: Sequence[Struct], where: Place, notes: Notes) -> list[Struct]:
    """The first entry of each id, in their order; an id that is repeated is a fault, whose message begins with `where`."""
    ids, first, count = np.unique([entry.id for entry in entries], return_index=True, return_counts=True)
    for repeated in np.flatnonzero(count > 1).tolist():
        what = f"the id {ids[repeated]} is given {count[repeated]} times; make the ids unique"
        notes.fault(DatasetError.at(where, what, kind="repeated ids"))
    return [entries[position] for position in np.sort(first).tolist()]


def _decode(encoded: bytes, path: Path, notes: Notes) -> CocoFile:
    # Not strict: pandas and others write whole numbers as 1.0.
    try:
        return msgspec.json.decode(encoded, type=CocoFile, strict=False)
    except msgspec.ValidationError:  # entry by entry, which is slower, to see which of them
        pieces = msgspec.json.decode(encoded, type=Pieces)
        images = _entries(pieces.images, Image, path, "images", notes)
        categories = _entries(pieces.categories, Category, path, "categories", notes)
        return CocoFile(images, categories, _entries(pieces.annotations, Annotation, path, "annotations", notes))


def _entries(pieces: Sequence[msgspec.Raw], kind: type[Struct], path: Path, name: str, notes: Notes) -> list[Struct]:
    entries = []
    for number, piece in enumerate(pieces):
        try:
            entries.append(msgspec.json.decode(piece, type=kind, strict=False))
        except msgspec.ValidationError as error:
            reason, _, inside = str(error).partition(" - at `$")
            what = f"cannot be used as COCO JSON ({reason} - at `$.{name}[{number}]{inside or '`'}); correct the file"
            notes.fault(DatasetError.at(Place(path), what))
    return entries


def _positions(wanted: np.ndarray, image_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each of `wanted` (M,) stands in `image_ids` (N,), and whether it does."""
    if not len(image_ids):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    order = np.argsort(image_ids)
    nearest = np.searchsorted(image_ids, wanted, sorter=order).clip(max=len(order) - 1)
    positions = order[nearest]
    return positions, image_ids[positions] == wanted
