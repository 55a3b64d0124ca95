from dataclasses import replace

import keras
import pytest

from tf_ssd.config import NETWORKS
from tf_ssd.network.backbones.vgg import body


@pytest.mark.parametrize(("name", "convolutions"), [("ssd300_vgg16", (2, 2, 3, 3, 3)), ("ssd300_vgg19", (2, 2, 4, 4, 4))])
def test_layers_have_the_names_of_the_paper_and_relu_comes_once(name, convolutions):
    """Before the first three poolings it is part of them."""
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, body(image, replace(NETWORKS[name], width=1 / 64)))
    expected = []
    for block, count in enumerate(convolutions, start=1):
        layers = [f"conv{block}_{number}" for number in range(1, count + 1)]
        expected += [part for layer in layers for part in (layer, f"{layer}_relu")]
        if block < 4:
            expected.pop()
        expected.append(f"pool{block}")
    assert [layer.name for layer in model.layers[1:]] == [*expected, "fc6", "fc6_relu", "fc7", "fc7_relu"]
