"""How well default boxes fit ground truth by their overlap, and groups of objects of like size."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import tensorflow as tf

from tf_ssd import boxes as box_ops
from tf_ssd.config import DefaultBoxesConfig
from tf_ssd.default_boxes import default_boxes

THRESHOLD = 0.5
BOXES_AT_A_TIME = 128
SIDES_PX = (16, 32, 64, 128, 256)  # borders between groups, up to half the side of the input


def best_ious(boxes: np.ndarray, config: DefaultBoxesConfig) -> np.ndarray:
    """The highest IoU (M,) of each of `boxes` (M, 4), xyxy fractions, with any default box."""
    defaults = box_ops.to_xyxy(default_boxes(config))  # (K, 4)
    best = [_best(part, defaults)[: len(part)] for part in _parts(boxes)]
    return np.concatenate([np.zeros(0, np.float32), *best])[: len(boxes)]


def sides_px(boxes: np.ndarray, image_size: int) -> np.ndarray:
    """Square root of the area (M,) of `boxes` (M, 4), xyxy fractions, in pixels of the network's input."""
    return np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1)) * image_size


def side_groups(sides: np.ndarray, image_size: float) -> tuple[list[str], np.ndarray]:
    """Names of groups of sides in pixels of images of `image_size`, and the group of each of `sides` (M,)."""
    borders = [side for side in SIDES_PX if side <= image_size / 2]
    names = [f"below {borders[0]}", *(f"{low} to {high}" for low, high in pairwise(borders)), f"from {borders[-1]}"]
    return names, np.digitize(sides, borders)


def _parts(boxes: np.ndarray) -> Iterator[np.ndarray]:
    """The boxes, BOXES_AT_A_TIME at a time, the last part filled up with zeros."""
    for start in range(0, len(boxes), BOXES_AT_A_TIME):
        part = boxes[start : start + BOXES_AT_A_TIME]
        yield np.pad(part, [(0, BOXES_AT_A_TIME - len(part)), (0, 0)])


@tf.function(jit_compile=True, reduce_retracing=False, autograph=False)
def _best(boxes: tf.Tensor, defaults: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(box_ops.iou(boxes, defaults), axis=-1)
