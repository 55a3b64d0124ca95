"""Colour steps: brightness, contrast, saturation and hue as OpenCV and hence Caffe SSD define them.

Each works pixel by pixel on the channels (3, ...) float32 of an image, RGB 0..255, and saturates its result to 0..255, as OpenCV's
arithmetic on uint8 does; unlike in OpenCV, nothing is rounded between the steps. Channels come first because arithmetic on planes
is several times faster than on interleaved pixels.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_ssd.config import AugmentConfig
from tf_ssd.data.augment.example import Example
from tf_ssd.data.images.planes import to_pixels, to_planes

HUE_SECTOR = 30  # a sixth of OpenCV's circle of 180


class Distortion(NamedTuple):
    """The colour steps of one image, scalars; 0, 1, 1 and 0 change nothing.

    Attributes:
        brightness: what is added to every value.
        contrast: factor on every value.
        saturation: factor on the saturation.
        hue: turn of the hue on OpenCV's scale of 0..180.
        contrast_first: bool, whether contrast comes before saturation and hue, or after them.
    """

    brightness: tf.Tensor
    contrast: tf.Tensor
    saturation: tf.Tensor
    hue: tf.Tensor
    contrast_first: tf.Tensor


def distorts(config: AugmentConfig) -> bool:
    """Whether colours may change at all."""
    ranges = (config.brightness, config.contrast, config.saturation, config.hue)
    return config.color_probability > 0 and ranges != (0, (1, 1), (1, 1), 0)


def distort(example: Example, key: tf.Tensor, *, config: AugmentConfig) -> Example:
    """Change the colours at random; the image becomes float32."""
    channels = to_planes(tf.cast(example.image, tf.float32))  # (3, H, W)
    channels = distort_channels(channels, draw_distortion(key, config=config))
    return example._replace(image=to_pixels(channels))


def draw_distortion(key: tf.Tensor, *, config: AugmentConfig) -> Distortion:
    """Draw each step with `config.color_probability`, its amount uniformly, and the place of contrast by a fair coin.

    Source: Caffe SSD, `ApplyDistort`. Caffe SSD can also shuffle the channels, with probability 0 in its published settings;
    amdegroot and torchvision shuffle them with probability 0.5.
    """
    draws = tf.random.stateless_uniform((2, 5), key)
    low = tf.constant([-config.brightness, config.contrast[0], config.saturation[0], -config.hue], tf.float32)
    high = tf.constant([config.brightness, config.contrast[1], config.saturation[1], config.hue], tf.float32)
    amounts = low + (high - low) * draws[0, :4]
    applied = draws[1, :4] < config.color_probability
    shift, contrast_factor, saturation_factor, turn = tf.unstack(tf.where(applied, amounts, [0.0, 1.0, 1.0, 0.0]))
    return Distortion(shift, contrast_factor, saturation_factor, turn, contrast_first=draws[0, 4] < 0.5)


def distort_channels(channels: tf.Tensor, distortion: Distortion) -> tf.Tensor:
    """Apply brightness; then contrast, saturation and hue, or saturation, hue and contrast. Channels (3, ...) in and out."""
    amount = distortion
    contrasted, first = amount.contrast != 1, amount.contrast_first
    channels = _step_if(amount.brightness != 0, brightness, channels, amount.brightness)
    channels = _step_if(contrasted & first, contrast, channels, amount.contrast)
    channels = _step_if(amount.saturation != 1, saturation, channels, amount.saturation)
    channels = _step_if(amount.hue != 0, hue, channels, amount.hue)
    return _step_if(contrasted & ~first, contrast, channels, amount.contrast)


def brightness(channels: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Add `amount` to every value 0..255. torchvision multiplies by 0.875..1.125 instead."""
    return _saturate(channels + amount)


def contrast(channels: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Multiply by `factor`. torchvision multiplies the distance from the image's mean grey instead."""
    return _saturate(channels * factor)


def saturation(channels: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Multiply the saturation of HSV by `factor`, up to 1; grey stays as it is.

    With the value v = max(RGB) and the chroma c = v - min(RGB), the saturation is c / v. At constant v and hue the distance of each
    channel from v is proportional to the saturation, so that it suffices to scale these distances; a factor of v / c makes it 1.
    """
    value, chroma = _value_and_chroma(channels)
    factor = tf.minimum(factor, tf.math.divide_no_nan(value, chroma))
    return _saturate(value - factor * (value - channels))


def hue(channels: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
    """Turn the hue of HSV by `turn`, in OpenCV's units of two degrees; grey stays as it is.

    The circle closes, as for amdegroot and torchvision. Caffe SSD keeps hues in uint8, which stop at 0: there a negative turn takes
    orange no further than red. amdegroot turns by up to 18 degrees, torchvision by up to 0.05 of the circle: both half of Caffe's.
    """
    value, chroma = _value_and_chroma(channels)
    red, green, blue = tf.unstack(channels)
    # The hue in sectors of 60 degrees from red, times the chroma.
    scaled = tf.where(value == red, green - blue, tf.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma))
    sector = tf.math.divide_no_nan(scaled, chroma) + turn / HUE_SECTOR
    sector -= 6 * tf.floor(sector / 6)  # 0..6, as by tf.math.floormod, which takes ten times as long
    # How far each channel lies below v, in units of c: 0 over two sectors, 1 over two others, and rising or falling between them.
    below = [2 - tf.abs(sector - 3), tf.abs(sector - 2) - 1, tf.abs(sector - 4) - 1]
    return _saturate(tf.stack([value - chroma * tf.clip_by_value(part, 0, 1) for part in below]))


def _value_and_chroma(channels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    red, green, blue = tf.unstack(channels)
    value = tf.maximum(tf.maximum(red, green), blue)
    return value, value - tf.minimum(tf.minimum(red, green), blue)


def _saturate(channels: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(channels, 0, 255)


def _step_if(
    condition: tf.Tensor, step: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], channels: tf.Tensor, amount: tf.Tensor
) -> tf.Tensor:
    """Compute a step only if `condition` holds, that is, if the step changes anything."""
    return tf.cond(condition, lambda: step(channels, amount), lambda: channels)
