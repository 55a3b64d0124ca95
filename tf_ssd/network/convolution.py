"""The unit that bodies, extra layers and heads are made of: convolution, batch normalisation, activation."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import keras
import tensorflow as tf
from keras import layers

from tf_ssd.config import ModelConfig
from tf_ssd.network.layers import BatchNormalization, FastConv2D

Padding = int | Literal["same"]
Activation = Literal["relu", "relu6", "hard_swish", "linear"]


def convolution(
    x: tf.Tensor,
    name: str,
    channels: int,
    kernel: int,
    config: ModelConfig,
    *,
    stride: int = 1,
    padding: Padding = 0,
    dilation: int = 1,
    activation: Activation | None = None,
) -> tf.Tensor:
    """Convolution to `channels` times the network's width, batch normalisation where the config asks for it, activation.

    Args:
        padding: pixels on all four sides, or "same", TensorFlow's, which at a stride adds the odd pixel right and below.
        activation: None for that of the network.
    """
    layer = partial(FastConv2D, scaled(channels, config), kernel, dilation_rate=dilation, kernel_initializer="he_normal")
    x = _padded(x, name, layer, config, reach=dilation * (kernel - 1), stride=stride, padding=padding)
    return _activated(x, name, config, activation)


def depthwise(
    x: tf.Tensor,
    name: str,
    kernel: int,
    config: ModelConfig,
    *,
    stride: int = 1,
    padding: Padding = "same",
    activation: Activation | None = None,
) -> tf.Tensor:
    """A convolution for each channel by itself, batch normalisation where the config asks for it, activation."""
    layer = partial(layers.DepthwiseConv2D, kernel, depthwise_initializer=he_normal_of_each_channel())
    x = _padded(x, name, layer, config, reach=kernel - 1, stride=stride, padding=padding)
    return _activated(x, name, config, activation)


def he_normal_of_each_channel() -> keras.initializers.Initializer:
    """He initialisation of depthwise kernels (height, width, channels, 1), whose results are sums of height * width products.

    Keras' "he_normal" counts all channels as inputs, so that each layer divides the variance by their number. What Keras counts
    as outputs is height * width.
    """
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")


def scaled(channels: int, config: ModelConfig) -> int:
    """Channels times the width of the network, at least one, and a multiple of its divisor."""
    wanted, divisor = channels * config.width, config.architecture.divisor
    return max(1, round(wanted)) if divisor == 1 else multiple_of(divisor, wanted)


def multiple_of(divisor: int, wanted: float) -> int:
    """The nearest multiple that is at most a tenth below what is wanted; at least the divisor itself, as in MobileNets."""
    nearest = max(divisor, divisor * int(wanted / divisor + 0.5))
    return nearest if nearest >= 0.9 * wanted else nearest + divisor


def body_padding(kernel: int, config: ModelConfig) -> Padding:
    """The padding that keeps the side of a feature map, or halves it, by the rule of the network."""
    return "same" if config.architecture.padding == "same" else kernel // 2


def _padded(
    x: tf.Tensor,
    name: str,
    layer: Callable[..., keras.layers.Layer],
    config: ModelConfig,
    *,
    reach: int,
    stride: int,
    padding: Padding,
) -> tf.Tensor:
    """A convolution of what is padded: TensorFlow adds the odd pixel at the end alone, so that others are added here."""
    same = padding == "same" or _keeps_side(reach, stride, padding)
    if not same and padding:
        x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    return layer(strides=stride, padding="same" if same else "valid", use_bias=not config.batch_norm, name=name)(x)


def _keeps_side(reach: int, stride: int, padding: Padding) -> bool:
    """Whether there are as many results as pixels, so that TensorFlow's padding is the same on all sides."""
    return stride == 1 and isinstance(padding, int) and 2 * padding == reach


def _activated(x: tf.Tensor, name: str, config: ModelConfig, activation: Activation | None) -> tf.Tensor:
    made_of = config.architecture
    if config.batch_norm:
        x = BatchNormalization(momentum=made_of.norm_momentum, epsilon=made_of.norm_epsilon, name=f"{name}_bn")(x)
    chosen = activation or made_of.activation
    if chosen == "linear":
        return x
    if chosen == "hard_swish":
        return layers.Activation("hard_silu", name=f"{name}_hard_swish")(x)
    return layers.ReLU(6.0 if chosen == "relu6" else None, name=f"{name}_relu")(x)
