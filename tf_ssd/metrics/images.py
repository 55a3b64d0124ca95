"""What the metrics compare: the detections and the ground truth of an image, in pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ImageDetections:
    """The detections in one image.

    Attributes:
        boxes_px: (D, 4) float64, xyxy in pixels from the image's top left corner: pixel i reaches from i to i + 1.
        labels: (D,), 1..C-1.
        scores: (D,).
    """

    boxes_px: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class ImageGroundTruth:
    """The ground truth of one image.

    Attributes:
        boxes_px: (G, 4) float64, xyxy in pixels, as in `ImageDetections`.
        labels: (G,), 1..C-1.
        left_out: (G,) bool, rows that count neither when found nor when missed: VOC's `difficult`, COCO's `iscrowd`.
        crowd: (G,) bool, of these the boxes around an unknown number of objects: COCO's `iscrowd`.
        areas_px: (G,) square pixels, by which COCO tells small objects from large ones: of the object's outline, if that is known.
    """

    boxes_px: np.ndarray
    labels: np.ndarray
    left_out: np.ndarray
    crowd: np.ndarray
    areas_px: np.ndarray


def check(detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], num_classes: int) -> None:
    """Raise ValueError unless every image has detections and ground truth, labels are in 1..C-1, and scores are finite."""
    if len(detections) != len(ground_truth):
        raise ValueError(f"images: {len(detections)} with detections, {len(ground_truth)} with ground truth")
    for number, (found, truth) in enumerate(zip(detections, ground_truth, strict=True)):
        for labels in (found.labels, truth.labels):
            if np.any((labels < 1) | (labels >= num_classes)):
                raise ValueError(f"image {number}: labels {np.unique(labels)} are not all in 1..{num_classes - 1}")
        if not np.isfinite(found.scores).all():
            raise ValueError(f"image {number}: the scores are not all finite, so they cannot be put in order")
