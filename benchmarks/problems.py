"""Random problems for matching, loss and detection."""

from typing import NamedTuple

import numpy as np

from tf_ssd.config import COCO300


class Size(NamedTuple):
    """What a cost depends on: B images, G ground-truth rows of each, K default boxes, and C classes with background."""

    images: int = 32
    rows: int = 8
    boxes: int = COCO300.num_boxes
    classes: int = 21


def draw_problem(size: Size, seed: int) -> dict[str, np.ndarray]:
    """Random predictions, and ground-truth boxes of all sizes, fully inside the image."""
    rng = np.random.default_rng(seed)
    gt_boxes = draw_boxes(rng, size.images, size.rows, sides=(0.04, 0.7))
    return {
        "offsets": rng.standard_normal((size.images, size.boxes, 4), np.float32),
        "logits": rng.standard_normal((size.images, size.boxes, size.classes), np.float32),
        "gt_boxes": gt_boxes,
        "gt_labels": rng.integers(1, size.classes, (size.images, size.rows)).astype("int32"),
    }


def draw_boxes(rng: np.random.Generator, images: int, rows: int, *, sides: tuple[float, float]) -> np.ndarray:
    """(B, G, 4) float32, xyxy fractions inside the image; sides are log-uniform."""
    low, high = np.log(sides)
    size = np.exp(rng.uniform(low, high, (images, rows, 2)))
    corner = rng.uniform(0, 1, (images, rows, 2)) * (1 - size)
    return np.concatenate([corner, corner + size], axis=-1).astype("float32")
