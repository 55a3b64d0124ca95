"""MobileNetV3-Large (Howard et al. 2019, arXiv 1905.02244, table 1), with the names of Keras Applications."""

from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf
from keras import layers

from tf_ssd.config import ModelConfig
from tf_ssd.config.network import BLOCKS
from tf_ssd.network.convolution import Activation, body_padding, convolution, depthwise, multiple_of
from tf_ssd.network.layers import FastConv2D


class Row(NamedTuple):
    """A block: kernel, channels after expansion and after projection, whether it squeezes and excites, activation, stride."""

    kernel: int
    expanded: int
    channels: int
    squeezes: bool
    activation: Activation
    stride: int


ROWS = (
    Row(3, 16, 16, False, "relu", 1),
    Row(3, 64, 24, False, "relu", 2),
    Row(3, 72, 24, False, "relu", 1),
    Row(5, 72, 40, True, "relu", 2),
    Row(5, 120, 40, True, "relu", 1),
    Row(5, 120, 40, True, "relu", 1),
    Row(3, 240, 80, False, "hard_swish", 2),
    Row(3, 200, 80, False, "hard_swish", 1),
    Row(3, 184, 80, False, "hard_swish", 1),
    Row(3, 184, 80, False, "hard_swish", 1),
    Row(3, 480, 112, True, "hard_swish", 1),
    Row(3, 672, 112, True, "hard_swish", 1),
    Row(5, 672, 160, True, "hard_swish", 2),
    Row(5, 960, 160, True, "hard_swish", 1),
    Row(5, 960, 160, True, "hard_swish", 1),
)
TAIL = 12  # the block whose projection is the first layer that the tail's factor applies to
FIRST = 16  # channels of the first convolution
WIDEN = 6  # how many times the channels before it the last convolution has
SQUEEZE = 4  # how many times fewer channels excitation is computed from
STEM, *NAMES = BLOCKS["mobilenet_v3_large"]


def parts_of(name: str, row: Row) -> tuple[str, ...]:
    """The convolutions of a block; the first one does not expand."""
    squeeze = ("squeeze_excite_conv", "squeeze_excite_conv_1") if row.squeezes else ()
    return (*(() if name == NAMES[0] else ("expand",)), "depthwise", *squeeze, "project")


LAYERS: dict[str, tuple[str, ...]] = {STEM: (STEM,)}
LAYERS |= {name: tuple(f"{name}_{part}" for part in parts_of(name, row)) for name, row in zip(NAMES, ROWS, strict=True)}


def body(x: tf.Tensor, config: ModelConfig) -> dict[str, tf.Tensor]:
    """The activations of every expansion and of the first and last convolution.

    "expanded_conv_12_expand" has S / 16 cells a side, "conv_1" S / 32.
    """
    x = convolution(x, "conv", FIRST, 3, config, stride=2, padding=body_padding(3, config), activation="hard_swish")
    found, inputs = {"conv": x}, FIRST
    for name, row in zip(NAMES, _rows(config.architecture.tail), strict=True):
        before = x
        if row.expanded != inputs:
            found[f"{name}_expand"] = x = convolution(x, f"{name}_expand", row.expanded, 1, config, activation=row.activation)
        x = _filtered(x, name, row, config)
        if row.stride == 1 and row.channels == inputs:
            x = layers.Add(name=f"{name}_add")([before, x])
        inputs = row.channels
    found["conv_1"] = convolution(x, "conv_1", WIDEN * inputs, 1, config, activation="hard_swish")
    return found


def _rows(tail: float) -> Iterator[Row]:
    """The blocks, with the channels that the tail's factor leaves to the last of them."""
    for number, row in enumerate(ROWS):
        expanded = int(row.expanded * tail) if number > TAIL else row.expanded
        yield row._replace(expanded=expanded, channels=int(row.channels * tail) if number >= TAIL else row.channels)


def _filtered(x: tf.Tensor, name: str, row: Row, config: ModelConfig) -> tf.Tensor:
    """Depthwise convolution, squeeze and excitation where there is one, and projection without activation."""
    padding = body_padding(row.kernel, config)
    x = depthwise(x, f"{name}_depthwise", row.kernel, config, stride=row.stride, padding=padding, activation=row.activation)
    if row.squeezes:
        x = _excited(x, f"{name}_squeeze_excite")
    return convolution(x, f"{name}_project", row.channels, 1, config, activation="linear")


def _excited(x: tf.Tensor, name: str) -> tf.Tensor:
    """Every channel times a factor 0..1 that follows from the means of all channels (Hu et al. 2018, arXiv 1709.01507)."""
    channels = x.shape[-1]
    means = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)  # (B, 1, 1, channels)
    squeezed = FastConv2D(multiple_of(8, channels / SQUEEZE), 1, kernel_initializer="he_normal", name=f"{name}_conv")(means)
    squeezed = layers.ReLU(name=f"{name}_relu")(squeezed)
    factors = FastConv2D(channels, 1, kernel_initializer="he_normal", name=f"{name}_conv_1")(squeezed)
    factors = layers.Activation("hard_sigmoid", name=f"{name}_hard_sigmoid")(factors)
    return layers.Multiply(name=f"{name}_mul")([x, factors])
