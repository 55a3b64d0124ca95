"""Small copies of pictures, or of parts of them, as texts that stand in a page."""

from base64 import b64encode
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image

from tf_ssd.boxes_px import Size, resized
from tf_ssd.config import Exif
from tf_ssd.data.images.decode import REDUCTIONS, decode_part, name_of, read_encoded, read_header
from tf_ssd.data.records import Record

SIDE_PX = 400  # longer side of a copy, at most; of a part of a picture, at least
AROUND = 6  # longer sides of a box, that a part around it has from top to bottom
ASPECT = 4 / 3  # width over height of a part, as the page shows pictures
NEARLY = 0.75  # of both sides of a picture: a part larger than that is the whole
CELL = REDUCTIONS[-1]  # of which the corners of a part are multiples, unless they are ends of the picture
QUALITIES = (80, 60, 40, 20)
MOST_BYTES = 60_000  # of a copy; only noise needs more, and gets a lower quality


class Part(NamedTuple):
    """A part of a picture, xyxy in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int


class Picture(NamedTuple):
    """An image that has been read, and its size; `annotated` is the size of the image to which its boxes belong."""

    encoded: bytes
    name: str
    size: Size
    annotated: Size
    exif: Exif


class Thumbnail(NamedTuple):
    """A copy of a part of a picture, as a data URI, and its size."""

    src: str
    size: Size


def read_picture(record: Record, *, exif: Exif) -> Picture:
    """The image of a record; raises ImageError if it cannot be read."""
    encoded, name = read_encoded(record), name_of(record)
    size = read_header(encoded, name).shown_size(exif)
    return Picture(encoded, name, size, record.size or size, exif)


def part_around(box_px: np.ndarray, picture: Picture) -> Part:
    """In which a box (4,) is neither lost nor without its surroundings: the whole picture, if that is little more."""
    box = resized(box_px, picture.annotated, picture.size)
    height = max(AROUND * float(np.max(box[2:] - box[:2])), SIDE_PX / ASPECT)
    sides = (ASPECT * height, height)
    if all(side >= NEARLY * extent for side, extent in zip(sides, picture.size, strict=True)):
        return Part(0, 0, *picture.size)
    left, right = _span(box[0], box[2], sides[0], picture.size[0])
    top, bottom = _span(box[1], box[3], sides[1], picture.size[1])
    return Part(left, top, right, bottom)


def _span(start: float, stop: float, side: float, extent: int) -> tuple[int, int]:
    """About `side` pixels, no less than from start to stop, around the middle of start and stop, within 0 and `extent`."""
    first = min(max((start + stop - side) / 2, 0), max(extent - side, 0))
    return int(first) // CELL * CELL, min(-(-int(first + side) // CELL) * CELL, extent)


def thumbnail(picture: Picture, part: Part) -> Thumbnail:
    """A copy of a part; raises ImageError if the image cannot be decoded."""
    longer = max(part.right - part.left, part.bottom - part.top)
    reduction = max(factor for factor in REDUCTIONS if factor == 1 or longer >= factor * SIDE_PX)
    image = Image.fromarray(decode_part(picture.encoded, picture.name, part, reduction, exif=picture.exif))
    image.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    for quality in QUALITIES:
        encoded = BytesIO()
        image.save(encoded, "JPEG", quality=quality)
        if encoded.tell() <= MOST_BYTES:
            break
    return Thumbnail(f"data:image/jpeg;base64,{b64encode(encoded.getvalue()).decode()}", image.size)


def placed(boxes_px: np.ndarray, picture: Picture, part: Part, copy: Thumbnail) -> np.ndarray:
    """Boxes (N, 4) of the picture in pixels of the copy, which they may lie outside of."""
    left, top, right, bottom = part
    inside = resized(boxes_px, picture.annotated, picture.size) - [left, top, left, top]
    return resized(inside, (right - left, bottom - top), copy.size)
