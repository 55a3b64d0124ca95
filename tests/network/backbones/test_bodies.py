from dataclasses import replace

import keras
import pytest

from tf_ssd.config import NETWORKS
from tf_ssd.network.backbones import BODIES

# What a network may be given as a feature map, beside what VGG has (test_vgg).
TAPS = {
    "ssd300_mobilenet_v1": ["conv1", *(f"conv_pw_{number}" for number in range(1, 14))],
    "ssd300_mobilenet_v2": [
        "Conv1",
        *(f"block_{number}_expand" for number in range(1, 17)),
        *(f"block_{number}_add" for number in (2, 4, 5, 7, 8, 9, 11, 12, 14, 15)),
        "Conv_1",
    ],
    "ssdlite320_mobilenet_v3_large": ["conv", *(f"expanded_conv_{number}_expand" for number in range(1, 15)), "conv_1"],
}


@pytest.mark.parametrize(("name", "taps"), TAPS.items(), ids=TAPS.keys())
def test_layers_that_may_be_feature_maps_are_found_by_their_names(name, taps):
    config = replace(NETWORKS[name], width=1 / 16)
    image = keras.Input((64, 64, 3))
    assert sorted(BODIES[config.architecture.base](image, config)) == sorted(taps)
