import dataclasses
from math import inf, nan

import numpy as np
import pytest

from tf_ssd.config import NETWORKS, VOC300, LossConfig, ModelConfig
from tf_ssd.config.boxes import BoxRule
from tf_ssd.errors import ConfigError
from tf_ssd.model import ssd

ARCHITECTURE = NETWORKS["ssd300_mobilenet_v2"].architecture
EXTRA = ARCHITECTURE.extras[0]


@pytest.mark.parametrize(
    ("described", "change", "message"),
    [
        (
            ARCHITECTURE,
            {"base": "resnet50"},
            "base='resnet50': must be one of vgg16, vgg19, mobilenet_v1, mobilenet_v2, mobilenet_v3",
        ),
        (ARCHITECTURE, {"heads": "5x5"}, "heads='5x5': must be one of 3x3, 1x1, depthwise"),
        (ARCHITECTURE, {"padding": "valid"}, "padding='valid': must be one of both, same"),
        (ARCHITECTURE, {"activation": "swish"}, "activation='swish': must be one of relu, relu6"),
        (ARCHITECTURE, {"taps": ()}, "taps=.*: name one layer of the body at least"),
        (ARCHITECTURE, {"pixel_mean": (nan, 0.0, 0.0)}, "pixel_mean=.*: must be numbers"),
        (ARCHITECTURE, {"pixel_std": (1.0, 0.0, 1.0)}, "pixel_std=.*: must be positive"),
        (ARCHITECTURE, {"norm_epsilon": 0.0}, "norm_epsilon=0.0: must be positive"),
        (ARCHITECTURE, {"norm_momentum": 1.1}, "norm_momentum=1.1: must be from 0 to 1"),
        (ARCHITECTURE, {"divisor": 0}, "divisor=0: must be at least 1"),
        (ARCHITECTURE, {"divisor": 8.0}, "divisor=8.0: must be a whole number"),
        (ARCHITECTURE, {"l2_norm": -20.0}, "l2_norm=-20.0: must be positive, or None"),
        (ARCHITECTURE, {"tail": 0.0}, "tail=0.0: must be above 0 and at most 1"),
        (ARCHITECTURE, {"head_stddev": (0.01, inf)}, "head_stddev=.*: must be numbers from 0"),
        (EXTRA, {"stride": 0}, "stride=0: of extra1 must be at least 1"),
        (EXTRA, {"channels": 0.5}, "channels=0.5: must be a whole number"),
        (EXTRA, {"padding": -1}, 'padding=-1: of extra1 must be "same" or a number of pixels'),
        (EXTRA, {"padding": "valid"}, "padding='valid': must be a whole number"),
        (BoxRule(), {"order": "mmdetection"}, "order='mmdetection': must be one of caffe, od_api"),
        (VOC300, {"image_size": 300.0}, "image_size=300.0: must be a whole number"),
        (VOC300, {"clip": "all"}, "clip='all': must be one of none, size, cxcywh"),
        (VOC300, {"offset": nan}, "offset=nan: must be a number"),
        (VOC300, {"steps": (8, 16, 32, 64, 100, inf)}, "default boxes=.*: every size, step and number must be positive"),
        (LossConfig(), {"match_strategy": "greedy"}, "match_strategy='greedy': must be one of bipartite, argmax"),
        (LossConfig(), {"normalizer": "sum"}, "normalizer='sum': must be one of batch, image"),
        (LossConfig(), {"alpha": inf}, "alpha=inf: must be a number from 0"),
        (ModelConfig(), {"num_classes": "3"}, "num_classes='3': must be a whole number"),
        (ModelConfig(), {"num_classes": 2.5}, "num_classes=2.5: must be a whole number"),
        (ModelConfig(), {"num_classes": 1}, "num_classes=1: needs background and at least one class"),
        (ModelConfig(), {"variances": (0.1, nan)}, "variances=.*: must be positive"),
        (ModelConfig(), {"batch_norm": "False"}, "batch_norm='False': must be True or False"),
        (ModelConfig(), {"scores": "relu"}, "scores='relu': must be one of softmax, sigmoid"),
    ],
)
def test_a_description_says_nothing_that_cannot_be_built(described, change, message):
    """What is not known is not taken for something else."""
    with pytest.raises(ConfigError, match=f"^{message}"):
        dataclasses.replace(described, **change)


def test_numbers_of_numpy_become_those_of_a_file():
    config = ModelConfig(num_classes=np.int64(3), boxes=dataclasses.replace(VOC300, image_size=np.int32(300)))
    assert (type(config.num_classes), type(config.boxes.image_size)) == (int, int)


@pytest.mark.parametrize("what", [None, 300, NETWORKS["ssd300_vgg16"].boxes])
def test_what_is_no_network_is_refused(what):
    with pytest.raises(ConfigError, match=r"^network=.*: is neither the name of a network nor a ModelConfig"):
        ssd(what)


@pytest.mark.parametrize(("name", "side"), [("ssd300_vgg16", 16), ("ssd300_vgg19", 3), ("ssd512_vgg16", 64)])
def test_an_image_of_which_no_feature_map_is_left(name, side):
    boxes = dataclasses.replace(NETWORKS[name].boxes, image_size=side)
    with pytest.raises(ConfigError, match=f"^image_size={side}: too small for {name}, nothing is left of a feature map"):
        ssd(name, num_classes=2, width=0.0625, boxes=boxes)


def test_an_image_whose_feature_maps_are_others():
    config = NETWORKS["ssdlite320_mobilenet_v3_large"]
    with pytest.raises(
        ConfigError, match=r"^feature_maps=.*: ssdlite320_mobilenet_v3_large has feature maps of \(1, 1, 1, 1, 1, 1\)"
    ):
        ssd(config, num_classes=2, width=0.0625, boxes=dataclasses.replace(config.boxes, image_size=1))
