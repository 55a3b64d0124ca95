"""Training augmentation of SSD in TensorFlow graph operations, one example at a time.

The steps in Caffe SSD's order are `photometric.distort` and, of `geometry`, `expand`, `crop`, `resize`, `flip_horizontal` and
`flip_vertical`. Each is a function of an example and of a key alone, (2,) integers for `tf.random.stateless_*`, and can be used
alone. `augment` does what they do one after another, faster.
"""

from typing import NamedTuple

import tensorflow as tf

from tf_ssd.config import AugmentConfig
from tf_ssd.data.augment.example import Example, image_size_px
from tf_ssd.data.augment.geometry import crop_rows, expand_rows, flip_horizontal, flip_vertical
from tf_ssd.data.augment.photometric import distort_channels, draw_distortion
from tf_ssd.data.augment.render import compose, resample
from tf_ssd.data.augment.windows import draw_canvas, draw_crop, fractions

__all__ = ["Example", "StepKeys", "augment", "step_keys"]


class StepKeys(NamedTuple):
    """A key (2,) for each random step."""

    distort: tf.Tensor
    expand: tf.Tensor
    crop: tf.Tensor
    flip_horizontal: tf.Tensor
    flip_vertical: tf.Tensor


def step_keys(key: tf.Tensor) -> StepKeys:
    """The keys that `augment` derives from its own, one for each step."""
    return StepKeys(*tf.unstack(tf.random.split(key, len(StepKeys._fields))))


def augment(example: Example, key: tf.Tensor, *, config: AugmentConfig, image_size: int) -> Example:
    """All steps: distorted colours, expansion, crop, resize and flips.

    Expansion and crop only choose a window of the image. It is resampled once, to its final size; then the colours of the pixels
    that survived are distorted, and the canvas is laid under them. The ground truth is the same, to the bit, as by the steps one
    after another. So are the pixels, to rounding, unless colours are distorted in a way that is not linear (by saturation, by hue,
    or where a value saturates): then they differ at edges within the image, where the steps mix two distorted colours and this
    function distorts the mixture of the two.

    Args:
        example: one example; without rows it passes through every step, but is not cropped.
        key: (2,) integers; what comes out is a function of it, of the example and of the configuration.
        config: ranges and probabilities.
        image_size: S.

    Returns:
        The example with an image (S, S, 3) float32, RGB 0..255, and the rows that are still shown, their boxes inside the image.
    """
    keys = step_keys(key)
    size_px = image_size_px(example.image)
    canvas_px = draw_canvas(size_px, keys.expand, config=config)
    canvas_size_px = canvas_px[2:] - canvas_px[:2]
    example = expand_rows(example, fractions(canvas_px, size_px))
    crop_px = draw_crop(example.boxes, canvas_size_px, keys.crop, config=config)
    example = crop_rows(example, fractions(crop_px, canvas_size_px))

    rendering = resample(example.image, crop_px + tf.tile(canvas_px[:2], [2]), image_size=image_size)
    distortion = draw_distortion(keys.distort, config=config)
    rendering = rendering._replace(channels=distort_channels(rendering.channels, distortion))
    image = tf.ensure_shape(compose(rendering, fill=config.fill), (image_size, image_size, 3))
    example = flip_horizontal(example._replace(image=image), keys.flip_horizontal, config=config)
    return flip_vertical(example, keys.flip_vertical, config=config)
