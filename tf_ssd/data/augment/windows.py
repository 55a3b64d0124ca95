"""Which part of an image is shown: canvases to expand it to and windows to crop it to, as numbers.

A window is xyxy in whole pixels of an image, (4,) int32; a canvas is a window that may reach beyond the image. The ground truth
needs these numbers alone, so that no pixel is read before it is known which ones are shown.
"""

import tensorflow as tf

from tf_ssd import boxes as box_ops
from tf_ssd.config import AugmentConfig


def expands(config: AugmentConfig) -> bool:
    """Whether an image may be placed on a larger canvas at all."""
    return config.expand_probability > 0 and config.expand_ratio != (1, 1)


def crops(config: AugmentConfig) -> bool:
    """Whether an image may be cropped at all."""
    return config.crop_scale != (1, 1)


def whole(size_px: tf.Tensor) -> tf.Tensor:
    """The window (4,) that is all of an image of `size_px` (width, height)."""
    return tf.concat([tf.zeros_like(size_px), size_px], axis=0)


def fractions(windows_px: tf.Tensor, size_px: tf.Tensor) -> tf.Tensor:
    """Windows (..., 4) in pixels as fractions of an image of `size_px` (width, height): float32, xyxy."""
    return tf.cast(windows_px, tf.float32) / tf.cast(tf.tile(size_px, [2]), tf.float32)


def relative_to(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Boxes (G, 4) xyxy as fractions of a window (4,) xyxy, when both are fractions of the same image. Nothing is clipped."""
    corner, size = window[:2], window[2:] - window[:2]
    return (boxes - tf.tile(corner, [2])) / tf.tile(size, [2])


def centers_inside(boxes: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
    """Whether the centre of each box (G, 4) xyxy lies in each window (..., 4) xyxy, edges included: (..., G) bool.

    Source: Caffe SSD, `MeetEmitConstraint`. amdegroot and torchvision exclude the edges.
    """
    xmin, ymin, xmax, ymax = tf.unstack(boxes, axis=-1)
    x, y = (xmin + xmax) / 2, (ymin + ymax) / 2  # (G,)
    left, top, right, bottom = tf.unstack(windows[..., None], axis=-2)  # (..., 1)
    return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)


def draw_canvas(size_px: tf.Tensor, key: tf.Tensor, *, config: AugmentConfig) -> tf.Tensor:
    """Draw the canvas that an image of `size_px` (width, height) is placed on: a window (4,) that contains all of it.

    With `config.expand_probability` the sides of the canvas are the image's times one ratio, drawn uniformly, rounded down to whole
    pixels; every place of the image on it, in whole pixels, is equally likely. Otherwise the canvas is the image itself.

    Source: Caffe SSD, `ExpandImage`.
    """
    if not expands(config):
        return whole(size_px)
    draws = tf.random.stateless_uniform((4,), key)
    low, high = config.expand_ratio
    ratio = tf.where(draws[0] < config.expand_probability, low + (high - low) * draws[1], 1.0)
    canvas_px = tf.cast(tf.cast(size_px, tf.float32) * ratio, tf.int32)  # (2,)
    corner_px = -_integer(draws[2:], canvas_px - size_px)
    return tf.concat([corner_px, corner_px + canvas_px], axis=0)


def draw_crop(boxes: tf.Tensor, size_px: tf.Tensor, key: tf.Tensor, *, config: AugmentConfig) -> tf.Tensor:
    """Draw the window (4,) that an image of `size_px` (width, height) with these boxes (G, 4) is cropped to.

    There is a sampler for each of `config.crop_min_ious`, and one that asks for no IoU. Each sampler offers the first of its
    windows that has at least this IoU with some box and holds the centre of some box, if there is one. Then one of the offers or
    the whole image is drawn, all equally likely. So no image loses all its boxes, and an image without boxes stays whole.

    Source: Caffe SSD, `GenerateBatchSamples`, which asks for no centre and may lose all boxes. amdegroot and torchvision draw one
    sampler instead, and draw again when it finds nothing.
    """
    if not crops(config):
        return whole(size_px)
    trials_key, choice_key = tf.unstack(tf.random.split(key))
    trials_px = draw_trials(size_px, trials_key, config=config)  # (M, T, 4)
    trials = fractions(trials_px, size_px)
    lowest = tf.constant([*config.crop_min_ious, 0.0], tf.float32)[:, None, None]
    overlaps = tf.reduce_any(box_ops.iou(trials, boxes) >= lowest, axis=-1)  # (M, T)
    accepted = overlaps & tf.reduce_any(centers_inside(boxes, trials), axis=-1)
    last = config.crop_trials - 1
    first = tf.reduce_min(tf.where(accepted, tf.range(last + 1), last), axis=1)  # (M,)
    offers_px = tf.boolean_mask(tf.gather(trials_px, first, batch_dims=1), tf.reduce_any(accepted, axis=1))
    candidates_px = tf.concat([whole(size_px)[None], offers_px], axis=0)
    return candidates_px[_integer(tf.random.stateless_uniform((), choice_key), tf.shape(offers_px)[0])]


def draw_trials(size_px: tf.Tensor, key: tf.Tensor, *, config: AugmentConfig) -> tf.Tensor:
    """Draw the T windows of all M samplers at once, (M, T, 4), each inside an image of `size_px` (width, height).

    Scale and aspect are drawn uniformly and the aspect is limited to scale^2 .. 1 / scale^2. The sides are the image's times
    scale * sqrt(aspect) and scale / sqrt(aspect), rounded down to whole pixels. So scale^2 is the window's share of the area, and
    its aspect is relative to that of the image.

    Source: Caffe SSD, `SampleBBox`. amdegroot and torchvision draw the share of each side from the range of the scale and reject
    windows whose aspect in pixels is out of range.
    """
    draws = tf.random.stateless_uniform((len(config.crop_min_ious) + 1, config.crop_trials, 4), key)
    (smallest, largest), (narrowest, widest) = config.crop_scale, config.crop_aspect
    scale = smallest + (largest - smallest) * draws[..., 0]  # (M, T)
    aspect = narrowest + (widest - narrowest) * draws[..., 1]
    stretch = tf.sqrt(tf.clip_by_value(aspect, scale**2, 1 / scale**2))
    sides = tf.stack([scale * stretch, scale / stretch], axis=-1)  # (M, T, 2)
    sides_px = tf.clip_by_value(tf.cast(sides * tf.cast(size_px, tf.float32), tf.int32), 1, size_px)
    corner_px = _integer(draws[..., 2:], size_px - sides_px)
    return tf.concat([corner_px, corner_px + sides_px], axis=-1)


def _integer(draws: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
    """Integers in 0..most, all equally likely, from draws in [0, 1)."""
    return tf.cast(draws * tf.cast(most + 1, tf.float32), tf.int32)
