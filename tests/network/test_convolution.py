from dataclasses import replace

import keras
import numpy as np
import pytest

from tests.network.noise import drawn
from tf_ssd.config import NETWORKS
from tf_ssd.network.backbones import BODIES
from tf_ssd.network.convolution import he_normal_of_each_channel, scaled

CHANNELS = 512
# A body of each kind, at the width of the README's runs; the published networks of this kind have batch normalisation.
MOBILENETS = ("ssd300_mobilenet_v1", "ssd300_mobilenet_v2", "ssdlite320_mobilenet_v3_large_full_tail")


@pytest.mark.parametrize(("width", "channels"), [(1, 64), (5 / 128, 2), (7 / 128, 4), (1 / 128, 1), (1 / 1024, 1)])
def test_a_narrower_vgg_has_the_nearest_number_of_channels_an_even_one_of_two(width, channels):
    """64 * 5 / 128 = 2.5, 64 * 7 / 128 = 3.5."""
    assert scaled(64, replace(NETWORKS["ssd300_vgg16"], width=width)) == channels


def test_each_channel_of_a_depthwise_convolution_is_drawn_by_itself():
    """The variance of a sum of nine products is twice that of what comes in, half of which ReLU takes away."""
    kernel = he_normal_of_each_channel()((3, 3, CHANNELS, 1))
    assert np.var(kernel) == pytest.approx(2 / 9, rel=0.1)


def test_a_saved_layer_is_drawn_in_the_same_way():
    layer = keras.layers.DepthwiseConv2D(3, depthwise_initializer=he_normal_of_each_channel())
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    again.build((None, 3, 3, CHANNELS))
    assert np.var(again.kernel) == pytest.approx(2 / 9, rel=0.1)


@pytest.mark.parametrize("name", MOBILENETS)
def test_activations_keep_their_variance_through_a_body_without_batch_normalisation(name):
    """About: zeros beyond the border make it smaller, projections without ReLU larger. It fell to 1e-12 and less."""
    config = replace(NETWORKS[name], width=0.35, batch_norm=False)
    keras.utils.set_random_seed(0)
    image = keras.Input((96, 96, 3))
    body = keras.Model(image, BODIES[config.architecture.base](image, config))
    pixels = drawn(2, 96, 96, 3)
    for layer, activations in body(pixels).items():
        assert 0.02 < np.square(activations).mean() < 50, layer
