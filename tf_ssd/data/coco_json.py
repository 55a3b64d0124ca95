"""One JSON file of COCO as compact arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from tf_ssd.data.ground_truth import LARGEST_PX
from tf_ssd.errors import DatasetError

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
    """A box of an image; `bbox` is (x, y, width, height) in pixels."""

    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[Pixels, Pixels, Pixels, Pixels]
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


class Rows:
    """The annotations of a file as arrays of M rows, in its order.

    Args:
        file: the file, and where it was read from, for messages.
        path: where it was read from, for messages.
        image_ids: (N,) int64.

    Attributes:
        ids: (M,) int64.
        category: (M,) int64, category ids.
        image: (M,) int64, positions in `image_ids`.
        crowd: (M,) bool.
        corners: (M, 4) float64, xyxy in pixels.

    Raises:
        DatasetError: an id is repeated, an image does not exist, or a box has a negative side.
    """

    def __init__(self, file: CocoFile, path: Path, image_ids: np.ndarray) -> None:
        rows = file.annotations
        self._path = path
        self.ids = unique([row.id for row in rows], f"{path}: annotations")
        self.category = np.array([row.category_id for row in rows], np.int64)
        self.image = self._positions(np.array([row.image_id for row in rows], np.int64), image_ids)
        self.crowd = np.array([row.iscrowd for row in rows], bool)
        boxes = np.array([row.bbox for row in rows], np.float64).reshape(-1, 4)  # (M, 4)
        corner, sides = boxes[:, :2], boxes[:, 2:]
        for row in first(np.any(sides < 0, axis=-1)):
            raise DatasetError(f"{self.where(row)}: bbox {rows[row].bbox} has a negative side; write x, y, width, height")
        self.corners = np.concatenate([corner, corner + sides], axis=-1)  # xywh -> xyxy

    def where(self, row: int) -> str:
        """What a message about a row begins with."""
        return f"{self._path}: annotation {self.ids[row]}"

    def written(self, row: int) -> str:
        """A row with its box, for messages."""
        xmin, ymin, xmax, ymax = self.corners[row]
        return f"{self.where(row)}: x={xmin:g} y={ymin:g} width={xmax - xmin:g} height={ymax - ymin:g}"

    def _positions(self, wanted: np.ndarray, image_ids: np.ndarray) -> np.ndarray:
        """Where each of `wanted` (M,) stands in `image_ids` (N,)."""
        order = np.argsort(image_ids)
        nearest = np.searchsorted(image_ids, wanted, sorter=order).clip(max=len(order) - 1)
        positions = order[nearest]
        for row in first(image_ids[positions] != wanted):
            raise DatasetError(f"{self.where(row)}: there is no image with the id {wanted[row]}; add it or remove the annotation")
        return positions


def read_coco(path: Path) -> CocoFile:
    """Parse and check a file in one go; raises DatasetError if it is no JSON, of another form, or without images."""
    try:
        encoded = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        # Not strict: pandas and others write whole numbers as 1.0.
        file = msgspec.json.decode(encoded, type=CocoFile, strict=False)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be used as COCO JSON ({error}); correct the file") from error
    if not file.images:
        raise DatasetError(f"{path}: there are no images; list them under 'images'")
    return file


def unique(ids: Sequence[int], where: str) -> np.ndarray:
    """The ids as an int64 array; raises DatasetError, which begins with `where`, if one is repeated."""
    array = np.array(ids, np.int64)
    ordered = np.sort(array)
    for position in first(ordered[1:] == ordered[:-1]):
        count = np.sum(array == ordered[position])
        raise DatasetError(f"{where}: the id {ordered[position]} is given {count} times; make the ids unique")
    return array


def first(mask: np.ndarray) -> list[int]:
    """Position of the first True of a mask (M,), in a list, which is empty if there is none."""
    return np.flatnonzero(mask)[:1].tolist()
