import pytest

from tf_ssd.config import ModelConfig
from tf_ssd.errors import ConfigError
from tf_ssd.model import ssd300
from tf_ssd.network.freeze import freeze_blocks

SMALL = ModelConfig(num_classes=3, width=0.0625)
WITH_NORM = ModelConfig(num_classes=3, width=0.0625, batch_norm=True)


@pytest.mark.parametrize(
    ("blocks", "first_trained"), [(0, "conv1_1"), (1, "conv2_1"), (2, "conv3_1"), (3, "conv4_1"), (4, "conv5_1"), (5, "fc6")]
)
def test_the_first_blocks_are_frozen_and_nothing_else(blocks, first_trained):
    model = ssd300(SMALL)
    names = [layer.name for layer in model.layers if layer.weights and layer.name != "conv4_3_norm"]
    frozen = freeze_blocks(model, SMALL, blocks)
    assert list(frozen) == names[: names.index(first_trained)]
    trained = {variable.path.split("/")[0] for variable in model.trainable_variables}
    assert trained == {"conv4_3_norm", *names} - set(frozen)


def test_conv11_is_not_taken_for_conv1():
    assert freeze_blocks(ssd300(SMALL), SMALL, 1) == ("conv1_1", "conv1_2")


def test_batch_normalisation_is_frozen_with_its_convolution():
    model = ssd300(WITH_NORM)
    assert freeze_blocks(model, WITH_NORM, 1) == ("conv1_1", "conv1_2", "conv1_1_bn", "conv1_2_bn")
    assert not any(variable.path.startswith("conv1_") for variable in model.trainable_variables)


@pytest.mark.parametrize("blocks", [-1, 6])
def test_a_block_that_does_not_exist_is_refused(blocks):
    with pytest.raises(ConfigError, match=f"blocks={blocks}: vgg16 has 5 blocks to freeze, conv1, conv2"):
        freeze_blocks(ssd300(SMALL), SMALL, blocks)
