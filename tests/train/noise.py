"""Batches of pure noise, for tests of training steps."""

import numpy as np
import tensorflow as tf

from tf_ssd.data.batches.generator import Batch


def random_batch(random: np.random.Generator, images: int) -> Batch:
    """Pixels, and eight rows of ground truth an image: boxes of two classes, and padding."""
    pixels = random.uniform(0, 255, (images, 300, 300, 3)).astype(np.float32)
    corners = random.uniform(0, 0.5, (images, 8, 2))
    boxes = np.concatenate([corners, corners + random.uniform(0.1, 0.5, corners.shape)], axis=-1).astype(np.float32)
    labels = random.integers(0, 3, (images, 8)).astype(np.int32)
    nothing = np.zeros(labels.shape, bool)
    return Batch(*map(tf.constant, (pixels, boxes, labels, nothing, nothing, np.arange(images))))
