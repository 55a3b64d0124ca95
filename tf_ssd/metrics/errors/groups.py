"""Average precision by the size of objects, and by how crowded their picture is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tf_ssd.boxes_px import area
from tf_ssd.metrics.errors.classes import average_precisions, mean_of_defined
from tf_ssd.metrics.errors.judged import Judged
from tf_ssd.metrics.matching import UNMATCHED
from tf_ssd.metrics.points import AVERAGES

# In square pixels. COCO counts an area of exactly 32 x 32 or 96 x 96 in both ranges; here it belongs to the larger one.
SIZES = (("small", 0, 32**2), ("medium", 32**2, 96**2), ("large", 96**2, np.inf))
CROWDS = (("1 object", 0, 2), ("2 to 4", 2, 5), ("5 to 9", 5, 10), ("10 or more", 10, np.inf))  # in the picture


@dataclass(frozen=True, eq=False)
class Group:
    """Some of the objects to be found.

    Attributes:
        name: which.
        low: of the group, in square pixels or in objects.
        high: beyond it; infinite for the last group.
        ground_truth: how many there are.
        ap: mean average precision at IoU 0.5 by the metric's points, over the classes with such objects; NaN if there are none.
        recall: share that is found at any score; NaN if there are none.
        recall_at_overall: share that is found at the best threshold of all classes together; NaN if there are none.
    """

    name: str
    low: float
    high: float
    ground_truth: int
    ap: float
    recall: float
    recall_at_overall: float


def by_size(judged: Judged, threshold: float) -> tuple[Group, ...]:
    """Small, medium and large objects, by COCO's bounds of 32 x 32 and 96 x 96 pixels of the picture.

    As in COCO, a hit belongs to the size of the object that it finds, by the area of its outline if that is known, and a false
    alarm to that of its own box.

    Args:
        judged: detections and ground truth.
        threshold: the best one, for `recall_at_overall`.
    """
    found, truth = judged.detections, judged.ground_truth
    sizes = area(found.boxes_px)  # (N,)
    hits = np.flatnonzero(found.hits)
    sizes[hits] = truth.areas_px[found.ground_truth[hits]]
    return tuple(_groups(judged, SIZES, sizes, truth.areas_px, threshold))


def by_crowding(judged: Judged, threshold: float) -> tuple[Group, ...]:
    """Objects by how many there are in their picture, of all classes, without those that are left out.

    A false alarm belongs to its picture; in a picture without objects, to the pictures with one. Arguments as for `by_size`.
    """
    found, truth = judged.detections, judged.ground_truth
    images = 1 + max(found.images.max(initial=-1), truth.images.max(initial=-1))
    objects = np.bincount(truth.images[truth.counted], minlength=images)  # (images,)
    return tuple(_groups(judged, CROWDS, objects[found.images], objects[truth.images], threshold))


def _groups(
    judged: Judged, ranges: Sequence[tuple[str, float, float]], values: np.ndarray, gt_values: np.ndarray, threshold: float
) -> Iterator[Group]:
    """A group for each range, by the values of detections (N,) and of ground truth (M,)."""
    found, truth = judged.detections, judged.ground_truth
    for name, low, high in ranges:
        inside = found.counted & (low <= values) & (values < high)
        objects = truth.counted & (low <= gt_values) & (gt_values < high)
        counts = np.bincount(truth.labels[objects], minlength=judged.num_classes)[1:]
        precisions = average_precisions(found.labels, found.in_order(inside), found.hits, counts, AVERAGES[judged.metric])
        recall, at_best = (
            float(chosen[objects].mean()) if objects.any() else np.nan
            for chosen in (truth.found_by != UNMATCHED, truth.found(threshold))
        )
        yield Group(name, low, high, int(objects.sum()), mean_of_defined(precisions), recall, at_best)
