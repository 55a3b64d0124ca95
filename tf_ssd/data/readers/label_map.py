"""Label maps of TensorFlow's Object Detection API: which class a number stands for, as a protobuf in text."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import Message

from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file

ADVICE = "write item { id: 1 name: 'first class' } for each class"


class Item(NamedTuple):
    """A class: its name, and another that annotations may call it by."""

    name: str
    other: str


def read_label_map(path: Path) -> dict[int, Item]:
    """The classes by number, in the order of their numbers; each is called by its display name if it has one.

    Raises:
        DatasetError: the file cannot be read, is no label map, has no items, or a number is missing, below 1 or given twice.
    """
    message = _map_type()()
    try:
        text = require_file(path).read_text(encoding="utf-8-sig")
        text_format.Parse(text, message, allow_unknown_field=True)  # others have key points and frequencies
    except (OSError, ValueError, RecursionError, text_format.ParseError) as error:
        raise DatasetError.at(Place(path), f"cannot be used as a label map ({error}); {ADVICE}") from error
    found: dict[int, Item] = {}
    for place, item in enumerate(message.item, start=1):
        name = item.name.strip()
        shown = item.display_name.strip() or name
        if item.id < 1:
            raise DatasetError.at(
                Place(path, f"item {place} ({shown})"), "the id must be at least 1, as 0 is background; number it"
            )
        if found.setdefault(item.id, Item(shown, name)) != Item(shown, name):
            raise DatasetError.at(Place(path, f"item {place} ({shown})"), f"the id {item.id} is given twice; number each once")
    if not found:
        raise DatasetError.at(Place(path), f"there are no items; {ADVICE}", kind="no classes")
    return dict(sorted(found.items()))


@cache
def _map_type() -> type[Message]:
    """The message that a label map is: `StringIntLabelMap`, as far as it is read here."""
    file = descriptor_pb2.FileDescriptorProto(name="tf_ssd/label_map.proto", package="tf_ssd", syntax="proto2")
    field = descriptor_pb2.FieldDescriptorProto
    item = file.message_type.add(name="StringIntLabelMapItem")
    for name, number, kind in (("name", 1, field.TYPE_STRING), ("id", 2, field.TYPE_INT32), ("display_name", 3, field.TYPE_STRING)):
        item.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    label_map = file.message_type.add(name="StringIntLabelMap")
    type_name = ".tf_ssd.StringIntLabelMapItem"
    label_map.field.add(name="item", number=1, type=field.TYPE_MESSAGE, type_name=type_name, label=field.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tf_ssd.StringIntLabelMap"))
