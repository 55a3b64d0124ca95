"""One annotation of PASCAL VOC: an XML file about one image."""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree

from tf_ssd.data.ground_truth import CORNERS, corners_px, number
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.lazy import Annotation, Object
from tf_ssd.errors import DatasetError, Place


def read_annotation(path: Path, image: Path, notes: Notes) -> Annotation:
    """Parse one XML file.

    Corners are passed on as they are, 1-based and inclusive. A size that is missing or zero is None. `notes` decides whether the
    faults of a size or an object are those of the whole file.

    Raises:
        DatasetError: the file is missing, not XML, has a document type (entities could expand without bound) or another
            root element; or an object has no name, no box, or numbers that are none or out of order.
    """
    root = _parse(path)
    objects: list[Object] = []
    for position, element in enumerate(root.findall("object"), start=1):
        with notes.tolerating():
            objects.append(_object(element, path, f"object {position}"))
    with notes.tolerating():
        return Annotation(image, _size(root, path), objects)
    return Annotation(image, None, objects)


def _parse(path: Path) -> Element:
    try:
        root = defusedxml.ElementTree.fromstring(path.read_bytes(), forbid_dtd=True)
    except (ParseError, ValueError, LookupError, OSError, RecursionError) as error:
        raise DatasetError.at(Place(path), f"cannot be used as XML ({error}); it must be well formed, without DTD") from error
    if root.tag != "annotation":
        raise DatasetError.at(Place(path), f"the root element is <{root.tag}>, not <annotation>; is this a VOC annotation?")
    return root


def _size(root: Element, path: Path) -> tuple[int, int] | None:
    """Width and height in pixels, None where they are missing or zero."""
    size = root.find("size")
    if size is None or size.find("width") is None or size.find("height") is None:
        return None
    where = Place(path, "size")
    width, height = (number(_text(size, tag), tag, where) for tag in ("width", "height"))
    if not (width.is_integer() and height.is_integer()):
        raise DatasetError.at(where, f"{width:g} x {height:g} are not whole pixels; correct the size or remove it")
    return (int(width), int(height)) if width > 0 and height > 0 else None


def _object(element: Element, path: Path, numbered: str) -> Object:
    name = (element.findtext("name") or "").strip()
    where = Place(path, f"{numbered} ({name or 'no name'})")
    if not name:
        raise DatasetError.at(where, "<name> is missing or empty; give the object's class")
    box = element.find("bndbox")
    if box is None:
        raise DatasetError.at(where, "<bndbox> is missing; add one or remove the object")
    corners = corners_px([_text(box, tag) for tag in CORNERS], where)
    difficult = element.find("difficult") is not None and number(_text(element, "difficult"), "difficult", where) != 0
    return Object(where, name, corners, difficult)


def _text(element: Element, tag: str) -> str:
    return element.findtext(tag, default="missing").strip()
