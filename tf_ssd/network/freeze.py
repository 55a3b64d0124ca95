"""Leaving the first blocks of a pre-trained body as they are."""

import keras

from tf_ssd.config import ModelConfig, require
from tf_ssd.network.backbones import BLOCKS


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
        The names of the frozen layers.

    Raises:
        ConfigError: there are not so many blocks.
    """
    base, known = config.architecture.base, BLOCKS[config.architecture.base]
    require(0 <= blocks <= len(known), "blocks", blocks, f"{base} has {len(known)} blocks to freeze, {', '.join(known)}")
    convolutions = [name for block in list(known)[:blocks] for name in known[block]]
    present = {layer.name for layer in model.layers}
    frozen = [name for name in (*convolutions, *(f"{name}_bn" for name in convolutions)) if name in present]
    for name in frozen:
        model.get_layer(name).trainable = False
    return tuple(frozen)
