"""What all cases have in common: 21 default boxes whose overlaps can be counted by hand, and logits in a known order.

Boxes 0..15 are the cells of a 4 x 4 grid, row by row; 16..19 the quadrants, box 20 the whole image. All coordinates are binary
fractions, so that every overlap is exact in float32: the IoU of a cell is 1 with itself, 1/4 with its quadrant, 1/16 with the
image, and 0 with another cell.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tf_ssd.audit.cases.case import About, Image, LossCase

CLASSES = 3  # background, 1, 2
BOXES = 21
# Default boxes in the order of their background cross entropy under `LOGITS`, hardest first. 8 n mod 21 visits every box once.
HARDEST_FIRST = tuple(8 * number % BOXES for number in range(BOXES))
OFFSETS = np.tile((0.5, -0.25, 1.5, 0.0), (BOXES, 1))  # smooth L1 from 0: 1/8 + 1/32 + 1 + 0 = 37/32 for each positive
PER_PERFECT_MATCH = 37 / 32
EVEN = np.zeros((BOXES, CLASSES))  # every cross entropy is ln 3

Corners = tuple[float, float, float, float]
Object = tuple[int, Corners]  # label, xyxy


def _squares(cells: int) -> list[tuple[float, float, float, float]]:
    side = 1 / cells
    return [((column + 0.5) * side, (row + 0.5) * side, side, side) for row in range(cells) for column in range(cells)]


DEFAULT_BOXES = np.array([*_squares(4), *_squares(2), *_squares(1)])  # (21, 4) cxcywh


def _logits() -> np.ndarray:
    """The background's logit rises from -10/8 for the hardest box to 10/8 for the easiest; classes 1 and 2 have 0 and -1/2."""
    logits = np.tile((0.0, 0.0, -0.5), (BOXES, 1))
    logits[list(HARDEST_FIRST), 0] = (np.arange(BOXES) - 10) / 8
    return logits


LOGITS = _logits()


def cell(number: int) -> Corners:
    """Corners of default box `number`."""
    x, y, width, height = DEFAULT_BOXES[number]
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def union(*numbers: int) -> Corners:
    """Corners of the smallest box around some default boxes."""
    corners = np.array([cell(number) for number in numbers])
    return (*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist())


def changed(values: np.ndarray, rows: Mapping[int, Sequence[float]]) -> np.ndarray:
    """A copy of `values` with some rows replaced."""
    copy = values.copy()
    for number, row in rows.items():
        copy[number] = row
    return copy


# Three boxes are harder than all others, so that the three negatives mined for one positive are no tie.
THREE_HARD = changed(EVEN, {0: (-1, 0, 0), 1: (-1, 0, 0), 2: (-1, 0, 0)})
PER_HARD = math.log(1 + 2 * math.e)  # the cross entropy of each of the three


def hardest(count: int, *, but: Sequence[int] = ()) -> tuple[int, ...]:
    """The first `count` boxes of HARDEST_FIRST that are not in `but`: what mining takes where the logits are LOGITS."""
    return tuple(number for number in HARDEST_FIRST if number not in but)[:count]


def lowest(count: int, *, but: Sequence[int] = ()) -> tuple[int, ...]:
    """The `count` boxes of lowest index that are not in `but`: what mining takes where all logits are equal."""
    return tuple(number for number in range(BOXES) if number not in but)[:count]


def image(
    *objects: Object,
    matches: Mapping[int, int],
    mined: tuple[int, ...] | None = None,
    logits: np.ndarray = LOGITS,
    offsets: np.ndarray = OFFSETS,
) -> Image:
    """An image with its objects. `matches` says which default box takes which row; by default each has three hardest negatives."""
    return Image(
        gt_boxes=np.array([corners for _, corners in objects], float).reshape(-1, 4),
        gt_labels=np.array([label for label, _ in objects], np.int64),
        offsets=offsets,
        logits=logits,
        matches=dict(matches),
        mined=hardest(3 * len(matches), but=list(matches)) if mined is None else mined,
    )


def rematched(original: Image, matches: Mapping[int, int], *, mined: tuple[int, ...] | None = None) -> Image:
    """The same image with other boxes selected, as by other code; by default each match has three hardest negatives."""
    return replace(original, matches=dict(matches), mined=hardest(3 * len(matches), but=list(matches)) if mined is None else mined)


def loss_case(about: About, images: tuple[Image, ...], **rest: Any) -> LossCase:
    """A case on DEFAULT_BOXES; `rest` sets further fields of LossCase."""
    return LossCase(about, images, DEFAULT_BOXES, **rest)
