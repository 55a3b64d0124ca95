import keras
import pytest

from tf_ssd.config import NETWORKS, ModelConfig
from tf_ssd.config.network import BLOCKS
from tf_ssd.errors import ConfigError
from tf_ssd.model import ssd, ssd300
from tf_ssd.network.backbones import BODIES, LAYERS
from tf_ssd.network.body import body_layers
from tf_ssd.network.freeze import freeze_blocks

SMALL = ModelConfig(num_classes=3, width=0.0625)


@pytest.mark.parametrize(
    ("blocks", "first_trained"), [(0, "conv1_1"), (1, "conv2_1"), (2, "conv3_1"), (3, "conv4_1"), (4, "conv5_1"), (5, "fc6")]
)
def test_the_first_blocks_are_frozen_and_nothing_else(blocks, first_trained):
    model = ssd300(SMALL)
    names = [layer.name for layer in model.layers if layer.weights and layer.name != "conv4_3_norm"]
    assert freeze_blocks(model, SMALL, blocks) == tuple(f"conv{block}" for block in range(1, blocks + 1))
    assert trained_layers(model) == {"conv4_3_norm", *names[names.index(first_trained) :]}


def trained_layers(model):
    return {variable.path.split("/")[0] for variable in model.trainable_variables}


@pytest.mark.parametrize("base", BLOCKS)
def test_every_block_is_frozen_by_its_name(base):
    """With their batch normalisation; of the body, all is left that follows its blocks."""
    network = next(network for network in NETWORKS.values() if network.architecture.base == base)
    model = ssd(network, num_classes=2, width=0.0625, batch_norm=True)
    body, before = set(body_layers(model, model.config)), trained_layers(model)
    assert body == layers_of_the_body_alone(model.config)
    assert freeze_blocks(model, model.config, len(BLOCKS[base])) == BLOCKS[base]
    after = {"vgg16": ["fc6", "fc7"], "vgg19": ["fc6", "fc7"], "mobilenet_v2": ["Conv_1"], "mobilenet_v3_large": ["conv_1"]}
    left = {layer for name in after.get(base, []) for layer in (name, f"{name}_bn")}
    assert left < body
    assert before - trained_layers(model) == body - left
    assert all(set(layers) <= body for layers in LAYERS[base].values())


def layers_of_the_body_alone(config):
    pixels = keras.Input((config.boxes.image_size, config.boxes.image_size, 3))
    body = keras.Model(pixels, BODIES[config.architecture.base](pixels, config)[config.architecture.taps[-1]])
    return {layer.name for layer in body.layers if layer.weights}


@pytest.mark.parametrize("blocks", [-1, 6])
def test_a_block_that_does_not_exist_is_refused(blocks):
    with pytest.raises(ConfigError, match=f"--frozen-blocks={blocks}: vgg16 has 5 blocks to freeze, conv1, conv2"):
        freeze_blocks(ssd300(SMALL), SMALL, blocks)
