"""Parts of a picture that is in memory, resized for a network."""

import numpy as np
import tensorflow as tf
from PIL import Image

from tf_ssd.data.images.decode import REDUCTIONS
from tf_ssd.data.images.source import Source
from tf_ssd.data.images.tiles import tile_reduction


def in_colour(pixels: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) or (H, W) uint8 as (H, W, 3); raises ValueError if the array is no picture."""
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3 or not pixels.size:
        raise ValueError(f"a picture is (H, W, 3) or (H, W) uint8, not {pixels.shape} {pixels.dtype}")
    return pixels


def source_of(pixels: np.ndarray) -> Source:
    """A picture (H, W, 3) uint8 as a source of its parts; large ones are reduced, as they would be from a file."""

    def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
        left, top, right, bottom = part_px.numpy()
        return tf.constant(_reduced(pixels[top:bottom, left:right], int(reduction)))

    height, width, _ = pixels.shape
    return Source(tf.constant((width, height), tf.int32), read, REDUCTIONS)


def resized_tiles(pixels: np.ndarray, tiles_px: np.ndarray, *, image_size: int) -> tf.Tensor:
    """Tiles (T, 4), of `tiles_of`, of a picture (H, W, 3) uint8: (T, S, S, 3) float32, to the bit as pictures of their own."""
    reduction = tile_reduction(tiles_px[0, 2:] - tiles_px[0, :2], image_size)
    parts = [_reduced(pixels[top:bottom, left:right], reduction) for left, top, right, bottom in tiles_px]
    return tf.image.resize(np.stack(parts), (image_size, image_size))


def _reduced(pixels: np.ndarray, reduction: int) -> np.ndarray:
    """Each cell's mean."""
    if reduction == 1:
        return pixels
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).reduce(reduction))
