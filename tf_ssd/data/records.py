"""What a dataset is: a sequence of records, each an encoded image and its ground truth."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from tf_ssd.errors import DatasetError

# Not every format Pillow knows: a disguised EPS file, for one, would start Ghostscript.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF")


@dataclass(frozen=True, eq=False)
class Record:
    """One image and its ground truth.

    Attributes:
        id: name of the record, unique within its dataset.
        image: the image file, or its encoded bytes.
        boxes: (G, 4) float32, xyxy fractions of the image.
        labels: (G,) int32, 1..C-1.
        difficult: (G,) bool, rows that the metrics leave out.
        crowd: (G,) bool, rows that stand for a group of objects (COCO's `iscrowd`); none if not given.
        size: width and height in pixels, as the annotation or the image's header says; None if neither was looked at.
    """

    id: str
    image: Path | bytes
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    crowd: np.ndarray = None  # type: ignore[assignment]  # replaced below
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.crowd is None:
            object.__setattr__(self, "crowd", np.zeros(len(self.labels), bool))


class Dataset(Protocol):
    """A sequence of records; whatever has these members can be trained on."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The C - 1 classes without background: class i is `class_names[i - 1]`."""

    @property
    def max_boxes(self) -> int:
        """The largest number of ground-truth rows in one image."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to be logged: what was dropped or clipped, each naming file and object."""

    def __len__(self) -> int:
        """Number of records."""

    def __getitem__(self, index: int) -> Record:
        """Record `index`; raises IndexError outside 0..len-1 and DatasetError where the record cannot be used."""


def read_image(record: Record) -> np.ndarray:
    """Decode a record's image to (H, W, 3) uint8, RGB.

    The EXIF orientation is ignored, as by PASCAL VOC: boxes refer to the pixels as they are stored. An alpha channel is
    left out.

    Raises:
        DatasetError: the image is missing, empty, truncated, too large, has more than 8 bits a channel, or is none.
    """
    name = str(record.image) if isinstance(record.image, Path) else f"record {record.id}"
    with _reporting(name):
        encoded = record.image.read_bytes() if isinstance(record.image, Path) else record.image
        with Image.open(BytesIO(encoded), formats=FORMATS) as image:
            if image.mode[0] in "IF":  # Pillow would clip these to white in silence
                raise ValueError(f"pixel format {image.mode} has more than 8 bits a channel")
            return np.array(image.convert("RGB"))


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels from an image file's header; raises DatasetError as `read_image` does."""
    with _reporting(str(path)), Image.open(path, formats=FORMATS) as image:
        return image.size


@contextmanager
def _reporting(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a decoder fed with damaged bytes raises almost anything
        unknown = isinstance(error, UnidentifiedImageError)  # whose own text holds a memory address
        reason = f"empty, or none of {', '.join(FORMATS)}" if unknown else f"{type(error).__name__}: {error}"
        message = f"{name}: cannot be read as an image ({reason}); replace the image or remove the record"
        raise DatasetError(message) from error
