"""An image that is decoded late: only the part that a window shows, and no finer than it is shown."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

Read = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class Source(NamedTuple):
    """Where pixels come from.

    Attributes:
        size_px: (2,) int32, width and height of the full image.
        read: from a part (4,) int32, xyxy in full pixels, and a reduction () int32, to the pixels (h, w, 3) of that part, its sides
            divided by the reduction and rounded up, uint8 or float32. The part's left and top are multiples of the reduction; its
            right and bottom are multiples too, or the image's.
        reductions: those that `read` can do, 1 first.
    """

    size_px: tf.Tensor
    read: Read
    reductions: tuple[int, ...]


class Part(NamedTuple):
    """The pixels of an image that a window shows.

    Attributes:
        pixels: (h, w, 3) uint8 or float32, RGB 0..255.
        corner: (2,) int32, x and y of the first pixel in the reduced image.
        reduction: () int32; pixel i along an axis of the reduced image covers i * reduction .. (i + 1) * reduction of the full one.
        is_window: () bool, whether the pixels are those of the window, no more and no less.
    """

    pixels: tf.Tensor
    corner: tf.Tensor
    reduction: tf.Tensor
    is_window: tf.Tensor


def image_size_px(image: tf.Tensor) -> tf.Tensor:
    """(width, height) of an image (H, W, 3) in pixels, (2,) int32."""
    return tf.shape(image)[1::-1]


def decoded(image: tf.Tensor) -> Source:
    """The source of an image (H, W, 3) that is decoded already; it is never reduced."""
    return Source(image_size_px(image), lambda part_px, _: _cut(image, part_px), (1,))


def read_window(source: Source, window_px: tf.Tensor, *, image_size: int) -> Part:
    """Read the part of the image that a window (4,) int32, xyxy, shows, to be resized to `image_size`.

    The window may reach beyond the image.
    """
    reduction = choose_reduction(window_px, reductions=source.reductions, image_size=image_size)
    low = tf.clip_by_value(window_px[:2], 0, source.size_px - 1)
    high = tf.clip_by_value(window_px[2:], low + 1, source.size_px)
    corner, end = low // reduction, -(-high // reduction)
    part_px = tf.concat([corner * reduction, tf.minimum(end * reduction, source.size_px)], axis=0)
    is_window = tf.reduce_all(tf.concat([part_px, end * reduction], axis=0) == tf.concat([window_px, window_px[2:]], axis=0))
    return Part(source.read(part_px, reduction), corner, reduction, is_window)


def choose_reduction(window_px: tf.Tensor, *, reductions: tuple[int, ...], image_size: int) -> tf.Tensor:
    """The largest reduction, () int32, that leaves a window (4,) at least `image_size` pixels on each of its sides; else 1."""
    ratio = tf.reduce_min(window_px[2:] - window_px[:2]) // image_size
    return tf.reduce_max(tf.where(ratio >= tf.constant(reductions), reductions, 1))


def _cut(image: tf.Tensor, part_px: tf.Tensor) -> tf.Tensor:
    left, top, right, bottom = tf.unstack(part_px)
    return image[top:bottom, left:right]
