"""What the metrics compare: the detections and the ground truth of an image, in pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

THOUSANDTHS = 3  # decimals


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
        areas_px: (G,) square pixels, by which COCO tells small objects from large ones: of the object's outline, if that is known.
    """

    boxes_px: np.ndarray
    labels: np.ndarray
    left_out: np.ndarray
    areas_px: np.ndarray


def to_px(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Convert boxes (N, 4) from fractions to pixels of an image of `size`, width and height; float64."""
    return boxes.astype(np.float64) * (size * 2)


def to_fractions(boxes_px: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The inverse of `to_px`."""
    return boxes_px / (size * 2)


def from_xywh(bboxes: np.ndarray) -> np.ndarray:
    """Convert boxes (N, 4) from COCO's x, y, width and height to xyxy."""
    return np.concatenate([bboxes[:, :2], bboxes[:, :2] + bboxes[:, 2:]], axis=-1)


def to_xywh(boxes: np.ndarray) -> np.ndarray:
    """The inverse of `from_xywh`."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=-1)


def annotated_px(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Convert boxes (G, 4) from float32 fractions to pixels, float64, rounded to a thousandth of a pixel.

    Rounding gives back what was annotated, in whole pixels or hundredths, so that an overlap equal to a threshold is seen as such.
    """
    return np.round(to_px(boxes, size), THOUSANDTHS)


def box_areas(boxes_px: np.ndarray) -> np.ndarray:
    """Areas (G,) of boxes (G, 4)."""
    return np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=-1)


def check(detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], num_classes: int) -> None:
    """Raise ValueError unless every image has detections and ground truth, labels are in 1..C-1, and scores are finite."""
    if len(detections) != len(ground_truth):
        raise ValueError(f"detections of {len(detections)} images, ground truth of {len(ground_truth)}")
    for number, (found, truth) in enumerate(zip(detections, ground_truth, strict=True)):
        for labels in (found.labels, truth.labels):
            if np.any((labels < 1) | (labels >= num_classes)):
                raise ValueError(f"image {number}: labels {np.unique(labels)} are not all in 1..{num_classes - 1}")
        if not np.isfinite(found.scores).all():
            raise ValueError(f"image {number}: the scores are not all finite, so they cannot be put in order")
