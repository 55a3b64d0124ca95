"""What each detection and each ground-truth box of a dataset turns out to be."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tf_ssd.config import Metric


class Kind(IntEnum):
    """What a detection is: a hit, one of TIDE's kinds of false alarm, or left out of the metric."""

    HIT = 0
    CLASSIFICATION = 1
    LOCALIZATION = 2
    BOTH = 3
    DUPLICATE = 4
    BACKGROUND = 5
    LEFT_OUT = 6


FALSE_ALARMS = (Kind.CLASSIFICATION, Kind.LOCALIZATION, Kind.BOTH, Kind.DUPLICATE, Kind.BACKGROUND)


@dataclass(frozen=True, eq=False)
class JudgedDetections:
    """The N detections of all images, in the order of images and of rows in them.

    A kind does not depend on a threshold: detections with lower scores never change what one with a higher score is.

    Attributes:
        images: (N,) place of the image, from 0.
        boxes_px: (N, 4) float64, xyxy in pixels of its image.
        labels: (N,), 1..C-1.
        scores: (N,).
        kinds: (N,) int8, of `Kind`.
        ground_truth: (N,) row in `JudgedGroundTruth` of the box that the kind is about: what a hit finds, what a duplicate finds
            again, what a detection of the wrong class or place overlaps most, what makes it left out; -1 if there is none.
        ious: (N,) IoU with that box; 0 where there is none.
        by_score: (N,) all rows by falling score, equal ones in their order.
    """

    images: np.ndarray
    boxes_px: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    kinds: np.ndarray
    ground_truth: np.ndarray
    ious: np.ndarray
    by_score: np.ndarray

    @property
    def hits(self) -> np.ndarray:
        """(N,) bool, the true positives."""
        return self.kinds == Kind.HIT

    @property
    def counted(self) -> np.ndarray:
        """(N,) bool, true and false positives: all but those that are left out."""
        return self.kinds != Kind.LEFT_OUT

    @property
    def near_hits(self) -> np.ndarray:
        """(N,) bool, those that would find something with another class, or in a better place."""
        return np.isin(self.kinds, (Kind.CLASSIFICATION, Kind.LOCALIZATION))

    def in_order(self, kept: np.ndarray) -> np.ndarray:
        """(K,) rows of the detections `kept` (N,), by falling score."""
        return self.by_score[kept[self.by_score]]

    def above(self, threshold: float) -> np.ndarray:
        """(N,) bool, those that count and score more than the threshold."""
        return self.counted & (self.scores > threshold)


@dataclass(frozen=True, eq=False)
class JudgedGroundTruth:
    """The M ground-truth boxes of all images, in the order of images and of rows in them.

    Attributes:
        images: (M,) place of the image, from 0.
        boxes_px: (M, 4) float64, xyxy in pixels of its image.
        labels: (M,), 1..C-1.
        areas_px: (M,) square pixels, of the object's outline, if that is known.
        left_out: (M,) bool, neither found nor missed.
        found_by: (M,) row of the hit in `JudgedDetections`; UNMATCHED, -1, if there is none.
        found_scores: (M,) the score of that hit; minus infinity if there is none.
        missed: (M,) bool, what no detection found or came near: TIDE's misses. What is neither found nor missed is what a detection
            of the kinds classification or localization is about.
    """

    images: np.ndarray
    boxes_px: np.ndarray
    labels: np.ndarray
    areas_px: np.ndarray
    left_out: np.ndarray
    found_by: np.ndarray
    found_scores: np.ndarray
    missed: np.ndarray

    @property
    def counted(self) -> np.ndarray:
        """(M,) bool, what is to be found."""
        return ~self.left_out

    def found(self, threshold: float) -> np.ndarray:
        """(M,) bool, what is found by a detection that scores more than the threshold."""
        return self.found_scores > threshold

    def counts(self, num_classes: int) -> np.ndarray:
        """(C - 1,) how many boxes of each class are to be found."""
        return np.bincount(self.labels[self.counted], minlength=num_classes)[1:]


@dataclass(frozen=True, eq=False)
class Judged:
    """Detections and ground truth, judged by the rule of a metric at IoU 0.5; C classes, background included."""

    detections: JudgedDetections
    ground_truth: JudgedGroundTruth
    metric: Metric
    num_classes: int
