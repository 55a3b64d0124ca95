"""One annotation of PASCAL VOC: an XML file about one image."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree

from tf_ssd.data.ground_truth import CORNERS, check_count, corners_px, number
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.lazy import Annotation, Object
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file

MOST_BYTES = 32 * 2**20  # of an annotation
DECLARATION = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["'][^>]*\?>""")  # in an encoding that extends ASCII
UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
DIFFICULT = {"": False, "unspecified": False, "false": False, "true": True}  # besides numbers


def read_annotation(path: Path, image: Path, notes: Notes) -> Annotation:
    """Parse one XML file.

    Corners are passed on as they are, 1-based and inclusive. A size that is missing or zero is None. `notes` decides whether the
    faults of a size or an object are those of the whole file.

    Raises:
        DatasetError: the file is missing, not XML, has a document type (entities could expand without bound) or another
            root element, more than MOST_BYTES, or more objects than an image may have; or an object has no name, no box, or
            numbers that are none or out of order.
    """
    root = _parse(path)
    objects: list[Object] = []
    elements = root.findall("object")
    check_count(len(elements), Place(path))
    for position, element in enumerate(elements, start=1):
        with notes.tolerating():
            objects.append(_object(element, path, f"object {position}"))
    size = None
    with notes.tolerating():
        size = _size(root, path)
    return Annotation(image, size, objects, complete=len(objects) == len(elements))


def image_name(path: Path) -> str:
    """The <filename> of an annotation, empty if it says none; errors as for `read_annotation`."""
    return (_parse(path).findtext("filename") or "").strip()


def _parse(path: Path) -> Element:
    try:
        root = defusedxml.ElementTree.fromstring(_decoded(_content(path)), forbid_dtd=True)
    except (UnicodeError, LookupError) as error:
        raise DatasetError.at(Place(path), f"cannot be used as XML ({error}); save it as UTF-8") from error
    except (ParseError, ValueError, OSError, RecursionError) as error:
        raise DatasetError.at(Place(path), f"cannot be used as XML ({error}); it must be well formed, without DTD") from error
    if root.tag != "annotation":
        raise DatasetError.at(Place(path), f"the root element is <{root.tag}>, not <annotation>; is this a VOC annotation?")
    return root


def _content(path: Path) -> bytes:
    size = require_file(path).stat().st_size
    if size > MOST_BYTES:
        what = f"{size} bytes are more than the {MOST_BYTES} that an annotation of one image may have; is this one?"
        raise DatasetError.at(Place(path), what)
    return path.read_bytes()


def _decoded(content: bytes) -> str | bytes:
    """The text after the XML declaration where that names an encoding; else what the parser decodes itself, UTF-8 or UTF-16."""
    declaration = DECLARATION.match(content)
    if declaration is not None:
        return content[declaration.end() :].decode(declaration[1].decode())
    if not content.startswith(UTF_16):
        content.decode("utf-8-sig")
    return content


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
    return Object(where, name, corners, _difficult(element.findtext("difficult", default="").strip(), where))


def _difficult(text: str, where: Place) -> bool:
    known = DIFFICULT.get(text.lower())
    return number(text, "difficult", where) != 0 if known is None else known


def _text(element: Element, tag: str) -> str:
    return element.findtext(tag, default="missing").strip()
