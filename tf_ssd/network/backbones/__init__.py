"""Bodies of networks, one file a family."""

from collections.abc import Callable

import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.config.network import Base
from tf_ssd.network.backbones import mobilenet_v1, mobilenet_v2, mobilenet_v3, vgg

Body = Callable[[tf.Tensor, ModelConfig], dict[str, tf.Tensor]]
# From scaled pixels (B, S, S, 3) to the activations of each layer of a body that may be a feature map, by its name.
BODIES: dict[Base, Body] = {
    "vgg16": vgg.body,
    "vgg19": vgg.body,
    "mobilenet_v1": mobilenet_v1.body,
    "mobilenet_v2": mobilenet_v2.body,
    "mobilenet_v3_large": mobilenet_v3.body,
}
# The names of the layers of each part by which a body can be frozen (`config.network.BLOCKS`).
LAYERS: dict[Base, dict[str, tuple[str, ...]]] = {
    "vgg16": vgg.LAYERS["vgg16"],
    "vgg19": vgg.LAYERS["vgg19"],
    "mobilenet_v1": mobilenet_v1.LAYERS,
    "mobilenet_v2": mobilenet_v2.LAYERS,
    "mobilenet_v3_large": mobilenet_v3.LAYERS,
}
