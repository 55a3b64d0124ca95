"""From annotated corners to the boxes of a record: one rule for every reader."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tf_ssd.boxes_px import Size, to_fractions, to_px
from tf_ssd.data.notes import Notes, Problem
from tf_ssd.data.records import Record, Written
from tf_ssd.errors import DatasetError, Place

Corners = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax
CORNERS = ("xmin", "ymin", "xmax", "ymax")

LARGEST_PX = 1e9  # beyond any image; larger numbers would overflow float32 on the way
DROPPED = "boxes without area, dropped"
CLIPPED = "boxes that reached beyond their image, clipped"
UNKNOWN = (0, 0)  # in place of a size
BEYOND = 0.1  # of an image: how far a corner given as a fraction may reach over the edge, as in the Object Detection API
MOST_BOXES = 4096  # in an image: half the default boxes of SSD300; where they become scarce, matching takes minutes


class Fitted(NamedTuple):
    """G boxes within their images.

    Attributes:
        boxes_px: (G, 4) float64, xyxy, clipped to their images.
        size: (2,) or (G, 2), width and height of these, or UNKNOWN.
        has_area: (G,) bool; the others are to be dropped.
        clipped: (G,) bool, boxes with an area that reached beyond their image.
        outside: (G,) bool, boxes with an area, none of it inside the image: the annotation is wrong.
    """

    boxes_px: np.ndarray
    size: np.ndarray
    has_area: np.ndarray
    clipped: np.ndarray
    outside: np.ndarray

    @property
    def usable(self) -> np.ndarray:
        """(G,) bool, boxes that are ground truth."""
        return self.has_area & ~self.outside


def zero_based(corners: np.ndarray) -> np.ndarray:
    """1-based and inclusive pixels, as in the VOC development kit, as edges (G, 4): a box reaches from min - 1 to max.

    Many tools write 0 even so, which is taken for 1. Equal corners are a slip, not a pixel: they stay equal, without area.
    """
    low, high = corners[:, :2], corners[:, 2:]  # (G, 2)
    edges = np.where(low < 0, low - 1, np.maximum(low - 1, 0))  # (G, 2)
    return np.concatenate([np.where(low < high, edges, low), high], axis=-1)


def fit(boxes_px: np.ndarray, size: np.ndarray) -> Fitted:
    """Clip boxes to their images, and find those that cannot be used.

    Args:
        boxes_px: (G, 4) float64, xyxy, min not greater than max.
        size: (2,) or (G, 2), width and height of the images, or UNKNOWN: then boxes stay as they are.
    """
    low, high = boxes_px[:, :2], boxes_px[:, 2:]  # (G, 2)
    known = np.all(size > 0, axis=-1)  # () or (G,)
    drawn = np.all(low < high, axis=-1)
    outside = drawn & known & np.any((low >= size) | (high <= 0), axis=-1)
    clipped = drawn & known & ~outside & np.any((low < 0) | (high > size), axis=-1)
    inside = np.clip(boxes_px, 0, np.tile(size, 2))  # (G, 4)
    # A sliver may lose its area when the fractions are rounded to float32.
    fractions = to_fractions(inside, np.maximum(size, 1))
    has_area = drawn & (~known | outside | np.all(fractions[:, :2] < fractions[:, 2:], axis=-1))
    return Fitted(np.where(known[..., None], inside, boxes_px), size, has_area, clipped & has_area, outside)


def problems(fitted: Fitted, written: Callable[[int], Written], notes: Notes) -> list[Problem]:
    """What was dropped and clipped; a box outside its image is a fault.

    Args:
        fitted: some boxes.
        written: of a row, by its number.
        notes: where faults go.
    """
    sizes = np.broadcast_to(fitted.size, (len(fitted.outside), 2))
    for row in np.flatnonzero(fitted.outside).tolist():
        width, height = sizes[row]
        message = f"{written(row)} lies outside the image of {width} x {height} px; correct the box"
        notes.fault(DatasetError(message, kind="boxes outside their image", place=written(row).place))
    kinds = ((DROPPED, ~fitted.has_area), (CLIPPED, fitted.clipped))
    found = [(kind, written(row)) for kind, mask in kinds for row in np.flatnonzero(mask).tolist()]
    return [Problem(kind, str(row), row.place) for kind, row in found]


def fit_record(record: Record, size: Size, notes: Notes) -> tuple[Record, list[Problem]]:
    """A record whose boxes lie inside its image, and what had to be dropped or clipped for that.

    Args:
        record: where it has a size, it is returned as it is: its reader has done this.
        size: of its image.
        notes: where a box outside the image goes, which is a fault.
    """
    if record.size is not None:
        return record, []
    fitted = fit(to_px(record.boxes_px, size) if record.fractions else record.boxes_px, np.array(size))
    found = problems(fitted, record.written.__getitem__, notes)
    columns = {name: getattr(record, name)[fitted.usable] for name in ("labels", "difficult", "crowd")}
    complete = record.complete and not fitted.outside.any()
    boxes_px = fitted.boxes_px[fitted.usable]
    return replace(record, boxes_px=boxes_px, size=size, written=(), complete=bool(complete), fractions=False, **columns), found


def check_count(boxes: int, where: Place) -> None:
    """Refuse an image with more than MOST_BOXES boxes; raises DatasetError, which begins with `where`."""
    if boxes > MOST_BOXES:
        what = f"{boxes} boxes are more than the {MOST_BOXES} that an image may have; cut the image into tiles"
        raise DatasetError.at(where, what)


def corners_px(texts: Sequence[str | float], where: Place) -> Corners:
    """xmin, ymin, xmax, ymax as numbers; raises DatasetError, which begins with `where`, if one is none or min exceeds max."""
    corners = parse_corners(texts)
    if corners is None:
        xmin, ymin, xmax, ymax = (number(text, name, where) for name, text in zip(CORNERS, texts, strict=True))
        axis, low, high = ("x", xmin, xmax) if xmin > xmax else ("y", ymin, ymax)
        what = f"{axis}min={low:g} is greater than {axis}max={high:g}; swap or correct them"
        raise DatasetError.at(where, what, kind="boxes with inverted corners")
    return corners


def parse_corners(texts: Sequence[str | float]) -> Corners | None:
    """Four numbers, min not greater than max; None if the texts are anything else, also numbers that pixels cannot have."""
    try:
        xmin, ymin, xmax, ymax = map(float, texts)
    except ValueError:
        return None
    in_order = -LARGEST_PX <= xmin <= xmax <= LARGEST_PX and -LARGEST_PX <= ymin <= ymax <= LARGEST_PX  # nan is not
    return (xmin, ymin, xmax, ymax) if in_order else None


def number(text: str | float, name: str, where: Place) -> float:
    """The finite number in `text`, the value of `name`; raises DatasetError, which begins with `where`, if there is none."""
    value = parse(text)
    if value is None:
        raise DatasetError.at(where, f"{name} is {text!r}; write a finite number")
    return value


def check_fractions(values: Sequence[float], names: Sequence[str], where: Place) -> None:
    """Refuse numbers that cannot be fractions of an image; raises DatasetError, which begins with `where`.

    Args:
        values: to be 0..1; up to `BEYOND` outside they belong to a box that reaches over the edge.
        names: of the values.
        where: what has them.
    """
    for name, value in zip(names, values, strict=True):
        if not -BEYOND <= value <= 1 + BEYOND:
            what = f"{name} is {value:.6g}, not a fraction of the image from 0 to 1"
            advice = "divide pixels by the image's width or height" if value > 1 else "correct the box"
            raise DatasetError.at(where, f"{what}; {advice}", kind="boxes outside their image")


def parse(text: str | float) -> float | None:
    """The number in `text`, or None if there is none, or none that pixels can have."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST_PX else None  # not nan either
