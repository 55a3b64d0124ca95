"""The family: every network that is known by name."""

from dataclasses import replace
from typing import Literal

from tf_ssd.config.boxes import LITE320, LITE_RULE, OD300, OD320, OD_API_RULE, SSD512_RULE, VOC512
from tf_ssd.config.detection import DetectionConfig
from tf_ssd.config.network import VGG16_300, Architecture, Base, Extra, ModelConfig
from tf_ssd.config.rules import require

NetworkName = Literal[
    "ssd300_mobilenet_v1",
    "ssd300_mobilenet_v2",
    "ssd300_vgg16",
    "ssd300_vgg19",
    "ssd512_vgg16",
    "ssdlite320_mobilenet_v2",
    "ssdlite320_mobilenet_v3_large",
    "ssdlite320_mobilenet_v3_large_full_tail",
]
DEFAULT_NETWORK: NetworkName = "ssd300_vgg16"
# Widths at which a network learns generated pictures in a few minutes on two cores. MobileNets have few channels to begin with.
SMALL: dict[Base, float] = {
    "vgg16": 0.125,
    "vgg19": 0.125,
    "mobilenet_v1": 0.35,
    "mobilenet_v2": 0.35,
    "mobilenet_v3_large": 0.35,
}

# Caffe SSD512's.
VGG16_512 = replace(
    VGG16_300,
    extras=(
        Extra("conv8", 256, 512),
        *(Extra(f"conv{number}", 128, 256) for number in (9, 10, 11)),
        Extra("conv12", 128, 256, kernel=4, stride=1, padding=1),
    ),
    box_rule=SSD512_RULE,
)
VGG19_300 = replace(VGG16_300, base="vgg19", taps=("conv4_4", "fc7"))
_MIDDLE = (127.5, 127.5, 127.5)  # of pixels 0..255; as mean and deviation it makes them -1..1


def _extras(*, padding: int | Literal["same"], depthwise: bool) -> tuple[Extra, ...]:
    """Four maps, each of half the side of the one before."""
    channels = enumerate((512, 256, 256, 128), start=1)
    return tuple(Extra(f"extra{number}", c // 2, c, padding=padding, depthwise=depthwise) for number, c in channels)


# torchvision's ssdlite320_mobilenet_v3_large, whose published detector has half the channels in the tail of its body.
MOBILENET_V3 = Architecture(
    "mobilenet_v3_large",
    taps=("expanded_conv_12_expand", "conv_1"),
    extras=_extras(padding=1, depthwise=True),
    heads="depthwise",
    pixel_mean=_MIDDLE,
    pixel_std=_MIDDLE,
    activation="relu6",
    norm_momentum=0.97,
    divisor=8,
    tail=0.5,
    box_rule=LITE_RULE,
)
# Those of TensorFlow's Object Detection API.
MOBILENET_V1 = Architecture(
    "mobilenet_v1",
    taps=("conv_pw_11", "conv_pw_13"),
    extras=_extras(padding="same", depthwise=False),
    heads="1x1",
    pixel_mean=_MIDDLE,
    pixel_std=_MIDDLE,
    padding="same",
    activation="relu6",
    norm_momentum=0.9997,
    divisor=8,
    box_rule=OD_API_RULE,
)
MOBILENET_V2 = replace(MOBILENET_V1, base="mobilenet_v2", taps=("block_13_expand", "Conv_1"))
MOBILENET_V2_LITE = replace(MOBILENET_V2, extras=_extras(padding="same", depthwise=True), heads="depthwise")

_LITE = ModelConfig(
    name="ssdlite320_mobilenet_v3_large",
    architecture=MOBILENET_V3,
    boxes=LITE320,
    batch_norm=True,
    detection=DetectionConfig(score_threshold=0.001, iou_threshold=0.55, top_k=300, max_detections=300),
)
_OD_API = ModelConfig(
    name="ssd300_mobilenet_v1",
    architecture=MOBILENET_V1,
    boxes=OD300,
    batch_norm=True,
    scores="sigmoid",
    detection=DetectionConfig(score_threshold=1e-8, iou_threshold=0.6, top_k=100, max_detections=100),
)
_ALL = (
    ModelConfig(),
    ModelConfig(name="ssd512_vgg16", architecture=VGG16_512, boxes=VOC512),
    ModelConfig(name="ssd300_vgg19", architecture=VGG19_300),
    _LITE,
    replace(_LITE, name="ssdlite320_mobilenet_v3_large_full_tail", architecture=replace(MOBILENET_V3, tail=1.0)),
    _OD_API,
    replace(_OD_API, name="ssd300_mobilenet_v2", architecture=MOBILENET_V2),
    replace(_OD_API, name="ssdlite320_mobilenet_v2", architecture=MOBILENET_V2_LITE, boxes=OD320),
)
NETWORKS: dict[str, ModelConfig] = {config.name: config for config in _ALL}


def network_named(name: str) -> ModelConfig:
    """The network of a name, for 20 classes and background; raises ConfigError, which lists those that are known."""
    require(name in NETWORKS, "network", name, f"is not known; known are {', '.join(NETWORKS)}")
    return NETWORKS[name]
