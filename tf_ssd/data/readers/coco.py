"""Datasets in the JSON format of COCO: one file with images, annotations and categories, and a folder of images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_ssd.data.classes import class_names_of
from tf_ssd.data.ground_truth import MOST_BOXES, UNKNOWN, check_count, fit, problems
from tf_ssd.data.image_folders import ImageFolders
from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.paths import check_name
from tf_ssd.data.readers.coco_ids import order
from tf_ssd.data.readers.coco_json import Category, Image, read_coco, unique
from tf_ssd.data.readers.coco_rows import Rows
from tf_ssd.data.records import Record
from tf_ssd.errors import DatasetError, Place


class CocoDataset:
    """All images of an annotation file, held as compact arrays; an image is read when its record is used.

    A bbox is (x, y, width, height) in pixels from the image's top left corner. Boxes without area are dropped, boxes that
    reach beyond their image are clipped, and `notes` counts both. Rows with `iscrowd` are kept, as `crowd`. An image without
    annotations is a record without boxes. The id of a record is its image id, a number or a text.

    Category ids may be sparse: categories become labels 1..C-1 in the order of their ids. Categories without any box, such
    as a parent that groups others, are left out and noted.

    Args:
        annotation_file: the JSON file.
        image_folders: that a `file_name` may be relative to, in the order in which they are searched; none for the folder of
            `annotation_file`.
        class_names: the classes without background, in the order of their labels, which categories are looked up in by
            name; None takes the categories of the file that have boxes.
        notes: where faults go; None raises the first.

    Raises:
        DatasetError: the file is not COCO JSON; an id of an image or a category is repeated or unknown; a file name leads out of
            the folders; a box has a negative side or lies outside its image; a category with boxes is not among `class_names`.
    """

    def __init__(
        self,
        annotation_file: Path,
        *image_folders: Path,
        class_names: Sequence[str] | None = None,
        notes: Notes | None = None,
    ) -> None:
        notes = Notes() if notes is None else notes
        file = read_coco(annotation_file, notes)
        file.images = unique(file.images, Place(annotation_file, "images"), notes)
        file.categories = unique(file.categories, Place(annotation_file, "categories"), notes)
        named = _named(file.images, annotation_file, notes)  # (N,) bool
        sizes = np.array([_size(image) for image in file.images], np.int32).reshape(-1, 2)
        rows = Rows(file, annotation_file, notes)
        boxes_px, kept = _fit(rows, sizes, notes)
        kept = kept[np.argsort(rows.image[kept], kind="stable")]  # the rows of an image side by side
        kept = kept[_few_enough(rows.image[kept], file.images, annotation_file, notes)]
        if class_names is None:
            class_names = _used(file.categories, rows.category[kept], annotation_file, notes)
        self.class_names = class_names_of(class_names, Place(annotation_file), notes)
        labels = _labels(rows.category[kept], file.categories, self.class_names, annotation_file, notes)
        usable = (labels > 0) & named[rows.image[kept]]
        kept, self._labels = kept[usable], labels[usable]
        self._boxes_px, self._crowd = boxes_px[kept], rows.crowd[kept]
        self._row_names, self._row_numbers = rows.names, rows.numbers[kept]
        counts = np.bincount(rows.image[kept], minlength=len(file.images))[named]
        self._first = np.concatenate([[0], np.cumsum(counts)])  # (N + 1,): image i has the rows first[i] to first[i + 1]
        images = [image for image, usable in zip(file.images, named.tolist(), strict=True) if usable]
        self._ids = PackedStrings([str(image.id) for image in images])
        self._names, self._sizes = PackedStrings([str(image.file_name) for image in images]), sizes[named]
        self._folders = ImageFolders(*(image_folders or (annotation_file.parent,)))
        self._complete, self.notes = notes.complete, notes.sentences()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        image, looked_for = self._folders.find(self._names[index])
        rows = slice(self._first[index], self._first[index + 1])
        boxes_px, labels, crowd = self._boxes_px[rows], self._labels[rows], self._crowd[rows]
        width, height = self._sizes[index].tolist()
        size = (width, height) if width else None
        written = (self._row_names.written(*row) for row in zip(self._row_numbers[rows], boxes_px, strict=True))
        return Record(
            self._ids[index],
            image,
            boxes_px,
            labels,
            np.zeros_like(crowd),  # difficult
            crowd,
            size,
            () if size else tuple(written),
            looked_for,
            self._complete,
        )


def _named(images: Sequence[Image], path: Path, notes: Notes) -> np.ndarray:
    """Which images (N,) have the name of a file inside the folders; the others are faults."""
    named = np.zeros(len(images), bool)
    for place, image in enumerate(images):
        with notes.tolerating():
            where = Place(path, f"image {image.id}")
            if image.file_name is None:
                raise DatasetError.at(where, "'file_name' is missing; name the image's file")
            check_name(image.file_name, where)
            named[place] = True
    return named


def _size(image: Image) -> tuple[int, int]:
    """UNKNOWN where a side is missing or 0."""
    return (image.width, image.height) if image.width and image.height else UNKNOWN


def _fit(rows: Rows, sizes: np.ndarray, notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (M, 4) in pixels, and the numbers of the rows that have an area, inside their image where its size is known."""
    fitted = fit(rows.corners, sizes[rows.image])
    for problem in problems(fitted, rows.written, notes):
        notes.add(*problem)
    return fitted.boxes_px, np.flatnonzero(fitted.usable)


def _few_enough(image: np.ndarray, images: Sequence[Image], path: Path, notes: Notes) -> np.ndarray:
    """Which rows (M,) are not of an image with more boxes than it may have, which is a fault; `image` is that of each."""
    counts = np.bincount(image, minlength=len(images))
    few = np.ones(len(images), bool)
    for place in np.flatnonzero(counts > MOST_BOXES).tolist():
        few[place] = False
        with notes.tolerating():
            check_count(int(counts[place]), Place(path, f"image {images[place].id} ({images[place].file_name})"))
    return few[image]


def _used(categories: Sequence[Category], used: np.ndarray, path: Path, notes: Notes) -> list[str]:
    """The names of those of the categories whose places are among `used` (M,), in the order of their ids; the others are noted."""
    places, complete = set(used.tolist()), notes.complete
    names = []
    for place, category in sorted(enumerate(categories), key=lambda item: order(item[1].id)):
        if place in places:
            names.append(category.name_text)
        elif complete:
            where = Place(path, f"category {category.id} ({category.name_text})")
            notes.add("categories without boxes, left out", str(where), where)
    return names


def _labels(used: np.ndarray, categories: Sequence[Category], class_names: Sequence[str], path: Path, notes: Notes) -> np.ndarray:
    """The label (M,) int32 of each row by the place (M,) of its category; 0 where that is none of `class_names`.

    Where these are none, because they are at fault themselves, no category is.
    """
    label_of = {name: label for label, name in enumerate(class_names, start=1)}
    labels = np.array([label_of.get(category.name_text, 0) for category in categories], np.int32)
    for place in np.unique(used).tolist() if class_names else ():
        if not labels[place]:
            where = Place(path, f"category {categories[place].id} ({categories[place].name_text})")
            message = f"{where} is none of {', '.join(class_names)}; rename it or add it to these"
            notes.fault(DatasetError(message, kind="unknown classes", place=where))
    return labels[used]
