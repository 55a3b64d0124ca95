"""Leaving the first blocks of a pre-trained body as they are."""

import keras

from tf_ssd.config import ModelConfig
from tf_ssd.network.backbones import LAYERS


def freeze_blocks(model: keras.Model, config: ModelConfig, blocks: int) -> tuple[str, ...]:
    """Exclude the first blocks of a body from training; of VGG16's 5, Caffe SSD freezes 2 (conv1_1 to conv2_2), torchvision 1.

    torchvision counts from the other end: its `trainable_backbone_layers` of VGG16 is 5 - blocks. Batch normalisation in a frozen
    block uses its moving statistics and no longer changes them. To be called before an optimizer is built; not part of what a model
    saves.

    Args:
        model: whose layers are frozen.
        config: what it was built from.
        blocks: how many, from 0.

    Returns:
        The names of the frozen blocks.

    Raises:
        ConfigError: there are not so many blocks.
    """
    frozen = config.architecture.first_blocks(blocks)
    layers = LAYERS[config.architecture.base]
    convolutions = [name for block in frozen for name in layers[block]]
    for layer in model.layers:
        if layer.name.removesuffix("_bn") in convolutions:
            layer.trainable = False
    return frozen
