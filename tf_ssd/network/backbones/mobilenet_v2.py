"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381, table 2), with the names of Keras Applications."""

from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf
from keras import layers

from tf_ssd.config import ModelConfig
from tf_ssd.config.network import BLOCKS
from tf_ssd.network.convolution import body_padding, convolution, depthwise

# Expansion, channels, blocks, and stride of the first of them.
ROWS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
FIRST, LAST = 32, 1280  # channels of the first convolution and of the last
STEM, *NAMES = BLOCKS["mobilenet_v2"]
PARTS = ("expand", "depthwise", "project")


def parts_of(name: str) -> tuple[str, ...]:
    """The convolutions of a block; the first one does not expand."""
    return PARTS[1:] if name == NAMES[0] else PARTS


LAYERS: dict[str, tuple[str, ...]] = {STEM: (STEM,)}
LAYERS |= {name: tuple(f"{name}_{part}" for part in parts_of(name)) for name in NAMES}


class Block(NamedTuple):
    """An inverted residual: channels that come in, that the expansion makes of them, and that go out."""

    name: str
    inputs: int
    expanded: int
    channels: int
    stride: int


def body(x: tf.Tensor, config: ModelConfig) -> dict[str, tf.Tensor]:
    """The activations of every expansion, the sums of the blocks that have one ("block_12_add"), and Conv_1.

    "block_13_expand" has S / 16 cells a side, "Conv_1" S / 32.
    """
    found = {"Conv1": (x := convolution(x, "Conv1", FIRST, 3, config, stride=2, padding=body_padding(3, config)))}
    for block in _blocks():
        x = _inverted_residual(x, block, config, found)
    found["Conv_1"] = convolution(x, "Conv_1", LAST, 1, config)
    return found


def _blocks() -> Iterator[Block]:
    names, inputs = iter(NAMES), FIRST
    for expansion, channels, blocks, stride in ROWS:
        for number in range(blocks):
            yield Block(next(names), inputs, expansion * inputs, channels, 1 if number else stride)
            inputs = channels


def _inverted_residual(x: tf.Tensor, block: Block, config: ModelConfig, found: dict[str, tf.Tensor]) -> tf.Tensor:
    """Expansion, depthwise convolution, projection without activation, and the sum with what came in."""
    name, before = block.name, x
    if block.expanded != block.inputs:
        found[f"{name}_expand"] = x = convolution(x, f"{name}_expand", block.expanded, 1, config)
    x = depthwise(x, f"{name}_depthwise", 3, config, stride=block.stride, padding=body_padding(3, config))
    x = convolution(x, f"{name}_project", block.channels, 1, config, activation="linear")
    if block.stride == 1 and block.inputs == block.channels:
        found[f"{name}_add"] = x = layers.Add(name=f"{name}_add")([before, x])
    return x
