"""How well default boxes fit ground truth, by the overlap and the matching that training uses.

Images are taken as they are, resized to a square: augmentation enlarges and shrinks objects about that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_ssd.boxes_px import to_fractions
from tf_ssd.check.survey import Survey
from tf_ssd.config import DefaultBoxesConfig
from tf_ssd.data.coverage import THRESHOLD, best_ious, side_groups, sides_px
from tf_ssd.default_boxes import default_boxes
from tf_ssd.matcher import BACKGROUND, match

IMAGES_AT_A_TIME = 16
FEWEST_ROWS, MOST_ROWS = 8, 2048  # of an image, of all at a time
ASPECTS = (1 / 3, 2 / 3, 3 / 2, 3.0)


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The M boxes of N images that training matches: all but crowds.

    Attributes:
        boxes: (M, 4) float32, xyxy fractions.
        counts: (N,) int, boxes in each image; at least 1, as images without boxes have nothing to be covered.
    """

    boxes: np.ndarray
    counts: np.ndarray

    def sides_px(self, image_size: int) -> np.ndarray:
        """Square root of the area (M,) in pixels of the network's input."""
        return sides_px(self.boxes, image_size)

    def aspects(self) -> np.ndarray:
        """Width over height (M,) in the network's input, which is square whatever the image is."""
        width, height = (self.boxes[:, 2:] - self.boxes[:, :2]).T
        return width / height


@dataclass(frozen=True, eq=False)
class Coverage:
    """The fit of one set of default boxes.

    Attributes:
        config: the default boxes.
        best_iou: (M,) float32, of each ground truth with any default box.
        positives: (N,) int, default boxes that each image's matching makes positive.
    """

    config: DefaultBoxesConfig
    best_iou: np.ndarray
    positives: np.ndarray

    @property
    def covered(self) -> np.ndarray:
        """Which ground truth (M,) has a default box at the threshold; the others have only the one they claim."""
        return self.best_iou >= THRESHOLD


class Group(NamedTuple):
    """Ground truth of like size or shape: its name, number, median best IoU, and share without a default box at the threshold."""

    name: str
    boxes: int
    median_iou: float
    uncovered: float


def ground_truth(survey: Survey) -> GroundTruth:
    """What training would match in a split."""
    sizes = survey.box_sizes[survey.image]  # (M, 2)
    kept = ~survey.crowd & np.all(sizes > 0, axis=-1)  # without a size nobody knows what an image's input would show
    counts = np.bincount(survey.image[kept], minlength=len(survey.names))
    return GroundTruth(to_fractions(survey.boxes_px[kept], sizes[kept]), counts[counts > 0])


def measure(truth: GroundTruth, config: DefaultBoxesConfig) -> Coverage:
    """The fit of the default boxes of `config`."""
    return Coverage(config, best_ious(truth.boxes, config), _positives(truth, config))


def by_side(truth: GroundTruth, coverage: Coverage) -> list[Group]:
    """Groups by the side of a square of the same area, smallest first."""
    size = coverage.config.image_size
    names, number = side_groups(truth.sides_px(size), size)
    return _groups([f"{name} px" for name in names], number, coverage)


def by_aspect(truth: GroundTruth, coverage: Coverage) -> list[Group]:
    """Groups by width over height, tallest first."""
    names = ["taller than 3:1", "up to 3:1 tall", "about square", "up to 3:1 wide", "wider than 3:1"]
    return _groups(names, np.digitize(truth.aspects(), ASPECTS), coverage)


def _groups(names: list[str], number: np.ndarray, coverage: Coverage) -> list[Group]:
    groups = []
    for position, name in enumerate(names):
        best = coverage.best_iou[number == position]
        if len(best):
            groups.append(Group(name, len(best), float(np.median(best)), float(np.mean(best < THRESHOLD))))
    return groups


def _positives(truth: GroundTruth, config: DefaultBoxesConfig) -> np.ndarray:
    """Default boxes that the matching makes positive in each image (N,)."""
    defaults = default_boxes(config)
    positives = np.zeros(len(truth.counts), np.int64)
    first = np.concatenate([[0], np.cumsum(truth.counts)])
    order = np.argsort(truth.counts, kind="stable")  # images of like numbers together, so that there is little padding
    for part, shape in batches(truth.counts[order]):
        images = order[part]
        boxes, labels = np.zeros((*shape, 4), np.float32), np.zeros(shape, np.int32)
        for place, image in enumerate(images):
            boxes[place, : truth.counts[image]] = truth.boxes[first[image] : first[image + 1]]
            labels[place, : truth.counts[image]] = 1
        positives[images] = _count(boxes, labels, defaults).numpy()[: len(images)]
    return positives


def batches(counts: np.ndarray) -> Iterator[tuple[slice, tuple[int, int]]]:
    """Parts of the images, whose `counts` (N,) ascend, and for each how many images of how many rows hold it.

    There are few of these shapes, because XLA compiles each, and few images at a time where one has many rows.
    """
    start = 0
    while start < len(counts):
        size = IMAGES_AT_A_TIME
        while True:
            part = slice(start, start + size)
            rows = max(FEWEST_ROWS, 1 << int(counts[part].max() - 1).bit_length())
            if size == 1 or size * rows <= MOST_ROWS:
                break
            size //= 2
        yield part, (size, rows)
        start += size


@tf.function(jit_compile=True, reduce_retracing=False, autograph=False)
def _count(boxes: tf.Tensor, labels: tf.Tensor, defaults: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(match(boxes, labels, defaults, threshold=THRESHOLD) != BACKGROUND, tf.int32), axis=-1)
