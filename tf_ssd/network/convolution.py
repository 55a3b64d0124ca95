"""The unit that bodies and extra layers are made of: convolution, batch normalisation, ReLU."""

import tensorflow as tf
from keras import layers

from tf_ssd.config import ModelConfig
from tf_ssd.network.layers import FastConv2D


def convolution(
    x: tf.Tensor,
    name: str,
    channels: int,
    kernel: int,
    config: ModelConfig,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    relu: bool = True,
) -> tf.Tensor:
    """Convolution, batch normalisation where the config asks for it, mostly ReLU; `padding` pixels on all four sides."""
    # At stride 2 TensorFlow's "same" pads right and bottom alone; the published weights expect both sides.
    if padding and stride > 1:
        x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    x = FastConv2D(
        max(1, round(channels * config.width)),
        kernel,
        strides=stride,
        padding="same" if padding and stride == 1 else "valid",
        dilation_rate=dilation,
        use_bias=not config.batch_norm,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    if config.batch_norm:
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x
