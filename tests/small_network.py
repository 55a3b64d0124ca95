"""A network of seven convolutions on pictures of 32 pixels, for tests of what goes on around a network, whichever it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import keras

from tf_ssd.config import NETWORKS, DefaultBoxesConfig, ModelConfig
from tf_ssd.config.boxes import BoxRule
from tf_ssd.network.backbones import vgg
from tf_ssd.network.convolution import convolution

RULE = BoxRule(((2,), (2, 3)))  # extra ratios of each map
BOXES = DefaultBoxesConfig(RULE.shapes((5, 12, 24)), image_size=32, feature_maps=(16, 8), steps=(2, 4))
VGG = ModelConfig()
SMALL = replace(VGG, boxes=BOXES, architecture=replace(VGG.architecture, taps=("conv2_1", "conv3_1"), extras=(), box_rule=RULE))


def body(pixels: keras.KerasTensor, config: ModelConfig) -> dict[str, keras.KerasTensor]:
    """The first convolution of three blocks; the whole body for any other network."""
    if config.architecture.taps != SMALL.architecture.taps:
        return vgg.body(pixels, config)
    found, x = {}, pixels
    for name, channels in (("conv1_1", 64), ("conv2_1", 128), ("conv3_1", 256)):
        found[name] = convolution(x, name, channels, 3, config, padding=1)
        x = keras.layers.MaxPooling2D(2)(found[name])
    return found


@contextmanager
def small_network() -> Iterator[None]:
    """Inside, it stands in the place of SSD300 where that is asked for by name."""
    with mock.patch.dict(NETWORKS, {SMALL.name: SMALL}), mock.patch.dict("tf_ssd.model.BODIES", {"vgg16": body}):
        yield
