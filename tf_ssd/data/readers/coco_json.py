"""The entries of one JSON file of COCO."""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from tf_ssd.data.ground_truth import LARGEST_PX
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.coco_ids import Id, order
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file

Pixels = Annotated[float, Meta(ge=-LARGEST_PX, le=LARGEST_PX)]
Side = Annotated[int, Meta(ge=0, le=int(LARGEST_PX))]


class Image(msgspec.Struct, gc=False):
    """An image; a side of None or 0 is unknown."""

    id: Id
    file_name: str | None = None
    width: Side | None = None
    height: Side | None = None


class Annotation(msgspec.Struct, gc=False):
    """A box of an image; `bbox` is (x, y, width, height) in pixels, `area` that of the object's outline, for evaluation."""

    image_id: Id
    category_id: Id
    bbox: tuple[Pixels, Pixels, Pixels, Pixels]
    id: Any = None
    area: Any = None
    iscrowd: int | bool | None = 0


class Category(msgspec.Struct, gc=False):
    """A class."""

    id: Id
    name: Id

    @property
    def name_text(self) -> str:
        """The name, which may be written as a number, without spaces around it."""
        return str(self.name).strip()


class CocoFile(msgspec.Struct, gc=False):
    """What is read of a file; anything else in it, such as segmentations, never becomes a Python object.

    `all_images` and `all_categories` are False where some could not be read, so that an annotation may well be of one of these.
    """

    images: list[Image]
    categories: list[Category]
    annotations: list[Annotation] = []
    all_images: bool = True
    all_categories: bool = True


class Categories(msgspec.Struct, gc=False):
    """The categories of a file; nothing else in it becomes a Python object."""

    categories: list[Category]


class Pieces(msgspec.Struct):
    """A file of which each image, category and annotation is still JSON."""

    images: list[msgspec.Raw]
    categories: list[msgspec.Raw]
    annotations: list[msgspec.Raw] = []


Struct = TypeVar("Struct", Image, Annotation, Category)
Entry = TypeVar("Entry", Image, Category)


def read_coco(path: Path, notes: Notes) -> CocoFile:
    """Parse and check a file in one go; an entry of another form is a fault.

    Raises:
        DatasetError: the file is no JSON, lists no images, or is of another form beyond single entries.
    """
    with encoded_json(path, "COCO JSON", "correct the file") as encoded:
        file = _decode(encoded, path, notes)
    if not file.images and file.all_images:
        raise DatasetError.at(Place(path), "there are no images; list them under 'images'")
    return file


def read_category_names(path: Path) -> list[str]:
    """The names of a file's categories in the order of their ids; raises DatasetError if they cannot be read."""
    with encoded_json(path, "COCO JSON", "correct the file") as encoded:
        categories = msgspec.json.decode(encoded, type=Categories, strict=False).categories
    return [category.name_text for category in sorted(categories, key=lambda category: order(category.id))]


@contextmanager
def encoded_json(path: Path, kind: str, advice: str) -> Iterator[bytes]:
    """The bytes of a JSON file, which may be in gzip, to be decoded inside.

    Raises:
        DatasetError: the file cannot be read, or not be decoded.
    """
    encoded = b""
    try:
        stored = require_file(path).read_bytes()
        encoded = (gzip.decompress(stored) if path.suffix.lower() == ".gz" else stored).removeprefix(b"\xef\xbb\xbf")
        yield encoded
    except (OSError, EOFError, zlib.error, ValueError, msgspec.MsgspecError, RecursionError) as error:
        hint = "; JSON has no NaN" if b"NaN" in encoded and not isinstance(error, msgspec.ValidationError) else ""
        raise DatasetError.at(Place(path), f"cannot be used as {kind} ({error}); {advice}{hint}") from error


def unique(entries: Sequence[Entry], where: Place, notes: Notes) -> list[Entry]:
    """The first entry of each id, in their order; an id that is repeated is a fault, whose message begins with `where`."""
    counts = Counter(str(entry.id) for entry in entries)
    if len(counts) == len(entries):
        return list(entries)
    for repeated, count in counts.items():
        if count > 1:
            what = f"the id {repeated} is given {count} times; make the ids unique"
            notes.fault(DatasetError.at(where, what, kind="repeated ids"))
    first: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(str(entry.id), entry)
    return list(first.values())


def _decode(encoded: bytes, path: Path, notes: Notes) -> CocoFile:
    # Not strict: pandas and others write whole numbers as 1.0.
    try:
        return msgspec.json.decode(encoded, type=CocoFile, strict=False)
    except msgspec.ValidationError:  # entry by entry, which is slower, to see which of them
        pieces = msgspec.json.decode(encoded, type=Pieces)
        images = _entries(pieces.images, Image, path, "images", notes)
        categories = _entries(pieces.categories, Category, path, "categories", notes)
        annotations = _entries(pieces.annotations, Annotation, path, "annotations", notes)
        whole = (len(images) == len(pieces.images), len(categories) == len(pieces.categories))
        return CocoFile(images, categories, annotations, *whole)


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
