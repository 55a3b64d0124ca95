"""The extra feature layers that SSD adds to a body, each smaller than the one before."""

import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.network.convolution import convolution

# Name, channels of the 1x1 and of the 3x3 convolution, stride and padding of the latter.
EXTRAS = (("conv8", 256, 512, 2, 1), ("conv9", 128, 256, 2, 1), ("conv10", 128, 256, 1, 0), ("conv11", 128, 256, 1, 0))


def extras(x: tf.Tensor, config: ModelConfig) -> list[tf.Tensor]:
    """Feature maps of 10, 5, 3 and 1 cells a side from one of 19."""
    sources = []
    for name, squeezed, channels, stride, padding in EXTRAS:
        x = convolution(x, f"{name}_1", squeezed, 1, config)
        x = convolution(x, f"{name}_2", channels, 3, config, stride=stride, padding=padding)
        sources.append(x)
    return sources
