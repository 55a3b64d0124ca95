"""VGG16 as SSD uses it: conv4_3 with L2 normalisation, and fc6 and fc7 as convolutions (Liu et al. 2016)."""

import tensorflow as tf
from keras import layers

from tf_ssd.config import ModelConfig
from tf_ssd.network.convolution import convolution
from tf_ssd.network.layers import L2Normalize, ReLUMaxPooling2D

MEAN_RGB = (123.0, 117.0, 104.0)
# Blocks of VGG16: channels and number of convolutions.
VGG_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def vgg16(image: tf.Tensor, config: ModelConfig) -> list[tf.Tensor]:
    """The feature maps of conv4_3, normalised, and of fc7, for RGB pixels 0..255 (B, S, S, 3): S / 8 and S / 16 cells a side."""
    x = layers.Rescaling(1.0, offset=[-mean for mean in MEAN_RGB], name="subtract_mean")(image)
    for block, (channels, convolutions) in enumerate(VGG_BLOCKS, start=1):
        pooled_with_relu = block <= 3
        for number in range(1, convolutions + 1):
            relu = number < convolutions or not pooled_with_relu
            x = convolution(x, f"conv{block}_{number}", channels, 3, config, padding=1, relu=relu)
        # The 75 cells before pool3 become 38, as in Caffe; pool5 keeps its 19 cells.
        if pooled_with_relu:
            x = ReLUMaxPooling2D(name=f"pool{block}")(x)
        elif block == 4:
            conv4_3 = L2Normalize(name="conv4_3_norm")(x)
            x = layers.MaxPooling2D(2, name="pool4")(x)
        else:
            x = layers.MaxPooling2D(3, 1, padding="same", name="pool5")(x)
    x = convolution(x, "fc6", 1024, 3, config, padding=6, dilation=6)
    return [conv4_3, convolution(x, "fc7", 1024, 1, config)]
