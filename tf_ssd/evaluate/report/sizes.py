"""Objects by their size: how many, how many are found, and how many a default box fits."""

from typing import Any

import numpy as np

from tf_ssd.boxes_px import to_fractions
from tf_ssd.config import DefaultBoxesConfig
from tf_ssd.data.coverage import THRESHOLD, best_ious, side_groups, sides_px
from tf_ssd.evaluate.report.thresholds import above
from tf_ssd.metrics.errors import JudgedGroundTruth


def by_size(
    truth: JudgedGroundTruth, passes: np.ndarray, count: int, image_sizes: np.ndarray | None, boxes: DefaultBoxesConfig | None
) -> dict[str, Any]:
    """Groups of objects by the side of a square of their area.

    Args:
        truth: the M objects; those that are left out do not count.
        passes: (M,) how many of the page's thresholds the detection that finds each of them exceeds.
        count: of thresholds, S.
        image_sizes: (images, 2) width and height of each image; 0 if it is not known. None if no image's is.
        boxes: the network's default boxes; None if there is no network.

    Returns:
        "names" and "objects" of the G groups; "found", (G, S) how many at each threshold; "covered", the share whose IoU with a
        default box is 0.5 or more, None for an empty group; "unit" of the sides: pixels of the network's input, or, without a
        network or the images' sizes, of the pictures, and then "covered" is None.
    """
    kept = truth.counted
    if boxes is None or image_sizes is None:
        names, group = side_groups(np.sqrt(truth.areas_px), np.inf)
        covered = None
    else:
        sizes = image_sizes[truth.images]  # (M, 2)
        kept = kept & np.all(sizes > 0, axis=1)
        fractions = to_fractions(truth.boxes_px, np.maximum(sizes, 1))  # (M, 4)
        names, group = side_groups(sides_px(fractions, boxes.image_size), boxes.image_size)
        covered = best_ious(fractions, boxes) >= THRESHOLD
    objects = np.bincount(group[kept], minlength=len(names))
    return {
        "names": names,
        "objects": objects.tolist(),
        "found": above(passes[kept], group[kept], (len(names), count)).tolist(),
        "covered": None if covered is None else _shares(covered[kept], group[kept], len(names)),
        "unit": "pixels of the picture" if covered is None else "pixels of the network's input",
    }


def _shares(chosen: np.ndarray, group: np.ndarray, groups: int) -> list[float | None]:
    """The share of each group that is chosen; None for an empty one."""
    counts, hits = np.bincount(group, minlength=groups), np.bincount(group[chosen], minlength=groups)
    return [hit / count if count else None for hit, count in zip(hits.tolist(), counts.tolist(), strict=True)]
