"""What the pictures of a case show, as plain numbers: the image plane, and a value for each default box."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Image, LossCase
from tf_ssd.audit.cases.ledger import Expected, cross_entropies, expected, smooth_l1s
from tf_ssd.audit.reports.names import short_names
from tf_ssd.audit.run import Row

LEFT, RIGHT = -0.15, 1.15  # edges of the plane that is drawn, in image sides; what reaches beyond is named, not drawn
SIDE = 200  # units of the drawing per image side


@dataclass(frozen=True)
class Box:
    """A rectangle in units of the drawing; `kind` is "truth", "matched" or "mined"."""

    kind: str
    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One default box: its box loss and its class loss as shares of the largest sum of both, and the two numbers in words."""

    box: int
    boxes: float
    classes: float
    words: str


@dataclass(frozen=True)
class Strip:
    """One implementation's gradient of every default box, as a share of the steepest of all; None where it is not finite."""

    name: str
    shares: tuple[float | None, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """All that is drawn of one image.

    `beyond` names ground truth that is not finite or reaches beyond the plane; `strips` are the gradients by kind of prediction.
    """

    number: int
    rectangles: tuple[Box, ...]
    beyond: tuple[str, ...]
    bars: tuple[Bar, ...]
    strips: dict[str, tuple[Strip, ...]]


def pictures(case: LossCase, rows: dict[str, Row]) -> Iterator[Picture]:
    """The pictures of a case, image by image, with the gradients of all implementations that gave them."""
    given: dict[str, Answer | Expected] = {} if case.loud else {"expected": expected(case)}
    given |= {short_names(rows)[name]: row.answer for name, row in rows.items()}
    slopes = {
        "logits": {name: of.logits_gradient for name, of in given.items() if of.logits_gradient is not None},
        "offsets": {name: of.offsets_gradient for name, of in given.items() if of.offsets_gradient is not None},
    }
    for number, image in enumerate(case.images):
        strips = {kind: _strips({name: slope[number] for name, slope in named.items()}) for kind, named in slopes.items() if named}
        drawn, beyond = _truth(image)
        yield Picture(number, (*_default_boxes(case, image), *drawn), beyond, _bars(case, image), strips)


def _truth(image: Image) -> tuple[tuple[Box, ...], tuple[str, ...]]:
    drawn, beyond = [], []
    for row, (label, corners) in enumerate(zip(image.gt_labels, image.gt_boxes, strict=True)):
        listed = ", ".join(f"{corner:.6g}" for corner in corners)
        name = f"{'padding' if label == 0 else 'object'}, row {row}, label {label}: ({listed})"
        inside = np.all(np.isfinite(corners)) and np.all(np.clip(corners, LEFT, RIGHT) == corners)
        if inside:
            drawn.append(_box("truth", name, corners))
        else:
            beyond.append(name)
    return tuple(drawn), tuple(beyond)


def _default_boxes(case: LossCase, image: Image) -> Iterator[Box]:
    for kind, numbers in (("mined", image.mined), ("matched", tuple(image.matches))):
        for number in sorted(numbers, key=lambda box: -case.default_boxes[box, 2]):
            x, y, width, height = case.default_boxes[number]
            to = f", row {image.matches[number]}" if kind == "matched" else ""
            corners = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
            yield _box(kind, f"default box {number}, {kind}{to}", corners)


def _box(kind: str, name: str, corners: np.ndarray) -> Box:
    """A rectangle from corners in fractions, whichever way round they are; a flat one stays visible as a line."""
    low, high = np.minimum(corners[:2], corners[2:]) * SIDE, np.maximum(corners[:2], corners[2:]) * SIDE
    x, y, width, height = np.round([*low, *(high - low)], 2).tolist()
    return Box(kind, name, x, y, max(width, 0.01), max(height, 0.01))


def _bars(case: LossCase, image: Image) -> tuple[Bar, ...]:
    boxes, classes = smooth_l1s(image, case.default_boxes), np.nan_to_num(cross_entropies(image, scores=case.scores))
    boxes = np.nan_to_num(boxes)
    most = max((boxes + classes).max(), 1e-300)
    return tuple(
        Bar(number, float(box / most), float(entropy / most), f"default box {number}: box loss {box:.5g}, class loss {entropy:.5g}")
        for number, (box, entropy) in enumerate(zip(boxes, classes, strict=True))
    )


def _strips(slopes: dict[str, np.ndarray]) -> tuple[Strip, ...]:
    """A strip for each implementation, from its gradients (K, n): the largest of each default box."""
    finite = [np.abs(slope[np.isfinite(slope)]).max(initial=0) for slope in slopes.values()]
    most = max([*finite, 1e-300])
    strips = []
    for name, slope in slopes.items():
        steepest = [float(np.abs(row).max()) if np.all(np.isfinite(row)) else None for row in slope]
        shares = tuple(None if value is None else value / most for value in steepest)
        words = tuple(f"box {box}: " + " ".join(f"{number:.4g}" for number in row) for box, row in enumerate(slope))
        strips.append(Strip(name, shares, words))
    return tuple(strips)
