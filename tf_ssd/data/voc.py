"""Datasets in the layout of PASCAL VOC: Annotations/, JPEGImages/ and ImageSets/Main/<split>.txt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import numpy as np

from tf_ssd.data.records import Record, image_size
from tf_ssd.errors import DatasetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")


class VocDataset:
    """One split of a dataset in VOC layout, held as compact arrays; an image is read only when its record is used.

    Pixel corners are 1-based and inclusive, as in the VOC development kit: a box reaches from (xmin - 1) / W to
    xmax / W and is clipped to the image. Boxes without area are dropped; `notes` says which, and how many boxes reached
    beyond their image.

    Args:
        root: the folder that holds Annotations, JPEGImages and ImageSets.
        split: name of a file in ImageSets/Main without ".txt"; the first word of each of its lines is an image's id.
        class_names: the classes without background, in the order of their labels; None takes those found in the split,
            sorted.

    Raises:
        DatasetError: the layout, the split or an annotation cannot be used. All annotations are parsed here, so that
            this comes before training; only damage inside an image file shows later, when it is read.
    """

    def __init__(self, root: Path, split: str, *, class_names: Sequence[str] | None = None) -> None:
        self._ids, repeated = _split_ids(_split_file(root, split))
        self._images = [_find_image(root, image_id, split) for image_id in self._ids]
        annotations = [
            _read_annotation(root / "Annotations" / f"{image_id}.xml", image, class_names)
            for image_id, image in zip(self._ids, self._images, strict=True)
        ]
        objects = [item for annotation in annotations for item in annotation.objects]
        found = sorted({item.name for item in objects})
        self.class_names = tuple(found if class_names is None else class_names)
        _check_class_names(self.class_names, f"{root}, split {split!r}")
        label_of = {name: label for label, name in enumerate(self.class_names, start=1)}
        corners = np.array([item.corners for item in objects], np.float32).reshape(-1, 4)  # (all G, 4) xyxy
        self._boxes = np.clip(corners, 0, 1)
        self._labels = np.array([label_of[item.name] for item in objects], np.int32)
        self._difficult = np.array([item.difficult for item in objects], bool)
        counts = [len(annotation.objects) for annotation in annotations]
        self._first = np.cumsum([0, *counts])  # (N + 1,): the rows of record i are first[i] to first[i + 1]
        self.max_boxes = max(counts)
        self.notes = (*repeated, *_notes(annotations))

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        rows = slice(self._first[index], self._first[index + 1])
        return Record(self._ids[index], self._images[index], self._boxes[rows], self._labels[rows], self._difficult[rows])


@dataclass(frozen=True)
class _Object:
    """One ground-truth box: `corners` are xyxy fractions, not yet clipped."""

    name: str
    corners: tuple[float, float, float, float]
    difficult: bool


@dataclass
class _Annotation:
    """What one XML file holds, and which of its objects (as "file: object number (class)") are to be noted."""

    objects: list[_Object] = field(default_factory=list)
    without_area: list[str] = field(default_factory=list)
    clipped: list[str] = field(default_factory=list)


def _check_class_names(names: Sequence[str], where: str) -> None:
    if not names:
        raise DatasetError(f"{where}: there are no objects to take class names from; say which classes there are")
    if len(set(names)) < len(names):
        raise DatasetError(f"{where}: class names {tuple(names)} hold one name twice; each must be given once")


def _split_file(root: Path, split: str) -> Path:
    folder = root / "ImageSets" / "Main"
    for needed in (root, root / "Annotations", root / "JPEGImages", folder):
        if not needed.is_dir():
            raise DatasetError(f"{needed}: no such folder; a VOC dataset holds Annotations, JPEGImages, ImageSets/Main")
    path = folder / f"{split}.txt"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in folder.glob("*.txt"))) or "none"
        raise DatasetError(f"{path}: there is no split {split!r}; choose one of: {known}")
    return path


def _split_ids(path: Path) -> tuple[list[str], list[str]]:
    """The ids of a split, each once, and a note about each line that repeats one."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 text ({error}); save it as UTF-8") from error
    first_line: dict[str, int] = {}
    repeated = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        image_id, where = line.split()[0], f"{path}: line {number}"
        _check_inside(image_id, where)
        if image_id in first_line:
            repeated.append(f"{where} repeats {image_id!r} of line {first_line[image_id]} and was left out")
        first_line.setdefault(image_id, number)
    if not first_line:
        raise DatasetError(f"{path}: the split is empty; list one image id a line")
    return list(first_line), repeated


def _check_inside(image_id: str, where: str) -> None:
    """An id becomes part of a path, so it must not lead out of the dataset, on any operating system."""
    path = PureWindowsPath(image_id)  # which takes both kinds of slash
    if path.anchor or ".." in path.parts:
        raise DatasetError(f"{where}: the id {image_id!r} leads out of the dataset's folder; write the bare name of an image")


def _find_image(root: Path, image_id: str, split: str) -> Path:
    for suffix in SUFFIXES:
        path = root / "JPEGImages" / f"{image_id}{suffix}"
        if path.is_file():
            return path
    what_to_do = f"add the image ({' '.join(SUFFIXES)}) or remove the id from the split"
    raise DatasetError(f"{root / 'JPEGImages'}: there is no image {image_id!r}, which split {split!r} names; {what_to_do}")


def _read_annotation(path: Path, image: Path, class_names: Sequence[str] | None) -> _Annotation:
    root = _parse(path)
    width, height = _image_size(root, path, image)
    annotation = _Annotation()
    for number, element in enumerate(root.findall("object"), start=1):
        name = (element.findtext("name") or "").strip()
        where = f"{path}: object {number} ({name or 'no name'})"
        _check_class(name, where, class_names)
        xmin, ymin, xmax, ymax = _corners_px(element, where)
        box = f"{xmin=:g} {ymin=:g} {xmax=:g} {ymax=:g}"
        if xmin == xmax or ymin == ymax:
            annotation.without_area.append(f"{where} has no area ({box}) and was dropped")
            continue
        if xmin - 1 >= width or ymin - 1 >= height or xmax <= 0 or ymax <= 0:
            raise DatasetError(f"{where}: {box} lies outside the image of {width:g} x {height:g} px; correct the box")
        if xmin < 0 or ymin < 0 or xmax > width or ymax > height:
            annotation.clipped.append(f"{where} ({box})")
        corners = ((xmin - 1) / width, (ymin - 1) / height, xmax / width, ymax / height)
        difficult = element.find("difficult") is not None and _number(element, "difficult", where) != 0
        annotation.objects.append(_Object(name, corners, difficult))
    return annotation


def _check_class(name: str, where: str, class_names: Sequence[str] | None) -> None:
    if not name:
        raise DatasetError(f"{where}: <name> is missing or empty; give the object's class")
    if class_names is not None and name not in class_names:
        raise DatasetError(f"{where}: the class is none of {', '.join(class_names)}; rename it or add it to these")


def _parse(path: Path) -> Element:
    """The root element; document types and entities, which could expand without bound, are refused."""
    try:
        root = defusedxml.ElementTree.parse(path, forbid_dtd=True).getroot()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: the annotation is missing; add it or remove the id from the split") from error
    except (ParseError, ValueError, LookupError, OSError) as error:
        raise DatasetError(f"{path}: cannot be used as XML ({error}); it must be well formed, without DTD") from error
    if root.tag != "annotation":
        raise DatasetError(f"{path}: the root element is <{root.tag}>, not <annotation>; is this a VOC annotation?")
    return root


def _image_size(root: Element, path: Path, image: Path) -> tuple[float, float]:
    """Width and height in pixels: from <size>, or from the image's header where <size> is missing or zero."""
    size = root.find("size")
    if size is not None and size.find("width") is not None and size.find("height") is not None:
        width, height = _number(size, "width", f"{path}: size"), _number(size, "height", f"{path}: size")
        if width > 0 and height > 0:
            return width, height
    return image_size(image)


def _corners_px(element: Element, where: str) -> tuple[float, float, float, float]:
    """xmin, ymin, xmax, ymax as written: 1-based inclusive pixels, in order."""
    box = element.find("bndbox")
    if box is None:
        raise DatasetError(f"{where}: <bndbox> is missing; add one or remove the object")
    xmin, ymin, xmax, ymax = (_number(box, tag, where) for tag in ("xmin", "ymin", "xmax", "ymax"))
    for axis, low, high in (("x", xmin, xmax), ("y", ymin, ymax)):
        if low > high:
            raise DatasetError(f"{where}: {axis}min={low:g} is greater than {axis}max={high:g}; swap or correct them")
    return xmin, ymin, xmax, ymax


def _number(element: Element, tag: str, where: str) -> float:
    text = element.findtext(tag, default="missing").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DatasetError(f"{where}: <{tag}> is {text!r}; write a finite number")
    return value


def _notes(annotations: Sequence[_Annotation]) -> list[str]:
    """One sentence for each dropped box, and one for all clipped boxes."""
    notes = [sentence for annotation in annotations for sentence in annotation.without_area]
    clipped = [where for annotation in annotations for where in annotation.clipped]
    if clipped:
        notes.append(f"{len(clipped)} boxes reached beyond their image and were clipped, the first in {clipped[0]}")
    return notes
