"""MobileNetV1 (Howard et al. 2017, arXiv 1704.04861, table 1), with the names of Keras Applications."""

import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.config.network import BLOCKS
from tf_ssd.network.convolution import body_padding, convolution, depthwise

# Channels and stride of each depthwise and pointwise convolution.
ROWS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
STEM, *NAMES = BLOCKS["mobilenet_v1"]
LAYERS: dict[str, tuple[str, ...]] = {STEM: (STEM,)}
LAYERS |= {name: (f"conv_dw_{number}", f"conv_pw_{number}") for number, name in enumerate(NAMES, start=1)}


def body(x: tf.Tensor, config: ModelConfig) -> dict[str, tf.Tensor]:
    """The activations of every pointwise convolution: S / 16 cells a side at the eleventh, S / 32 at the last."""
    padding = body_padding(3, config)
    found = {"conv1": (x := convolution(x, "conv1", 32, 3, config, stride=2, padding=padding))}
    for number, (channels, stride) in enumerate(ROWS, start=1):
        x = depthwise(x, f"conv_dw_{number}", 3, config, stride=stride, padding=padding)
        found[f"conv_pw_{number}"] = x = convolution(x, f"conv_pw_{number}", channels, 1, config)
    return found
