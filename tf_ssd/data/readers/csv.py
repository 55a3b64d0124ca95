"""Datasets as comma-separated text: one annotation file for all images, or one text file for each.

Corners are pixels from the image's top left corner, and a box reaches from xmin to xmax: pixel i covers i to i + 1. Only the
header of an image says its size, so that records have none.
"""

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_ssd.data.ground_truth import corners_px, parse_corners
from tf_ssd.data.image_folders import ImageFolders
from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.paths import IMAGE_SUFFIXES, Files, check_inside, check_name, existing, files_of, note_unused
from tf_ssd.data.readers.csv_rows import CsvRows
from tf_ssd.data.readers.lazy import Annotation, LazyDataset, Object, unknown_class
from tf_ssd.data.readers.yolo_hint import yolo_hint
from tf_ssd.errors import DatasetError, Place

ADVICE = "; is this the folder of annotations?"


def read_csv(
    path: Path,
    *image_folders: Path,
    class_names: Sequence[str] | None = None,
    notes: Notes | None = None,
) -> LazyDataset:
    """`CsvDataset` of a file, or `TextFilesDataset` of a folder with the first of the folders of images; arguments are theirs."""
    if path.is_dir():
        return TextFilesDataset(path, *image_folders[:1], class_names=class_names, notes=notes)
    return CsvDataset(path, *image_folders, class_names=class_names, notes=notes)


class CsvDataset(LazyDataset):
    """One file with a row `name,class,xmin,ymin,xmax,ymax` for each box, held as compact arrays; see `CsvRows` for other columns.

    `name` is the image's file, and becomes the record's id; the rows of an image need not be side by side. A row whose class and
    corners are empty is an image without labels. The delimiter may be a comma, a semicolon or a tab.

    Args:
        path: the file.
        image_folders: that names may be relative to, in the order in which they are searched; none for the folder of `path`.
        class_names: the classes without background, in the order of their labels; None takes those found, sorted.
        notes: where faults go; None raises the first.

    Raises:
        DatasetError: the file cannot be read, a row is damaged, a name leads out of the folder, or a class is unknown. A box
            outside its image shows when its image is read.
    """

    def __init__(
        self,
        path: Path,
        *image_folders: Path,
        class_names: Sequence[str] | None = None,
        notes: Notes | None = None,
    ) -> None:
        notes = Notes() if notes is None else notes
        self._path = path
        self._image_folders = ImageFolders(*(image_folders or (path.parent,)))
        table = _Table(path, notes)
        self._complete = notes.complete
        if not table.images and notes.complete:
            raise DatasetError.at(Place(path), "there are no rows; write one a box: name,class,xmin,ymin,xmax,ymax")
        self._found = tuple(table.classes)
        order = np.argsort(np.asarray(table.image), kind="stable")  # the rows of an image side by side
        self._class = np.asarray(table.class_number)[order]  # (M,) int32
        self._line = np.asarray(table.line)[order]  # (M,) int32
        self._corners = np.asarray(table.corners).reshape(-1, 4)[order]  # (M, 4)
        counts = np.bincount(table.image, minlength=len(table.images))
        self._first = np.concatenate([[0], np.cumsum(counts)])  # (N + 1,): image i has the rows first[i] to first[i + 1]
        ids, where = PackedStrings(list(table.images)), Place(path)
        super().__init__(self._image_folders.folders, ids, self._check(class_names, notes), notes, where)

    def annotation(self, index: int) -> Annotation:
        """The rows of record `index`."""
        rows = range(self._first[index], self._first[index + 1])
        image, looked_for = self._image_folders.find(self._ids[index])
        return Annotation(image, None, [self._object(row) for row in rows], looked_for, self._complete)

    def _object(self, row: int) -> Object:
        xmin, ymin, xmax, ymax = map(float, self._corners[row])
        name = self._found[self._class[row]]
        return Object(Place(self._path, f"line {self._line[row]} ({name})"), name, (xmin, ymin, xmax, ymax))

    def _check(self, class_names: Sequence[str] | None, notes: Notes) -> Sequence[str]:
        """The class names, where None those found; they must hold the class of every box that has an area."""
        low, high = np.split(self._corners, 2, axis=-1)  # (M, 2)
        drawn = np.all(low < high, axis=-1)
        used = {self._found[number] for number in np.unique(self._class[drawn])}
        if class_names is None:
            return sorted(used)
        for row in np.flatnonzero(drawn).tolist() if used.difference(class_names) else ():
            if self._found[self._class[row]] not in class_names:
                notes.fault(unknown_class(self._object(row).where, class_names))
        return class_names


class _Table:
    """The rows of a file in compact columns, in its order.

    Attributes:
        images, classes: the number of each name, in the order of their first appearance.
        image, class_number, line: of each of M boxes.
        corners: xyxy in pixels, 4 M numbers.
    """

    def __init__(self, path: Path, notes: Notes) -> None:
        self.images: dict[str, int] = {}
        self.classes: dict[str, int] = {}
        self.image, self.class_number, self.line, self.corners = array("i"), array("i"), array("i"), array("d")
        rows = CsvRows(path)
        for line, fields in rows:
            with notes.tolerating():
                self._add(rows.six(line, fields), path, line)

    def _add(self, fields: list[str], path: Path, line: int) -> None:
        name, class_name, *texts = fields
        if name not in self.images:
            check_name(name, Place(path, f"line {line}"))
            self.images[name] = len(self.images)
        if not (class_name or any(texts)):
            return
        corners = parse_corners(texts) or corners_px(texts, Place(path, f"line {line} ({class_name})"))
        if not class_name:
            raise DatasetError.at(Place(path, f"line {line}"), "the class is missing; give it, or leave all five fields empty")
        self.corners.extend(corners)
        self.image.append(self.images[name])
        self.class_number.append(self.classes.setdefault(class_name, len(self.classes)))
        self.line.append(line)


class TextFilesDataset(LazyDataset):
    """A folder with one .txt or .csv file for each image, of the same name; it is parsed when the record is used.

    A row is `class,number,xmin,ymin,xmax,ymax`, where `number` counts the classes from 0 and only has to agree with their
    names (the form of the tutorial by usmanr149/SSDModel), or `name,class,xmin,ymin,xmax,ymax`, where `name` is the image's.
    An empty file is an image without labels. The record's id is the name without suffix.

    Args:
        folder: the folder of the text files.
        image_folder: the folder of the images; None for `folder`.
        class_names: the classes without background, in the order of their labels; None parses all files at the start and
            takes those found, sorted.
        notes: where faults go; None raises the first.

    Raises:
        DatasetError: there are no text files, or one has no image. Damage inside a file shows when its record is used, and
            at the start where `class_names` is None.
    """

    def __init__(
        self,
        folder: Path,
        image_folder: Path | None = None,
        *,
        class_names: Sequence[str] | None = None,
        notes: Notes | None = None,
    ) -> None:
        notes = Notes() if notes is None else notes
        self._folder = folder
        self._image_folder = folder if image_folder is None else image_folder
        self._number_of: dict[str, str] = {}
        texts = Files(folder, folder, (".txt", ".csv"), notes)
        images = Files(self._image_folder, self._image_folder, IMAGE_SUFFIXES, notes)
        ids = texts.names()
        hint = yolo_hint(folder, folder / "labels")
        if hint or not ids:
            raise DatasetError.at(Place(folder), f"there are no .txt or .csv files with boxes in pixels{hint or ADVICE}")
        note_unused(images, ids, notes)
        ids = existing(ids, images, "image", notes)
        self._text_names, self._image_names = files_of(ids, texts), files_of(ids, images)
        super().__init__([self._image_folder], PackedStrings(ids), class_names, notes, Place(folder))

    def annotation(self, index: int) -> Annotation:
        """Parse the text file of record `index`."""
        path = self._folder / self._text_names[index]
        check_inside(path, self._folder)
        image = self._image_folder / self._image_names[index]
        objects: list[Object] = []
        rows, count = CsvRows(path), 0
        for line, fields in rows:
            count += 1
            with self._notes.tolerating():
                objects.append(self._object(rows.six(line, fields), path, line, image))
        return Annotation(image, None, objects, complete=len(objects) == count)

    def _object(self, fields: list[str], path: Path, line: int, image: Path) -> Object:
        name = self._class_name(fields, Place(path, f"line {line}"), image)
        where = Place(path, f"line {line} ({name})")
        return Object(where, name, corners_px(fields[2:], where))

    def _class_name(self, fields: list[str], where: Place, image: Path) -> str:
        """The class of a row in either form."""
        first, second = fields[:2]
        if first == image.name and second:
            return second
        if first and second.isdecimal():
            number = self._number_of.setdefault(first, second)
            if number != second:
                what = f"class {first!r} has the number {second} here and {number} elsewhere; correct one"
                raise DatasetError.at(where, what)
            return first
        if first == image.stem and second:
            return second
        what = f"{first!r}, {second!r} are neither a class and its number nor {image.name!r} and a class"
        raise DatasetError.at(where, what)
