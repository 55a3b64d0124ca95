"""Objects that are too small for a network's input, in whole pictures and in their tiles."""

from typing import NamedTuple

import numpy as np

from tf_ssd.check.coverage import GroundTruth
from tf_ssd.config import DefaultBoxesConfig
from tf_ssd.config.tiles import MOST_TILES, OVERLAP
from tf_ssd.data.coverage import THRESHOLD
from tf_ssd.data.images.tiles import magnification
from tf_ssd.default_boxes import default_boxes

FEW = 0.01  # of the ground truth: to look at more tiles for them is not worth its time


class Small(NamedTuple):
    """Ground truth that is too small, wherever it lies: no default box can overlap it by `THRESHOLD`, for want of area.

    Attributes:
        side_px: of a square in the input that is just large enough.
        shares: of the ground truth, at 1, 2, 3, ... tiles along a side.
    """

    side_px: float
    shares: np.ndarray

    @property
    def tiles(self) -> int | None:
        """The least number of tiles along a side at which few objects are too small; None if there is none."""
        enough = np.flatnonzero(self.shares <= FEW)
        return int(enough[0]) + 1 if len(enough) else None


def too_small(truth: GroundTruth, config: DefaultBoxesConfig, *, overlap: float = OVERLAP) -> Small:
    """What is too small for the default boxes of `config`, in whole pictures and in N x N tiles that overlap.

    The IoU of two boxes is at most the ratio of their areas.
    """
    smallest = float(np.prod(default_boxes(config).numpy()[:, 2:], axis=-1).min())  # of the input's area
    least = np.sqrt(THRESHOLD * smallest)
    sides = truth.sides_px(1)  # (M,)
    shares = [np.mean(sides * magnification(count, overlap) < least) for count in range(1, MOST_TILES + 1)]
    return Small(float(least * config.image_size), np.array(shares))
