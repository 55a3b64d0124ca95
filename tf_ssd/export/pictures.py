"""The pictures that an export is tried on."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from tf_ssd.config import ExportConfig, require
from tf_ssd.data.images.decode import decode, read_file, read_image
from tf_ssd.data.paths import pictures_in
from tf_ssd.data.records import Dataset
from tf_ssd.errors import ImageError
from tf_ssd.export.inference import shown

Item = TypeVar("Item")
PICTURES = 16  # to compare on, at most
CALIBRATION = 100  # pictures to calibrate int8 with, at most


def chosen_pictures(config: ExportConfig, dataset: Dataset) -> tuple[list[np.ndarray], list[ImageError]]:
    """The pictures to compare on and to calibrate with, spread evenly over those of --images or else of the dataset.

    Returns:
        Those that can be read, and why the others cannot.

    Raises:
        ConfigError: --images names no picture.
        ImageError: none can be read.
    """
    paths = [picture for path in config.images for picture in pictures_in(path)]
    require(bool(paths) or not config.images, "--images", list(map(str, config.images)), "no picture is there")
    number = CALIBRATION if config.quantize == "int8" else PICTURES
    if paths:
        return _readable(lambda path: decode(read_file(path), str(path)), spread(paths, number), config)
    return _readable(lambda index: read_image(dataset[index]), spread(range(len(dataset)), number), config)


def spread(items: Sequence[Item], number: int) -> list[Item]:
    """Up to `number` items at distances that differ by one at most, from the first on and over all of them."""
    count = min(number, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def _readable(
    read: Callable[[Item], np.ndarray], items: Sequence[Item], config: ExportConfig
) -> tuple[list[np.ndarray], list[ImageError]]:
    pictures, errors = [], []
    for item in items:
        try:
            pictures.append(shown(read(item), config.image_size))
        except ImageError as error:
            errors.append(error)
    if errors and not pictures:
        raise errors[0]
    return pictures, errors
