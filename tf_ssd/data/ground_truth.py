"""From pixel corners to the boxes of a record: one rule for every reader."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf_ssd.errors import DatasetError, Place

Corners = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax
CORNERS = ("xmin", "ymin", "xmax", "ymax")

LARGEST_PX = 1e9  # beyond any image; larger numbers would overflow float32 on the way
DROPPED = "boxes without area, dropped"
CLIPPED = "boxes that reached beyond their image, clipped"


class Fitted(NamedTuple):
    """G boxes within their images.

    Attributes:
        boxes: (G, 4) float32, xyxy fractions in [0, 1].
        has_area: (G,) bool; the others are to be dropped.
        clipped: (G,) bool, boxes with an area that reached beyond their image.
        outside: (G,) bool, boxes with an area, none of it inside the image: the annotation is wrong.
    """

    boxes: np.ndarray
    has_area: np.ndarray
    clipped: np.ndarray
    outside: np.ndarray


def fit(corners: np.ndarray, size: np.ndarray, *, one_based: bool = False) -> Fitted:
    """Corners in pixels as fractions of their images, clipped to them.

    Args:
        corners: (G, 4) float64, xyxy as annotated. From the image's top left corner: pixel i reaches from i to i + 1.
        size: (2,) or (G, 2), width and height of the images in pixels.
        one_based: corners are 1-based pixels and inclusive, as in the VOC development kit: a box reaches from min - 1 to max.
            Many tools write 0 even so, which is taken for 1. Equal corners have no area: they are a slip, not a pixel.
    """
    written_low, high = corners[:, :2], corners[:, 2:]  # (G, 2)
    low = written_low - 1 if one_based else written_low
    drawn = np.all(written_low < high, axis=-1)
    outside = drawn & np.any((low >= size) | (high <= 0), axis=-1)
    clipped = drawn & ~outside & np.any((written_low < 0) | (high > size), axis=-1)
    boxes = np.clip(np.concatenate([low / size, high / size], axis=-1), 0, 1).astype(np.float32)  # (G, 4)
    # A sliver may lose its area to the rounding above.
    has_area = drawn & (outside | np.all(boxes[:, :2] < boxes[:, 2:], axis=-1))
    return Fitted(boxes, has_area, clipped & has_area, outside)


def corners_px(texts: Sequence[str], where: Place) -> Corners:
    """xmin, ymin, xmax, ymax as numbers; raises DatasetError, which begins with `where`, if one is none or min exceeds max."""
    corners = parse_corners(texts)
    if corners is None:
        xmin, ymin, xmax, ymax = (number(text, name, where) for name, text in zip(CORNERS, texts, strict=True))
        axis, low, high = ("x", xmin, xmax) if xmin > xmax else ("y", ymin, ymax)
        what = f"{axis}min={low:g} is greater than {axis}max={high:g}; swap or correct them"
        raise DatasetError.at(where, what, kind="boxes with inverted corners")
    return corners


def parse_corners(texts: Sequence[str]) -> Corners | None:
    """Four numbers, min not greater than max; None if the texts are anything else, also numbers that pixels cannot have."""
    try:
        xmin, ymin, xmax, ymax = map(float, texts)
    except ValueError:
        return None
    in_order = -LARGEST_PX <= xmin <= xmax <= LARGEST_PX and -LARGEST_PX <= ymin <= ymax <= LARGEST_PX  # nan is not
    return (xmin, ymin, xmax, ymax) if in_order else None


def number(text: str, name: str, where: Place) -> float:
    """The finite number in `text`, the value of `name`; raises DatasetError, which begins with `where`, if there is none."""
    value = parse(text)
    if value is None:
        raise DatasetError.at(where, f"{name} is {text!r}; write a finite number")
    return value


def parse(text: str) -> float | None:
    """The number in `text`, or None if there is none, or none that pixels can have."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST_PX else None  # not nan either
