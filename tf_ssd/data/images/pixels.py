"""A picture that is in memory as a source of its parts."""

import numpy as np
import tensorflow as tf
from PIL import Image

from tf_ssd.data.images.decode import REDUCTIONS
from tf_ssd.data.images.source import Source


def source_of(pixels: np.ndarray) -> Source:
    """A picture (H, W, 3) or (H, W) uint8 as a source of its parts; large ones are reduced, as they would be from a file.

    Raises:
        ValueError: the array is no picture.
    """
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3 or not pixels.size:
        raise ValueError(f"a picture is (H, W, 3) or (H, W) uint8, not {pixels.shape} {pixels.dtype}")

    def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
        left, top, right, bottom = part_px.numpy()
        part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
        return tf.constant(np.array(part.reduce(int(reduction)) if reduction > 1 else part))

    height, width, _ = pixels.shape
    return Source(tf.constant((width, height), tf.int32), read, REDUCTIONS)
