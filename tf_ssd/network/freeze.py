"""Leaving the first blocks of a pre-trained body as they are."""

import keras

from tf_ssd.config import require
from tf_ssd.network.backbones.vgg import VGG_BLOCKS


def freeze_blocks(model: keras.Model, blocks: int) -> tuple[str, ...]:
    """Exclude the first blocks of VGG16 from training; Caffe SSD freezes 2 (conv1_1 to conv2_2), torchvision 1.

    torchvision counts from the other end: its `trainable_backbone_layers` is 5 - blocks. Batch normalisation in a frozen block uses
    its moving statistics and no longer changes them. To be called before an optimizer is built; not part of what a model saves.

    Args:
        model: whose layers are frozen.
        blocks: 0 to 5.

    Returns:
        The names of the frozen layers.

    Raises:
        ConfigError: there are not so many blocks.
    """
    require(0 <= blocks <= len(VGG_BLOCKS), "blocks", blocks, f"VGG16 has {len(VGG_BLOCKS)} blocks to freeze")
    convolutions = [f"conv{block + 1}_{i + 1}" for block, (_, count) in enumerate(VGG_BLOCKS[:blocks]) for i in range(count)]
    norms = [f"{name}_bn" for name in convolutions if f"{name}_bn" in {layer.name for layer in model.layers}]
    for name in (*convolutions, *norms):
        model.get_layer(name).trainable = False
    return (*convolutions, *norms)
