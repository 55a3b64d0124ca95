"""Detections and ground truth for tests of the metrics."""

import numpy as np

from tf_ssd.boxes_px import area
from tf_ssd.metrics.errors.judging import judge
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth


def at(column, row=0):
    """A square with side 10; no two of them touch."""
    return (20 * column, 20 * row, 20 * column + 10, 20 * row + 10)


def part(share, column, row=0):
    """The left part of such a square, whose IoU with it is `share`."""
    left, top, _, bottom = at(column, row)
    return (left, top, left + 10 * share, bottom)


def detected(*rows):
    """From (box, label, score)."""
    boxes, labels, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return ImageDetections(np.reshape(boxes, (-1, 4)).astype(float), np.array(labels, int), np.array(scores, np.float32))


def truth(*rows, left_out=(), crowd=()):
    """From (box, label); the others list row numbers."""
    boxes, labels = zip(*rows, strict=True) if rows else ((), ())
    boxes_px, numbers = np.reshape(boxes, (-1, 4)).astype(float), np.arange(len(rows))
    return ImageGroundTruth(boxes_px, np.array(labels, int), np.isin(numbers, left_out), np.isin(numbers, crowd), area(boxes_px))


def judged(detections, ground_truth, *, num_classes=3, metric="voc12"):
    return judge(detections, ground_truth, num_classes=num_classes, metric=metric)


def random_scene(seed, *, images=15, classes=3, crowds=False, difficult=False, anywhere=12):
    """Detections near ground truth, some of another class, and up to `anywhere` elsewhere, of class 1. All scores differ."""
    random = np.random.default_rng(seed)
    detections, ground_truth = [], []
    for image in range(images):
        rows, other = random.integers(1, 9), random.integers(0, anywhere)
        low, sides = random.uniform(0, 300, (rows, 2)), np.exp(random.uniform(2, 5, (rows, 2)))
        boxes, labels, chance = np.hstack([low, low + sides]), random.integers(1, classes + 1, rows), random.random(rows)
        labels[0] = image % classes + 1
        crowd = (chance < 0.15) & crowds & (np.arange(rows) > 0)
        hard = (chance > 0.85) & difficult & (np.arange(rows) > 0)
        ground_truth.append(ImageGroundTruth(boxes, labels, crowd | hard, crowd, area(boxes)))
        near = np.repeat(boxes, 3, axis=0) + random.normal(0, 0.15, (3 * rows, 4)) * np.tile(np.repeat(sides, 3, axis=0), 2)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2])
        near_labels = np.where(random.random(3 * rows) < 0.7, np.repeat(labels, 3), random.integers(1, classes + 1, 3 * rows))
        seen = np.repeat(random.random(rows) < 0.8, 3)
        near, near_labels = near[seen], near_labels[seen]
        far = random.uniform(0, 300, (other, 2))
        found = np.vstack([near, np.hstack([far, far + random.uniform(1, 90, (other, 2))])])
        found_labels = np.concatenate([near_labels, np.ones(other, int)])
        detections.append(ImageDetections(found, found_labels, random.permutation(len(found)) / 1000 + (image + 1) / 1e5))
    return detections, ground_truth
