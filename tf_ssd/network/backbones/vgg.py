"""VGG16 and VGG19 as SSD uses them: fc6 and fc7 as convolutions, pool5 with stride 1 (Liu et al. 2016, section 3)."""

import tensorflow as tf
from keras import layers

from tf_ssd.config import ModelConfig
from tf_ssd.config.network import BLOCKS
from tf_ssd.network.convolution import convolution
from tf_ssd.network.layers import ReLUMaxPooling2D

CHANNELS = (64, 128, 256, 512, 512)  # of each block
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # in each block
NAMES = BLOCKS["vgg19"]  # VGG16's too
LAYERS = {
    base: {name: tuple(f"{name}_{number}" for number in range(1, count + 1)) for name, count in zip(NAMES, counts, strict=True)}
    for base, counts in CONVOLUTIONS.items()
}


def body(x: tf.Tensor, config: ModelConfig) -> dict[str, tf.Tensor]:
    """The activations of blocks 4 and 5, S / 8 and S / 16 cells a side, and of fc6 and fc7, S / 16."""
    found = {}
    for name, channels, convolutions in zip(NAMES, CHANNELS, CONVOLUTIONS[config.architecture.base], strict=True):
        pooled_with_relu = name in NAMES[:3]
        for number in range(1, convolutions + 1):
            last = number == convolutions and pooled_with_relu
            x = convolution(x, f"{name}_{number}", channels, 3, config, padding=1, activation="linear" if last else None)
            if not last:
                found[f"{name}_{number}"] = x
        # The 75 cells before pool3 become 38, as in Caffe; pool5 keeps its cells.
        if pooled_with_relu:
            x = ReLUMaxPooling2D(name=name.replace("conv", "pool"))(x)
        elif name == "conv4":
            x = layers.MaxPooling2D(2, name="pool4")(x)
        else:
            x = layers.MaxPooling2D(3, 1, padding="same", name="pool5")(x)
    found["fc6"] = convolution(x, "fc6", 1024, 3, config, padding=6, dilation=6)
    found["fc7"] = convolution(found["fc6"], "fc7", 1024, 1, config)
    return found
