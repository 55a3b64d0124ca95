"""Where an image contradicts its annotation: another size, or an orientation that nobody applies."""

from tf_ssd.config import Exif
from tf_ssd.data.images.decode import Header
from tf_ssd.data.notes import Problem
from tf_ssd.data.records import Record
from tf_ssd.errors import Place

SIZE_DIFFERS = "sizes that differ from the image's"
NOT_TURNED = "images that are not turned as their EXIF data say"


def size_problem(record: Record, header: Header, name: str, exif: Exif) -> Problem | None:
    """That the annotation says another size than the image `name` has, with what to do about it; None if it does not."""
    shown = header.shown_size(exif)
    if record.size is None or record.size == shown:
        return None
    (width, height), (written_width, written_height) = shown, record.size
    other: Exif = "ignore" if exif == "apply" else "apply"
    agrees = header.shown_size(other) == record.size
    advice = f"--exif {other} would make them agree" if agrees else "correct the size, or the boxes"
    sizes = f"{width} x {height} px, but its annotation says {written_width} x {written_height}"
    return Problem(SIZE_DIFFERS, f"{name}: {sizes}; {advice}", Place(name))


def contradictions(record: Record, header: Header, name: str, exif: Exif) -> list[Problem]:
    """What is to be noted of an image that is trained or evaluated on.

    An orientation that is not applied is noted where no size says whether the boxes were drawn on the image as it is stored.
    """
    differs = size_problem(record, header, name, exif)
    if differs is not None:
        return [differs]
    if record.size is not None or header.turned(exif) == header.orientation or not len(record.labels):
        return []
    advice = "if its boxes were drawn on the turned image, give --exif apply"
    return [Problem(NOT_TURNED, f"{name}: orientation {header.orientation}, used as stored; {advice}", Place(name))]
