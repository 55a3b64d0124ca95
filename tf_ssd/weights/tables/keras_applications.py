"""Keras Applications: bodies of its networks, in the .h5 files that it publishes and that Keras 2 and 3 write."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tf_ssd.config import Channels, ModelConfig
from tf_ssd.config.network import Base
from tf_ssd.network.backbones import LAYERS, mobilenet_v2
from tf_ssd.weights.tables import vgg
from tf_ssd.weights.tables.table import AS_IS, EVERY_FOURTH, Conversion, Table, Target, Targets, body_network

# Dense layers as (input, output), where the input of fc1 is a window of (row, column, channel).
FC1 = Conversion(lambda _: (7 * 7 * 512, 4096), lambda array: array.reshape(7, 7, 512, -1)[::3, ::3, :, ::4])
FC2 = Conversion(lambda _: (4096, 4096), lambda array: array[None, None, ::4, ::4])
CONVOLUTION, BIAS, NORM = ("kernel",), ("kernel", "bias"), ("gamma", "beta", "moving_mean", "moving_variance")
VGG_MEAN = (123.68, 116.779, 103.939)  # red, green, blue; the weights are for BGR
# What older versions of Keras called a variable.
EARLIER = (
    (re.compile(r"(.*_)?W(_\d+)?"), "kernel"),
    (re.compile(r"(.*_)?b(_\d+)?"), "bias"),
    (re.compile("depthwise_kernel"), "kernel"),
)


# A top of one's own, whose layers have other names than those of bodies.
OWN_TOP = r"(?!block|conv|Conv|bn_Conv|expanded_conv).*"


class Layer(NamedTuple):
    """A layer of Keras Applications with weights.

    Attributes:
        name: its own.
        kind: its class, as Keras 3 writes it.
        ours: our layer of the same weights; None if there is none.
        variables: in the order in which Keras keeps them.
        conversions: of each variable.
    """

    name: str
    kind: str
    ours: str | None
    variables: tuple[str, ...]
    conversions: Mapping[str, Conversion] = {}

    def target(self, variable: str) -> Target | None:
        """Where a variable goes."""
        return Target(f"{self.ours}.{variable}", self.conversions.get(variable, AS_IS)) if self.ours else None


def by_layer(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors of an .h5 file under the names "layer/variable" of Keras 3, whatever stands before, between and behind them.

    What Keras 3 writes into .weights.h5 has numbers in place of names, and stays as it is; so does a file in which two tensors
    would have one name.
    """
    named = {_by_layer(name): array for name, array in tensors.items()}
    return named if len(named) == len(tensors) else dict(tensors)


def _by_layer(name: str) -> str:
    parts = name.split("/")
    if len(parts) < 2 or parts[0] == "layers":
        return name
    layer = parts[0] if parts[1].startswith(parts[0]) else parts[-2]
    return f"{layer}/{next((ours for pattern, ours in EARLIER if pattern.fullmatch(parts[-1])), parts[-1])}"


def _vgg(base: Base) -> Iterator[Layer]:
    for ours in vgg.layers(base):
        yield Layer(vgg.keras_name(ours), "conv2d", ours, BIAS)


VGG_TOP = (
    Layer("fc1", "dense", "fc6", BIAS, {"kernel": FC1, "bias": EVERY_FOURTH}),
    Layer("fc2", "dense", "fc7", BIAS, {"kernel": FC2, "bias": EVERY_FOURTH}),
    Layer("predictions", "dense", None, BIAS),
)


def _mobilenet_v1() -> Iterator[Layer]:
    for ours in (name for block in LAYERS["mobilenet_v1"].values() for name in block):
        yield from _normalised(ours, f"{ours}_bn", ours, depthwise=ours.startswith("conv_dw"))


def _mobilenet_v2() -> Iterator[Layer]:
    yield from _normalised("Conv1", "bn_Conv1", "Conv1")
    for block in mobilenet_v2.NAMES:
        for part in mobilenet_v2.parts_of(block):
            ours = f"{block}_{part}"
            yield from _normalised(ours, f"{ours}_BN", ours, depthwise=part == "depthwise")
    yield from _normalised("Conv_1", "Conv_1_bn", "Conv_1")


def _normalised(name: str, norm: str, ours: str, *, depthwise: bool = False) -> Iterator[Layer]:
    yield Layer(name, "depthwise_conv2d" if depthwise else "conv2d", ours, CONVOLUTION)
    yield Layer(norm, "batch_normalization", f"{ours}_bn", NORM)


def _tables(
    model: str, config: ModelConfig, body: tuple[Layer, ...], top: tuple[Layer, ...], channels: Channels
) -> Iterator[Table]:
    """With names and with numbers of layers, without top and with it."""
    for layers, which in ((body, "without"), ((*body, *top), "with")):
        named = {f"{layer.name}/{variable}": layer.target(variable) for layer in layers for variable in layer.variables}
        for targets, writer in ((named, ""), (_by_number(layers), " as written by Keras 3")):
            description = f"{model} of Keras Applications{writer} ({which} top)"
            others = OWN_TOP if which == "without" and targets is named else None
            yield Table("keras", description, targets, channels=channels, config=config, others=others)


def _by_number(layers: tuple[Layer, ...]) -> Targets:
    """Keras 3 counts the layers of each class, and the variables of a layer."""
    targets: Targets = {}
    seen: Counter[str] = Counter()
    for layer in layers:
        place = f"layers/{layer.kind}_{seen[layer.kind]}".removesuffix("_0")
        targets |= {f"{place}/vars/{number}": layer.target(variable) for number, variable in enumerate(layer.variables)}
        seen[layer.kind] += 1
    return targets


_VGG = {"pixel_mean": VGG_MEAN, "pixel_std": (1.0, 1.0, 1.0)}
VGG16 = tuple(_tables("VGG16", body_network("ssd300_vgg16", **_VGG), tuple(_vgg("vgg16")), VGG_TOP, "bgr"))
VGG19 = tuple(_tables("VGG19", body_network("ssd300_vgg19", **_VGG), tuple(_vgg("vgg19")), VGG_TOP, "bgr"))
# Pixels / 127.5 - 1, and padding at the end, as the networks of the table have it.
MOBILENET = tuple(
    _tables(
        "MobileNet",
        body_network("ssd300_mobilenet_v1", norm_momentum=0.99),
        tuple(_mobilenet_v1()),
        (Layer("conv_preds", "conv2d", None, BIAS),),
        "rgb",
    )
)
MOBILENET_V2 = tuple(
    _tables(
        "MobileNetV2",
        body_network("ssd300_mobilenet_v2", norm_momentum=0.999),
        tuple(_mobilenet_v2()),
        (Layer("predictions", "dense", None, BIAS),),
        "rgb",
    )
)
# The earlier name of what is VGG16 alone, of whichever publisher.
TABLES = (*VGG16, *VGG19, *MOBILENET, *MOBILENET_V2, *(replace(table, source="vgg16") for table in VGG16))
# What Keras downloads for a body, and whether its dense layers are of use.
DOWNLOADS: dict[Base, tuple[str, bool]] = {
    "vgg16": ("VGG16", True),
    "vgg19": ("VGG19", True),
    "mobilenet_v1": ("MobileNet", False),
    "mobilenet_v2": ("MobileNetV2", False),
}
