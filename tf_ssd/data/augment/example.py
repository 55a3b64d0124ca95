"""One image with its ground truth, on its way through the augmentation."""

from typing import NamedTuple

import tensorflow as tf


class Example(NamedTuple):
    """One image and its G ground-truth rows, not padded.

    Attributes:
        image: (H, W, 3) uint8 or float32, RGB 0..255.
        boxes: (G, 4) float32, xyxy fractions.
        labels: (G,) int32.
        difficult: (G,) bool.
        crowd: (G,) bool.
    """

    image: tf.Tensor
    boxes: tf.Tensor
    labels: tf.Tensor
    difficult: tf.Tensor
    crowd: tf.Tensor


def keep_rows(example: Example, kept: tf.Tensor) -> Example:
    """The example with only the ground-truth rows where `kept` (G,) is true; every column follows."""
    rows = tf.where(kept)[:, 0]
    columns = {name: tf.gather(getattr(example, name), rows) for name in Example._fields if name != "image"}
    return example._replace(**columns)
