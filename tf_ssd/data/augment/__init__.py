"""Training augmentation of SSD in TensorFlow graph operations, one example at a time.

The steps in Caffe SSD's order are `photometric.distort` and, of `geometry`, `expand`, `crop`, `resize`, `flip_horizontal` and
`flip_vertical`. The result of a step depends only on an example and a key, (2,) integers for `tf.random.stateless_*`; each step can
be used by itself. `augment` does what all steps do one after another, but faster. `augment_encoded` does the same to an image that
is not decoded yet, and decodes only the part that is shown. Steps that a configuration switches off are left out of the graph.
"""

from typing import NamedTuple

import tensorflow as tf

from tf_ssd.config import AugmentConfig
from tf_ssd.data.augment.example import Example
from tf_ssd.data.augment.geometry import crop_rows, expand_rows, flip_horizontal, flip_vertical
from tf_ssd.data.augment.photometric import distort_channels, distorts, draw_distortion
from tf_ssd.data.augment.windows import crops, draw_canvas, draw_crop, expands, fractions, whole
from tf_ssd.data.images.decode import REDUCTIONS
from tf_ssd.data.images.resize import compose, resample, resize_window
from tf_ssd.data.images.source import Read, Source, decoded

__all__ = ["Example", "StepKeys", "augment", "augment_encoded", "resize_encoded", "step_keys"]


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
    that are shown are distorted, and the canvas is laid under them. The ground truth is the same, to the bit, as by the steps one
    after another. The pixels are the same up to rounding, unless colours are distorted in a way that is not linear (by saturation,
    by hue, or where a value saturates): then they differ at edges within the image, where the steps mix two distorted colours and
    this function distorts the mixture of the two.

    Args:
        example: one example; without rows it passes through every step, but is not cropped.
        key: (2,) integers; what comes out is a function of it, of the example and of the configuration.
        config: ranges and probabilities.
        image_size: S.

    Returns:
        The example with an image (S, S, 3) float32, RGB 0..255, and the rows that are still shown, their boxes inside the image.
    """
    return _augment(example, decoded(example.image), key, config=config, image_size=image_size)


def augment_encoded(
    example: Example,
    size_px: tf.Tensor,
    read: Read,
    key: tf.Tensor,
    *,
    config: AugmentConfig,
    image_size: int,
    reductions: tuple[int, ...] = REDUCTIONS,
) -> Example:
    """All steps of `augment` on an image of which only the part that is shown is decoded.

    The result is that of `augment`, to the bit, unless the window that is shown has at least 2 S pixels on each side: then it is
    read at 1/2 of its scale, from 4 S on at 1/4, from 8 S on at 1/8. Each pixel is then a mean that includes pixels which `augment`
    would skip, so that large images are shown with less aliasing.

    Args:
        example: the ground truth; its image is not looked at.
        size_px: (2,) int32, width and height of the full image.
        read: the function that decodes a part of the image (`source.Source`).
        key: as for `augment`.
        config: as for `augment`.
        image_size: S.
        reductions: the scales that may be chosen, 1 first; (1,) for the pixels of `augment` at any size.

    Returns:
        As `augment`.
    """
    return _augment(example, Source(size_px, read, reductions), key, config=config, image_size=image_size)


def resize_encoded(
    example: Example, size_px: tf.Tensor, read: Read, *, image_size: int, reductions: tuple[int, ...] = REDUCTIONS
) -> Example:
    """The whole image resized to (S, S, 3) float32, without regard to its aspect ratio; arguments as for `augment_encoded`."""
    image = resize_window(Source(size_px, read, reductions), whole(size_px), image_size=image_size)
    return example._replace(image=tf.ensure_shape(image, (image_size, image_size, 3)))


def _augment(example: Example, source: Source, key: tf.Tensor, *, config: AugmentConfig, image_size: int) -> Example:
    keys = step_keys(key)
    example, window_px = _choose_window(example, source.size_px, keys, config=config)
    image = _render(source, window_px, keys.distort, config=config, image_size=image_size)
    example = example._replace(image=tf.ensure_shape(image, (image_size, image_size, 3)))
    example = flip_horizontal(example, keys.flip_horizontal, config=config)
    return flip_vertical(example, keys.flip_vertical, config=config)


def _choose_window(example: Example, size_px: tf.Tensor, keys: StepKeys, *, config: AugmentConfig) -> tuple[Example, tf.Tensor]:
    """The ground truth after expansion and crop, and the window (4,) of the image that is shown."""
    canvas_px = draw_canvas(size_px, keys.expand, config=config)
    if expands(config):
        example = expand_rows(example, fractions(canvas_px, size_px))
    if not crops(config):
        return example, canvas_px
    canvas_size_px = canvas_px[2:] - canvas_px[:2]
    crop_px = draw_crop(example.boxes, canvas_size_px, keys.crop, config=config)
    return crop_rows(example, fractions(crop_px, canvas_size_px)), crop_px + tf.tile(canvas_px[:2], [2])


def _render(source: Source, window_px: tf.Tensor, key: tf.Tensor, *, config: AugmentConfig, image_size: int) -> tf.Tensor:
    """What a window shows, with distorted colours, on its canvas."""
    if not expands(config) and not distorts(config):
        return resize_window(source, window_px, image_size=image_size)
    rendering = resample(source, window_px, image_size=image_size)
    if distorts(config):
        rendering = rendering._replace(channels=distort_channels(rendering.channels, draw_distortion(key, config=config)))
    return compose(rendering, fill=config.fill)
