"""The extra feature layers that SSD adds to a body, each smaller than the one before."""

import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.config.network import Extra
from tf_ssd.network.convolution import convolution, depthwise


def extras(x: tf.Tensor, config: ModelConfig) -> list[tf.Tensor]:
    """The feature maps that follow the body's last one."""
    sources = []
    for extra in config.architecture.extras:
        x = _extra(x, extra, config)
        sources.append(x)
    return sources


def _extra(x: tf.Tensor, extra: Extra, config: ModelConfig) -> tf.Tensor:
    x = convolution(x, f"{extra.name}_1", extra.squeezed, 1, config)
    if extra.depthwise:
        x = depthwise(x, f"{extra.name}_2_depthwise", extra.kernel, config, stride=extra.stride, padding=extra.padding)
        return convolution(x, f"{extra.name}_2", extra.channels, 1, config)
    return convolution(x, f"{extra.name}_2", extra.channels, extra.kernel, config, stride=extra.stride, padding=extra.padding)
