"""One file of YOLO's labels: a line for each object of an image."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tf_ssd.data.ground_truth import Corners, check_count, check_fractions, number, parse
from tf_ssd.data.notes import Notes, Problem
from tf_ssd.data.readers.lazy import Object
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file

SCORES = "boxes with a score, which is ignored"
BOX = ("the centre's x", "the centre's y", "the width", "the height")
ROUNDING = 1e-4  # of an image: how far a box may end beyond the edge because its numbers were written with few digits
FORM = "class x y width height, or class x y x y x y ... of a polygon"


def read_labels(path: Path, names: Mapping[int, str], keypoints: int, notes: Notes) -> tuple[list[Object], list[Problem], bool]:
    """The objects that can be used, corners as fractions; what is to be noted; and whether these are all objects.

    Args:
        path: the file.
        names: of the classes, by their numbers.
        keypoints: how many numbers stand behind each box and are passed over.
        notes: decides whether the faults of an object are those of the whole file.

    Raises:
        DatasetError: the file cannot be read, a line has another number of fields, or a number is none, is no fraction, or that of
            an unknown class.
    """
    objects: list[Object] = []
    scored: list[Problem] = []
    lines = [(line, text.split()) for line, text in enumerate(_read(path).splitlines(), start=1) if text.strip()]
    check_count(len(lines), Place(path))
    for line, fields in lines:
        with notes.tolerating():
            name = _class_name(fields[0], names, Place(path, f"line {line}"))
            where = Place(path, f"line {line} ({name})")
            objects.append(Object(where, name, _corners(fields[1:], keypoints, where)))
            if len(fields) == 6 != 5 + keypoints:
                scored.append(Problem(SCORES, f"{where}: {fields[5]}", where))
    return objects, scored, len(objects) == len(lines)


def _read(path: Path) -> str:
    try:
        return require_file(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError.at(Place(path), f"cannot be read as YOLO labels ({error}); save it as UTF-8 text") from error


def _class_name(text: str, names: Mapping[int, str], where: Place) -> str:
    value = parse(text)
    if value is None or value != int(value):
        what = f"the class is {text[:40]!r}, not a whole number; a line is {FORM}"
        raise DatasetError.at(where, what)
    if int(value) not in names:
        what = f"the class number {int(value)} is none of the {len(names)} that have a name, {min(names)} to {max(names)}"
        raise DatasetError.at(where, f"{what}; correct it or add its name", kind="unknown classes")
    return names[int(value)]


def _corners(texts: Sequence[str], keypoints: int, where: Place) -> Corners:
    """The box of a line without its class: itself, or that around a polygon."""
    count = len(texts)
    if count in (4, 5, 4 + keypoints):
        return _box(texts[:4], where)
    if count >= 6 and count % 2 == 0 and not keypoints:
        names = [f"{axis}{point}" for point in range(1, count // 2 + 1) for axis in "xy"]
        values = [number(text, name, where) for name, text in zip(names, texts, strict=True)]
        check_fractions(values, names, where)
        return _on_the_edge((min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])))
    raise DatasetError.at(where, f"{count + 1} fields; a line is {FORM}")


def _box(texts: Sequence[str], where: Place) -> Corners:
    x, y, width, height = values = [number(text, name, where) for name, text in zip(BOX, texts, strict=True)]
    check_fractions(values, BOX, where)
    for name, side in zip(BOX[2:], (width, height), strict=True):
        if side < 0:
            raise DatasetError.at(where, f"{name} is {side:g}; correct it", kind="boxes with inverted corners")
    return _on_the_edge((x - width / 2, y - height / 2, x + width / 2, y + height / 2))


def _on_the_edge(corners: Corners) -> Corners:
    """Corners that were meant to lie on the image's edge lie there."""
    xmin, ymin, xmax, ymax = (min(max(value, 0.0), 1.0) if -ROUNDING < value < 1 + ROUNDING else value for value in corners)
    return xmin, ymin, xmax, ymax
