"""Datasets in the JSON format of COCO: one file with images, annotations and categories, and a folder of images."""

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

import numpy as np

from tf_ssd.data.classes import require_class_names
from tf_ssd.data.ground_truth import UNKNOWN, fit, problems
from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.paths import check_inside, check_name
from tf_ssd.data.readers.coco_json import Category, Image, Rows, check_unique, read_coco, written
from tf_ssd.data.records import Record
from tf_ssd.errors import DatasetError, Place


class CocoDataset:
    """All images of an annotation file, held as compact arrays; an image is read when its record is used.

    A bbox is (x, y, width, height) in pixels from the image's top left corner. Boxes without area are dropped, boxes that
    reach beyond their image are clipped, and `notes` counts both. Rows with `iscrowd` are kept, as `crowd`. An image without
    annotations is a record without boxes. The id of a record is its image id.

    Category ids may be sparse: categories become labels 1..C-1 in the order of their ids. Categories without any box, such
    as a parent that groups others, are left out and noted.

    Args:
        annotation_file: the JSON file.
        image_folder: what the `file_name` of an image is relative to, and must not lead out of.
        class_names: the classes without background, in the order of their labels, which categories are looked up in by
            name; None takes the categories of the file that have boxes.
        notes: where faults go; None raises the first.

    Raises:
        DatasetError: the file is not COCO JSON; an id is repeated or unknown; a file name leads out of the folder; a box has
            a negative side or lies outside its image; a category with boxes is not among `class_names`.
    """

    def __init__(
        self,
        annotation_file: Path,
        image_folder: Path,
        *,
        class_names: Sequence[str] | None = None,
        notes: Notes | None = None,
    ) -> None:
        notes = Notes() if notes is None else notes
        file = read_coco(annotation_file, notes)
        self._folder = image_folder
        images, self._sizes = _images(file.images, annotation_file, notes)  # N, (N, 2)
        self._ids = np.array([image.id for image in images], np.int64)  # (N,)
        self._names = PackedStrings([image.file_name for image in images])
        rows = Rows(file.annotations, annotation_file, self._ids, notes)
        boxes_px, kept = _fit(rows, self._sizes, notes)
        kept = kept[np.argsort(rows.image[kept], kind="stable")]  # the rows of an image side by side
        names = _category_names(file.categories, rows, annotation_file, notes)
        if class_names is None:
            class_names = _used(names, rows.category[kept], annotation_file, notes)
        self.class_names: tuple[str, ...] = ()
        with notes.tolerating():
            self.class_names = require_class_names(class_names, Place(annotation_file))
        labels = _labels(rows.category[kept], names, self.class_names, annotation_file, notes)
        kept, self._labels = kept[labels > 0], labels[labels > 0]
        self._boxes_px, self._crowd = boxes_px[kept], rows.crowd[kept]
        self._path, self._annotation_ids = annotation_file, rows.ids[kept]
        counts = np.bincount(rows.image[kept], minlength=len(self._ids))
        self._first = np.concatenate([[0], np.cumsum(counts)])  # (N + 1,): image i has the rows first[i] to first[i + 1]
        self.notes = notes.sentences()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        image = self._folder / self._names[index]
        check_inside(self._folder, image)
        rows = slice(self._first[index], self._first[index + 1])
        boxes_px, labels, crowd = self._boxes_px[rows], self._labels[rows], self._crowd[rows]
        width, height = self._sizes[index].tolist()
        size = (width, height) if width else None
        texts = (written(self._path, *row) for row in zip(self._annotation_ids[rows], boxes_px, strict=True))
        never = np.zeros_like(crowd)  # difficult
        return Record(str(self._ids[index]), image, boxes_px, labels, never, crowd, size, () if size else tuple(texts))


def _images(images: Sequence[Image], path: Path, notes: Notes) -> tuple[list[Image], np.ndarray]:
    """The images that can be used, and their sizes (N, 2) int32, UNKNOWN where a side is missing or 0."""
    usable = []
    for image in check_unique(images, Place(path, "images"), notes):
        with notes.tolerating():
            check_name(image.file_name, Place(path, f"image {image.id}"))
            usable.append(image)
    sizes = [(image.width, image.height) if image.width and image.height else UNKNOWN for image in usable]
    return usable, np.array(sizes, np.int32).reshape(-1, 2)


def _fit(rows: Rows, sizes: np.ndarray, notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (M, 4) in pixels, and the numbers of the rows that have an area, inside their image where its size is known."""
    fitted = fit(rows.corners, sizes[rows.image])
    for problem in problems(fitted, rows.written, notes):
        notes.add(*problem)
    return fitted.boxes_px, np.flatnonzero(fitted.usable)


def _category_names(categories: Sequence[Category], rows: Rows, path: Path, notes: Notes) -> dict[int, str]:
    """Names by category id, in the order of the ids; every row must have one."""
    categories = check_unique(categories, Place(path, "categories"), notes)
    names = {category.id: category.name.strip() for category in sorted(categories, key=attrgetter("id"))}
    for row in np.flatnonzero(~np.isin(rows.category, list(names))).tolist():
        what = f"there is no category with the id {rows.category[row]}; add it to 'categories'"
        notes.fault(DatasetError.at(rows.where(row), what, kind="unknown classes"))
    return names


def _used(names: dict[int, str], categories: np.ndarray, path: Path, notes: Notes) -> list[str]:
    """The names of those among `categories` (M,), in the order of their ids; the others are noted."""
    used = set(categories.tolist())
    for number, name in names.items():
        if number not in used:
            where = Place(path, f"category {number} ({name})")
            notes.add("categories without boxes, left out", str(where), where)
    return [name for number, name in names.items() if number in used]


def _labels(categories: np.ndarray, names: dict[int, str], class_names: Sequence[str], path: Path, notes: Notes) -> np.ndarray:
    """The label (M,) int32 of each row of `categories` (M,); 0 where it is none of `class_names`, or has no name."""
    label_of = {name: label for label, name in enumerate(class_names, start=1)}
    numbers, positions = np.unique(categories, return_inverse=True)
    for number in numbers.tolist():
        if number in names and names[number] not in label_of:
            where = Place(path, f"category {number} ({names[number]})")
            message = f"{where} is none of {', '.join(class_names)}; rename it or add it to these"
            notes.fault(DatasetError(message, kind="unknown classes", place=where))
    return np.array([label_of.get(names.get(number, ""), 0) for number in numbers.tolist()], np.int32)[positions]
