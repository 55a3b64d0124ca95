"""Every network of the table has the size that others publish for it."""

from dataclasses import replace
from typing import get_args

import pytest

import tf_ssd
from tf_ssd.config import NETWORKS, NetworkName
from tf_ssd.errors import ConfigError
from tf_ssd.model import ssd

# Number of parameters for a number of classes with background, as torchvision or the Open Model Zoo publish it, or as counted from
# the papers' tables; of the Object Detection API's with batch normalisation folded into the convolutions.
PARAMETERS = [
    ("ssd300_vgg16", 21, {}, 26_285_486),
    ("ssd512_vgg16", 21, {}, 27_188_676),
    ("ssd300_vgg19", 21, {}, 31_595_182),
    ("ssdlite320_mobilenet_v3_large", 91, {}, 3_440_060),
    ("ssdlite320_mobilenet_v3_large_full_tail", 91, {}, 5_198_540),
    ("ssd300_mobilenet_v1", 91, {"batch_norm": False}, 6_807_167),
    ("ssd300_mobilenet_v2", 24, {"batch_norm": False}, 4_951_996),
    ("ssdlite320_mobilenet_v2", 91, {"batch_norm": False}, 4_475_167),
]


@pytest.mark.parametrize(("name", "num_classes", "settings", "parameters"), PARAMETERS)
def test_parameters(name, num_classes, settings, parameters):
    model = ssd(name, num_classes=num_classes, **settings)
    assert sum(variable.value.shape.num_elements() for variable in model.trainable_variables) == parameters


def test_every_network_is_listed():
    assert tf_ssd.networks() == tuple(NETWORKS) == tuple(name for name, *_ in PARAMETERS)
    assert list(get_args(NetworkName)) == sorted(NETWORKS)  # where they are listed in one line


def test_an_unknown_network_is_refused():
    with pytest.raises(ConfigError, match="network='ssd299': is not known; known are ssd300_vgg16, ssd512_vgg16"):
        ssd("ssd299")


def test_default_boxes_of_another_network_are_refused():
    with pytest.raises(ConfigError, match="ssd300_mobilenet_v2 has feature maps of \\(19, 10, 5, 3, 2, 1\\) cells"):
        ssd("ssd300_mobilenet_v2", boxes=NETWORKS["ssd300_vgg16"].boxes)


def test_taps_are_layers_of_the_body():
    with pytest.raises(ConfigError, match="vgg16 has no conv4_4; it has conv1_1, conv2_1"):
        ssd("ssd300_vgg19", architecture=replace(NETWORKS["ssd300_vgg19"].architecture, base="vgg16"))
