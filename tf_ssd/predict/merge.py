"""What was found in overlapping windows of one picture, merged so that each object comes once; NumPy only.

1. A box is *cut* if it comes closer to an edge of its window than `EDGE` of the window's side, unless that is one of the picture:
   the object may go on beyond it.
2. Detections are ranked by score, where that of a cut one counts half.
3. Two of them are compared within what both could show: if one is cut, the other is clipped to its window first. What a tile shows
   of an object so has an IoU of 1 with the box of the whole object, however little it is.
4. From the best on, a detection is dropped if a better one that stays, of its class and another window, overlaps it by more than
   the threshold of suppression. Those of one window have been through suppression together.

Nothing is averaged, and no box enlarged: what stays is a detection as some window had it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf_ssd.boxes_px import Size, intersection, iou
from tf_ssd.metrics import ImageDetections

EDGE = 0.03
CUT_COUNTS = 0.5


class Rows(NamedTuple):
    """All detections, the best first.

    Attributes:
        boxes_px: (D, 4), in pixels of the picture.
        frames_px: (D, 4), what the box would show of a larger one: its window if it is cut, else all of the picture.
        labels, scores: (D,).
        window: (D,) int, the number of its window.
    """

    boxes_px: np.ndarray
    frames_px: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    window: np.ndarray


def merged(
    found: Sequence[ImageDetections], windows_px: np.ndarray, *, size: Size, iou_threshold: float, class_agnostic: bool
) -> ImageDetections:
    """The detections of all windows, each object once, best first.

    Args:
        found: in each of W windows, boxes in pixels of the picture.
        windows_px: (W, 4), xyxy.
        size: width and height of the picture.
        iou_threshold: the largest overlap of two detections.
        class_agnostic: whether those of different classes are compared as well.
    """
    rows = _ranked(found, windows_px, size)
    better, worse = _rivals(rows, windows_px, iou_threshold=iou_threshold, class_agnostic=class_agnostic)
    kept = np.flatnonzero(_survivors(better, worse, len(rows.scores)))
    best = kept[np.argsort(-rows.scores[kept], kind="stable")]
    return ImageDetections(rows.boxes_px[best], rows.labels[best], rows.scores[best])


def is_cut(boxes_px: np.ndarray, windows_px: np.ndarray, size: Size) -> np.ndarray:
    """Whether boxes (D, 4) end at an edge of their windows (D, 4) that is inside a picture of `size`: (D,) bool."""
    near = EDGE * np.tile(windows_px[:, 2:] - windows_px[:, :2], 2)  # (D, 4)
    inner = windows_px != [0, 0, *size]
    return np.any(inner & (np.abs(boxes_px - windows_px) < near), axis=-1)


def _ranked(found: Sequence[ImageDetections], windows_px: np.ndarray, size: Size) -> Rows:
    window = np.repeat(np.arange(len(found)), [len(one.labels) for one in found])
    boxes_px = np.concatenate([one.boxes_px for one in found])
    scores = np.concatenate([one.scores for one in found])
    cut = is_cut(boxes_px, windows_px[window], size)
    frames_px = np.where(cut[:, None], windows_px[window], [0, 0, *size])
    order = np.argsort(-np.where(cut, CUT_COUNTS * scores, scores), kind="stable")
    columns = (boxes_px, frames_px, np.concatenate([one.labels for one in found]), scores, window)
    return Rows(*(column[order] for column in columns))


def _rivals(rows: Rows, windows_px: np.ndarray, *, iou_threshold: float, class_agnostic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows that do not stay together: the better and the worse of each."""
    members = [np.flatnonzero(rows.window == number) for number in range(len(windows_px))]
    pairs = [np.zeros((2, 0), int)]
    for one, other in np.argwhere(np.triu(intersection(windows_px, windows_px) > 0, 1)):
        first, second = (_touching(rows, members[a], windows_px[b]) for a, b in ((one, other), (other, one)))
        alike = class_agnostic | (rows.labels[first][:, None] == rows.labels[second])
        a, b = np.nonzero((_overlaps(rows, first, second) > iou_threshold) & alike)
        pairs.append(np.stack([first[a], second[b]]))
    both = np.concatenate(pairs, axis=1)
    return both.min(axis=0), both.max(axis=0)


def _touching(rows: Rows, members: np.ndarray, window_px: np.ndarray) -> np.ndarray:
    """Those of the rows that reach into a window."""
    return members[intersection(rows.boxes_px[members], window_px[None])[:, 0] > 0]


def _overlaps(rows: Rows, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU (n, m) of rows (n,) and (m,), each clipped to the frame of the other."""
    a = _clipped(rows.boxes_px[first][:, None], rows.frames_px[second])  # (n, m, 4)
    b = _clipped(rows.boxes_px[second], rows.frames_px[first][:, None])
    return iou(a[:, :, None], b[:, :, None])[..., 0, 0]


def _clipped(boxes_px: np.ndarray, frames_px: np.ndarray) -> np.ndarray:
    """Boxes within frames; what lies outside has no area."""
    low = np.maximum(boxes_px[..., :2], frames_px[..., :2])
    return np.concatenate([low, np.minimum(boxes_px[..., 2:], frames_px[..., 2:])], axis=-1)


def _survivors(better: np.ndarray, worse: np.ndarray, number: int) -> np.ndarray:
    """Which of `number` rows (number,) no better survivor drops; found in rounds, as in `detect.nms`."""
    kept = np.ones(number, bool)
    while True:
        survivors = np.ones(number, bool)
        survivors[worse[kept[better]]] = False
        if np.array_equal(survivors, kept):
            return kept
        kept = survivors
