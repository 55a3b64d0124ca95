"""Geometric steps: expand, crop, resize and flip, on an image and its ground truth."""

from collections.abc import Callable

import tensorflow as tf

from tf_ssd import boxes as box_ops
from tf_ssd.config import AugmentConfig
from tf_ssd.data.augment.example import Example, keep_rows
from tf_ssd.data.augment.windows import centers_inside, draw_canvas, draw_crop, fractions, relative_to
from tf_ssd.data.images.source import image_size_px


def expand(example: Example, key: tf.Tensor, *, config: AugmentConfig) -> Example:
    """Place the image on a larger canvas of the colour `config.fill` at random (`windows.draw_canvas`); it becomes float32.

    Every row stays; its box becomes smaller as the image does.
    """
    size_px = image_size_px(example.image)
    canvas_px = draw_canvas(size_px, key, config=config)
    example = example._replace(image=_paste(example.image, canvas_px, fill=config.fill))
    return expand_rows(example, fractions(canvas_px, size_px))


def expand_rows(example: Example, canvas: tf.Tensor) -> Example:
    """The ground truth on a canvas (4,) xyxy, which is given as fractions of the image."""
    return example._replace(boxes=relative_to(example.boxes, canvas))


def crop(example: Example, key: tf.Tensor, *, config: AugmentConfig) -> Example:
    """Crop the image to a random window (`windows.draw_crop`).

    A row stays when the centre of its box lies in the window, and the box is clipped to it. At least one row stays where there are
    any; an image without rows is left whole.
    """
    size_px = image_size_px(example.image)
    window_px = draw_crop(example.boxes, size_px, key, config=config)
    left, top, right, bottom = tf.unstack(window_px)
    example = example._replace(image=example.image[top:bottom, left:right])
    return crop_rows(example, fractions(window_px, size_px))


def crop_rows(example: Example, window: tf.Tensor) -> Example:
    """The ground truth that stays in a window (4,) xyxy, which is given as fractions of the image."""
    example = keep_rows(example, centers_inside(example.boxes, window))
    return example._replace(boxes=box_ops.clip(relative_to(example.boxes, window)))


def resize(example: Example, *, image_size: int) -> Example:
    """Resize to (image_size, image_size, 3) float32: bilinear without antialiasing, without regard to the aspect ratio.

    This interpolation is OpenCV's default. Caffe SSD's published settings draw one of five interpolations for every training image.
    """
    return example._replace(image=tf.image.resize(example.image, (image_size, image_size)))


def flip_horizontal(example: Example, key: tf.Tensor, *, config: AugmentConfig) -> Example:
    """Mirror left and right with `config.flip_probability`."""
    return _flip(example, mirror_horizontal, key, config.flip_probability)


def flip_vertical(example: Example, key: tf.Tensor, *, config: AugmentConfig) -> Example:
    """Mirror top and bottom with `config.vertical_flip_probability`."""
    return _flip(example, mirror_vertical, key, config.vertical_flip_probability)


def mirror_horizontal(example: Example) -> Example:
    """Image and boxes, mirrored about the vertical centre line."""
    return example._replace(image=tf.reverse(example.image, axis=[1]), boxes=box_ops.flip_horizontal(example.boxes))


def mirror_vertical(example: Example) -> Example:
    """Image and boxes, mirrored about the horizontal centre line."""
    xmin, ymin, xmax, ymax = tf.unstack(example.boxes, axis=-1)
    boxes = tf.stack([xmin, 1 - ymax, xmax, 1 - ymin], axis=-1)
    return example._replace(image=tf.reverse(example.image, axis=[0]), boxes=boxes)


def _flip(example: Example, mirror: Callable[[Example], Example], key: tf.Tensor, probability: float) -> Example:
    if probability == 0:
        return example
    heads = tf.random.stateless_uniform((), key) < probability
    return tf.cond(heads, lambda: mirror(example), lambda: example)


def _paste(image: tf.Tensor, canvas_px: tf.Tensor, *, fill: tuple[float, float, float]) -> tf.Tensor:
    """The pixels of a canvas (4,): `fill`, and the image where it lies; float32."""
    left, top, right, bottom = tf.unstack(canvas_px)
    height, width = tf.unstack(tf.shape(image)[:2])
    margins = [[-top, bottom - height], [-left, right - width], [0, 0]]
    image = tf.cast(image, tf.float32)
    around = tf.pad(tf.zeros_like(image[..., :1]), margins, constant_values=1)
    return tf.pad(image, margins) + around * tf.constant(fill, tf.float32)
