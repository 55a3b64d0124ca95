"""A contact sheet of what training would see."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw

from tf_ssd.boxes_px import Size, to_fractions, to_px
from tf_ssd.config import AugmentConfig, Exif
from tf_ssd.data.augment import Example, augment
from tf_ssd.data.ground_truth import fit_record
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.notes import Notes
from tf_ssd.data.records import Dataset, Record
from tf_ssd.drawing.pictures import class_color, draw_detections, grid
from tf_ssd.drawing.sheets import captioned
from tf_ssd.errors import DatasetError

ROWS, DRAWS = 6, 4
SHOWN = 400  # side of a picture on the sheet, in pixels


def contact_sheet(dataset: Dataset, *, config: AugmentConfig, exif: Exif, title: str, image_size: int) -> Image.Image:
    """A few images, a row for each: as it is, then augmented DRAWS times, with boxes in the colours of their classes.

    `title` stands above; `image_size` is the side of the network's input.

    Raises:
        DatasetError: no record can be used.
    """
    pictures: list[Image.Image] = []
    for number, (record, pixels) in enumerate(_spread(dataset, exif)):
        kept = ~record.crowd  # as in training
        boxes = to_fractions(record.boxes_px, record.size or _size(pixels))
        columns = (boxes[kept], record.labels[kept], record.difficult[kept], record.crowd[kept])
        example = Example(tf.constant(pixels), *map(tf.constant, columns))
        pictures.append(_named(_shrunk(pixels, image_size), *columns[:2], dataset))
        for draw in range(DRAWS):
            drawn = augment(example, tf.constant([number, draw]), config=config, image_size=image_size)
            shown = np.clip(np.round(drawn.image), 0, 255).astype(np.uint8)
            pictures.append(_framed(shown, drawn.boxes.numpy(), drawn.labels.numpy()))
    if not pictures:
        raise DatasetError("there is no image to augment; see what is wrong with the dataset first")
    return captioned(grid(pictures, 1 + DRAWS), title)


def _spread(dataset: Dataset, exif: Exif) -> Iterator[tuple[Record, np.ndarray]]:
    """Up to ROWS usable records with boxes, and their pixels, from all over the dataset."""
    found = 0
    stride = max(1, len(dataset) // ROWS)
    for index in (index for first in range(stride) for index in range(first, len(dataset), stride)):
        try:
            record = dataset[index]
            pixels = read_image(record, exif=exif)
            record, _ = fit_record(record, _size(pixels), Notes())
        except DatasetError:
            continue
        if len(record.labels) > record.crowd.sum():
            yield record, pixels
            found += 1
        if found == ROWS:
            return


def _size(pixels: np.ndarray) -> Size:
    height, width, _ = pixels.shape
    return width, height


def _shrunk(pixels: np.ndarray, image_size: int) -> np.ndarray:
    """The image without distortion, as large as the augmented ones along its longer side."""
    height, width = pixels.shape[:2]
    scale = image_size / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _named(pixels: np.ndarray, boxes: np.ndarray, labels: np.ndarray, dataset: Dataset) -> Image.Image:
    """Boxes with the names of their classes."""
    picture = draw_detections(pixels, to_px(boxes, _size(pixels)), labels, None, dataset.class_names)
    picture.thumbnail((SHOWN, SHOWN), Image.Resampling.LANCZOS)
    return picture


def _framed(pixels: np.ndarray, boxes: np.ndarray, labels: np.ndarray) -> Image.Image:
    """Boxes in the colours of their classes, without names, which would hide small objects."""
    picture = Image.fromarray(pixels).resize((SHOWN, SHOWN), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for box, label in zip(boxes, labels, strict=True):
        xmin, ymin, xmax, ymax = np.round(box * (SHOWN - 1)).tolist()
        draw.rectangle((xmin, ymin, xmax, ymax), outline=class_color(int(label)), width=2)
    return picture
