"""From an encoded image to pixels: its header, all of it, or a part of it at a fraction of its scale.

A damaged image raises ImageError or gives pixels of the size in its header. An error is raised for a damaged header, a file that
ends early, and whatever breaks the decoder, but not for wrong pixels from a damaged scan of a JPEG.
"""

import errno
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, UnidentifiedImageError
from PIL.ExifTags import Base

from tf_ssd.config.data import Exif
from tf_ssd.data.images.jpeg import decode_ordinary, is_ordinary
from tf_ssd.data.images.orientation import stored_part, turn, turned_size
from tf_ssd.data.paths import listed
from tf_ssd.data.records import Record
from tf_ssd.errors import FaultKind, ImageError, Place, ResourceError
from tf_ssd.system.files import require_file

# Not all formats that Pillow knows: a disguised EPS file, for example, would start Ghostscript. TGA is last: it has no signature.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "TGA")
# Errors of the operating system that say nothing of the file: too many are open, or memory or the network fails.
NOT_THE_FILE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETIMEDOUT, errno.ESTALE, errno.EHOSTDOWN)
DEEP = {("I;16", "PNG"), ("I;16", None), ("I", "PPM")}  # greys of 16 bits that use all of them: Pillow's mode and format
REDUCTIONS = (1, 2, 4, 8)
# Pillow warns about files that it can read, because of odd EXIF data for instance. A filter is the only way to silence it
# that is safe in threads: `catch_warnings` of one thread undoes that of another.
SILENCE = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


class Header(NamedTuple):
    """What an image file says about itself.

    Attributes:
        format: Pillow's name of it, of FORMATS or "MPO" (a JPEG followed by others).
        size: width and height of the stored pixels.
        orientation: 1..8 from the EXIF data before the pixels, 1 if there is none; 1 for TIFF, which Pillow turns by itself.
    """

    format: str
    size: tuple[int, int]
    orientation: int

    def turned(self, exif: Exif) -> int:
        """The orientation that is to be applied."""
        return self.orientation if exif == "apply" else 1

    def shown_size(self, exif: Exif) -> tuple[int, int]:
        """Width and height of the image, turned or as it is stored."""
        return turned_size(self.size, self.turned(exif))


def name_of(record: Record) -> str:
    """What messages call a record's image: its file, or the record if it has none."""
    return str(record.image) if isinstance(record.image, Path) else f"record {record.id}"


def read_encoded(record: Record) -> bytes:
    """The bytes of a record's image; raises ImageError if its file cannot be read."""
    if record.looked_for:
        what = f"there is no such image; looked for {listed(record.looked_for)}; add it, correct its name or remove the record"
        raise ImageError.at(Place(name_of(record)), what, kind="missing files")
    return read_file(record.image) if isinstance(record.image, Path) else record.image


def read_file(path: Path) -> bytes:
    """The bytes of a file; raises ImageError if it cannot be read, or is a pipe or a device, which may never end."""
    with _reporting(str(path)):
        return require_file(path).read_bytes()


def read_header(encoded: bytes, name: str) -> Header:
    """The header of an encoded image; raises ImageError if there is none, or the image is too large."""
    with _reporting(name), _opened(encoded) as image:
        return _header(image)


def read_file_header(path: Path) -> Header:
    """As `read_header`, of a file; of most formats no more than its beginning is read."""
    with _reporting(str(path)), Image.open(require_file(path), formats=FORMATS) as image:
        return _header(image)


def read_image(record: Record, *, exif: Exif = "ignore") -> np.ndarray:
    """Decode a record's image to (H, W, 3) uint8 RGB; arguments and errors as for `decode`."""
    return decode(read_encoded(record), name_of(record), exif=exif)


def decode(encoded: bytes, name: str, *, exif: Exif = "ignore") -> np.ndarray:
    """Decode an image to (H, W, 3) uint8 RGB.

    An animation gives its first frame, an image with alpha its colours without alpha. A channel of 16 bits, which only PNG and PGM
    may have, is divided by 256.

    Args:
        encoded: the bytes of a file in one of FORMATS, whatever its name.
        name: of the file or record, for messages.
        exif: "ignore" for the pixels as they are stored, to which PASCAL VOC's boxes refer; "apply" to turn them as the EXIF
            orientation says, like Pillow's `exif_transpose`.

    Raises:
        ImageError: the bytes are empty, cut off, damaged, none of FORMATS, or more than Pillow's limit of 179 million pixels;
            or pixels are floating-point numbers.
        ResourceError: the machine has no memory left, for which the image cannot be blamed.
    """
    width, height = read_header(encoded, name).shown_size(exif)
    return decode_part(encoded, name, (0, 0, width, height), 1, exif=exif)


def decode_part(
    encoded: bytes, name: str, part_px: tuple[int, int, int, int] | np.ndarray, reduction: int, *, exif: Exif = "ignore"
) -> np.ndarray:
    """Decode a part of an image, its sides divided by `reduction`; other arguments and errors as for `decode`.

    Pixel i along an axis of the result shows the pixels from start + i * reduction up to start + (i + 1) * reduction, without
    those beyond the image. At a reduction of 1 the result is the same to the bit as cutting the part out of all of the image.

    Args:
        part_px: xyxy of the part in pixels of the full image as it is shown. Each is a multiple of `reduction`, or the
            image's right or lower end.
        reduction: 1, 2, 4 or 8. For a JPEG, a reduced inverse cosine transform; otherwise the mean, after decoding all.

    Returns:
        (h, w, 3) uint8 RGB, h and w being the sides of the part / reduction, rounded up.
    """
    with _reporting(name):
        with _opened(encoded) as image:
            header = _header(image)
        left, top, right, bottom = (int(value) for value in part_px)
        part, size, orientation = (left, top, right, bottom), header.shown_size(exif), header.turned(exif)
        if not _may_be_cut(part, size, reduction):
            raise ValueError(f"part {part} of an image of {size[0]} x {size[1]} pixels cannot be reduced by {reduction}")
        pixels = None
        # If the reduction does not divide the image's sides, its cells in a mirrored image lie elsewhere than in the stored one.
        if is_ordinary(encoded) and (orientation == 1 or not (size[0] % reduction or size[1] % reduction)):
            cells = _reduced(stored_part(part, size, orientation), reduction)
            pixels = decode_ordinary(encoded, cells, -(-header.size[0] // reduction), reduction=reduction)
        if pixels is not None:
            return turn(pixels, orientation)
        with _opened(encoded) as image:
            pixels = turn(_pixels(image, header.size), orientation)[top:bottom, left:right]
        return np.array(Image.fromarray(pixels).reduce(reduction)) if reduction > 1 else pixels


def decode_opened(image: Image.Image, *, exif: Exif = "ignore") -> np.ndarray:
    """The pixels (H, W, 3) uint8 RGB of a picture of Pillow, as `decode` gives them of its file.

    A picture that comes from no file may have channels of 16 bits as well. Errors as for `decode`.
    """
    with _reporting("the picture"):
        header = _header(image)
        return turn(_pixels(image, header.size), header.turned(exif))


def _may_be_cut(part: tuple[int, int, int, int], size: tuple[int, int], reduction: int) -> bool:
    left, top, right, bottom = part
    inside = 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    ends = (right % reduction == 0 or right == size[0]) and (bottom % reduction == 0 or bottom == size[1])
    return reduction in REDUCTIONS and inside and left % reduction == 0 and top % reduction == 0 and ends


def _reduced(part: tuple[int, int, int, int], reduction: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = part
    return left // reduction, top // reduction, -(-right // reduction), -(-bottom // reduction)


def _opened(encoded: bytes) -> Image.Image:
    return Image.open(BytesIO(encoded), formats=FORMATS)


def _header(image: Image.Image) -> Header:
    # Not the method of PNG images, which would decode the pixels to reach the EXIF data behind them.
    orientation = Image.Image.getexif(image).get(Base.Orientation) if image.format != "TIFF" else 1
    if not isinstance(orientation, int) or not 1 <= orientation <= 8:
        orientation = 1
    return Header(str(image.format), image.size, orientation)


def _pixels(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """All stored pixels (H, W, 3) uint8 RGB."""
    if (image.mode, image.format) in DEEP:
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow has inverted the inks, which is right for files of Adobe's programs only
    if image.mode[0] in "IF":  # Pillow would clip these to white in silence
        raise ValueError(f"pixel format {image.mode} has more than 8 bits a channel")
    pixels = np.array(image.convert("RGB"))
    if pixels.shape != (size[1], size[0], 3):
        raise ValueError(f"{pixels.shape[1]} x {pixels.shape[0]} pixels, but its header says {size[0]} x {size[1]}")
    return pixels


def raise_unless_guilty(name: str, error: Exception) -> None:
    """Raise ResourceError if reading a file failed for a reason that lies outside it, so that nobody skips a good file."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in NOT_THE_FILE):
        advice = "the file may be fine: end other programs or raise their limits (ulimit), and try again"
        raise ResourceError(f"{name}: cannot be read now ({type(error).__name__}: {error}); {advice}") from error


@contextmanager
def _reporting(name: str) -> Iterator[None]:
    if warnings.filters[:1] != [SILENCE]:  # the first that fits decides
        warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        yield
    except Exception as error:  # a decoder fed with damaged bytes raises almost anything
        raise_unless_guilty(name, error)
        unknown = isinstance(error, UnidentifiedImageError)  # its own text holds a memory address
        reason = f"empty, or none of {', '.join(FORMATS)}" if unknown else f"{type(error).__name__}: {error}"
        what = f"cannot be read as an image ({reason}); replace it by a JPEG or PNG, or leave it out"
        kind: FaultKind = "missing files" if isinstance(error, FileNotFoundError) else "unreadable images"
        raise ImageError.at(Place(name), what, kind=kind) from error
