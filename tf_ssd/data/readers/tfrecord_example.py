"""One `tf.train.Example` in the form of TensorFlow's Object Detection API."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import tensorflow as tf
from google.protobuf.message import DecodeError

from tf_ssd.boxes_px import Size
from tf_ssd.data.ground_truth import CORNERS, LARGEST_PX, Corners, check_count, check_fractions, corners_px
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.label_map import Item
from tf_ssd.data.readers.lazy import Annotation, Object
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.words import counted

Kind = Literal["bytes_list", "float_list", "int64_list"]
ENCODED, FILE, BOX = "image/encoded", "image/filename", "image/object/bbox/"
TEXT, LABEL = "image/object/class/text", "image/object/class/label"
DIFFICULT, CROWD, GROUP = "image/object/difficult", "image/object/is_crowd", "image/object/group_of"


class Features:
    """The features of an Example by name; `where` begins each message.

    Raises:
        DatasetError: the bytes are no Example.
    """

    def __init__(self, encoded: bytes, where: Place) -> None:
        try:
            self._features = tf.train.Example.FromString(encoded).features.feature
        except DecodeError as error:
            raise DatasetError.at(where, f"is no tf.train.Example ({error}); write it as the Object Detection API does") from error
        self.where = where

    def __contains__(self, name: str) -> bool:
        return name in self._features

    def values(self, name: str, kind: Kind) -> Sequence[Any]:
        """The values of a feature, none if it is absent or empty; raises DatasetError if they are of another kind."""
        found = self._features[name].WhichOneof("kind") if name in self._features else None
        values = getattr(self._features[name], found).value if found else ()
        if values and found != kind:
            raise DatasetError.at(self.where, f"{name} is a {found}, not a {kind}; write it as the Object Detection API does")
        return values

    def text(self, name: str) -> str:
        """The first value of a feature as a text, empty if there is none."""
        first = next(iter(self.values(name, "bytes_list")), b"")
        return first.decode("utf-8", "backslashreplace")

    def column(self, name: str, kind: Kind, count: int) -> Sequence[Any]:
        """The values of a feature, of which there are none, or one for each of `count` boxes."""
        values = self.values(name, kind)
        if len(values) not in (0, count):
            what = f"{name} has {counted(len(values), 'value')} for {counted(count, 'box')}; write one for each"
            raise DatasetError.at(self.where, what)
        return values


def read_example(encoded: bytes, where: Place, label_map: Mapping[int, Item], notes: Notes) -> Annotation:
    """What an Example says of its image, corners as fractions.

    Args:
        encoded: the Example.
        where: file and record.
        label_map: classes by number; empty if there is none.
        notes: decides whether the faults of an object are those of the whole record.

    Raises:
        DatasetError: the bytes are no Example, or one without an image or without the four lists of corners; lists are of unequal
            length; a number is none or no fraction, or a class is unknown or called otherwise than its number.
    """
    features = Features(encoded, where)
    if FILE in features:
        where = features.where = Place(where.file, f"{where.object} ({features.text(FILE)[:200]})")
    image = next(iter(features.values(ENCODED, "bytes_list")), b"")
    if not image:
        raise DatasetError.at(where, f"there is no {ENCODED}; write the bytes of the image's file there")
    boxes = _boxes(features)
    names = _Names(features, len(boxes), label_map)
    difficult, *crowd = (features.column(name, "int64_list", len(boxes)) for name in (DIFFICULT, CROWD, GROUP))
    objects: list[Object] = []
    for place, box in enumerate(boxes):
        with notes.tolerating():
            number = Place(where.file, f"{where.object}, object {place + 1}")
            name = names.of(place, number)
            corners = _corners(box, Place(number.file, f"{number.object} ({name})"))
            marks = bool(difficult and difficult[place]), any(column and column[place] for column in crowd)
            objects.append(Object(Place(number.file, f"{number.object} ({name})"), name, corners, *marks))
    return Annotation(image, _size(features), objects, complete=len(objects) == len(boxes))


def _boxes(features: Features) -> list[Corners]:
    columns = [features.values(BOX + name, "float_list") for name in CORNERS]
    missing = [BOX + name for name in CORNERS if BOX + name not in features]
    if missing:
        what = f"there is no {', '.join(missing)}; an image without labels has four empty lists"
        raise DatasetError.at(features.where, what)
    counts = list(map(len, columns))
    if len(set(counts)) > 1:
        shown = ", ".join(f"{count} {name}" for name, count in zip(CORNERS, counts, strict=True))
        raise DatasetError.at(features.where, f"the lists of corners are of unequal length: {shown}; write four for each box")
    check_count(counts[0], features.where)
    return list(zip(*columns, strict=True))


def _corners(box: Corners, where: Place) -> Corners:
    corners = corners_px(box, where)
    check_fractions(corners, CORNERS, where)
    return corners


def _size(features: Features) -> Size | None:
    """Width and height, None where one is missing."""
    sides = [next(iter(features.values(name, "int64_list")), 0) for name in ("image/width", "image/height")]
    return (sides[0], sides[1]) if all(0 < side <= LARGEST_PX for side in sides) else None


class _Names:
    """The classes of the boxes of an Example: their texts, which must agree with the numbers, or those of the numbers."""

    def __init__(self, features: Features, count: int, label_map: Mapping[int, Item]) -> None:
        self._texts: Sequence[bytes] = features.column(TEXT, "bytes_list", count)
        self._labels: Sequence[int] = features.column(LABEL, "int64_list", count)
        self._map = label_map
        self._shown = {item.other: item.name for item in label_map.values()}

    def of(self, place: int, where: Place) -> str:
        """The class of a box; raises DatasetError if nothing or two things say what it is called."""
        text = self._texts[place].decode("utf-8", "backslashreplace").strip() if self._texts else ""
        label = self._labels[place] if self._labels else None
        item = self._map.get(label) if label is not None else None
        if text and item and text not in item:
            what = f"{TEXT} is {text!r}, but {LABEL} is {label}, which is {item.name!r} in the label map; correct one of them"
            raise DatasetError.at(where, what, kind="unknown classes")
        if item or text:
            return item.name if item else self._shown.get(text, text)
        what = f"{LABEL} is {label}, which has no name" if label is not None else "it has no class"
        advice = f"write {TEXT}, or put a label map (.pbtxt) with all classes beside the file"
        raise DatasetError.at(where, f"{what}; {advice}", kind="unknown classes")
