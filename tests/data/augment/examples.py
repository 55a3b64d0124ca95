"""Images with boxes, for tests of augmentation."""

from typing import Any

import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from tf_ssd.data.augment.example import Example

seeds = st.integers(0, 2**31 - 1)


@st.composite
def examples(draw: Any, *, most: int = 5) -> Example:
    """Images of noise from 1 x 1 to 40 x 40 with up to `most` boxes of all sizes, some as large as the image."""
    rng = np.random.default_rng(draw(seeds))
    width, height, count = draw(st.integers(1, 40)), draw(st.integers(1, 40)), draw(st.integers(0, most))
    size = np.exp(rng.uniform(np.log(0.01), 0, (count, 2)))
    size[rng.random(count) < 0.2] = 1
    corner = rng.uniform(0, 1, (count, 2)) * (1 - size)
    boxes = np.concatenate([corner, corner + size], axis=1).clip(0, 1)
    return numbered(rng.integers(0, 256, (height, width, 3), np.uint8), boxes)


def numbered(image: np.ndarray, boxes: np.ndarray) -> Example:
    """Labels count from 1, so that they tell which rows are left, and the other columns follow from them."""
    labels = tf.range(1, len(boxes) + 1)
    return Example(tf.constant(image), tf.constant(boxes, tf.float32, (len(boxes), 4)), labels, labels % 2 == 0, labels % 3 == 0)
