"""torchvision: its detectors, and the bodies of its networks for classification."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tf_ssd.config import COCO300, NETWORKS
from tf_ssd.config.network import Base
from tf_ssd.network.backbones import mobilenet_v2, mobilenet_v3
from tf_ssd.weights.tables import vgg
from tf_ssd.weights.tables.table import Table, Target, Targets, Tensors, body_network, levels
from tf_ssd.weights.tables.torch_layout import FC1, FC2, convolutions, dense, normalised, numbered

# Of colours 0..1; the second is of what torchvision took over from Caffe.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN = (0.48235, 0.45882, 0.40784)
_REDUCED, _FULL = "ssdlite320_mobilenet_v3_large", "ssdlite320_mobilenet_v3_large_full_tail"
MODULES = {"offsets": "head.regression_head.module_list", "logits": "head.classification_head.module_list"}


def _pixels(colours: tuple[float, ...]) -> Any:
    """Of colours 0..255."""
    return tuple(255 * colour for colour in colours)


def _ssd300() -> Targets:
    body, places = vgg.layers("vgg16"), vgg.positions("vgg16")
    named = numbered("backbone.features.{}", places[:10], body[:10])
    # extra.0 is the second half of VGG16: pool4 is at position 0, a list of pool5, fc6 and fc7 with their ReLUs at position 7.
    named |= numbered("backbone.extra.0.{}", (1, 3, 5, "7.1", "7.3"), (*body[10:], "fc6", "fc7"))
    named |= numbered("backbone.extra.{}", ("1.0", "1.2", "2.0", "2.2", "3.0", "3.2", "4.0", "4.2"), vgg.EXTRAS)
    for head, module in MODULES.items():
        named |= {f"{module}.{level}": f"{head}_{level}" for level in levels(NETWORKS["ssd300_vgg16"])}
    return convolutions(named) | {"backbone.scale_weight": Target("conv4_3_norm.scale")}


def _ssdlite() -> Targets:
    targets = _mobilenet_v3(lambda part: f"backbone.features.{_in_halves(part)}")
    for number, extra in enumerate(NETWORKS[_REDUCED].architecture.extras):
        for part, layer in enumerate(("1", "2_depthwise", "2")):
            theirs = f"backbone.extra.{number}.{part}"
            targets |= normalised(f"{theirs}.0", f"{theirs}.1", f"{extra.name}_{layer}")
    for head, module in MODULES.items():
        for level in levels(NETWORKS[_REDUCED]):
            targets |= normalised(f"{module}.{level}.0.0", f"{module}.{level}.0.1", f"{head}_{level}_depthwise")
            targets |= convolutions({f"{module}.{level}.1": f"{head}_{level}"})
    return targets


def _in_halves(part: str) -> str:
    """Where the detector has a part of MobileNetV3, which it cuts in two behind the expansion of block 13, its first source."""
    first, _, rest = part.partition(".")
    number = int(first)
    if number < 13:
        return f"0.{part}"
    if number > 13:
        return f"1.{number - 13}.{rest}".removesuffix(".")
    return "0.13" if rest == "block.0" else f"1.0.{rest.removeprefix('block.')}"


def _mobilenet_v3(name: Callable[[str], str]) -> Targets:
    """The parts of MobileNetV3-Large, from the first convolution, "0", to the last, "16"; `name` says what stands for them."""
    targets, layers, inputs = Targets(), {"0": "conv", "16": "conv_1"}, mobilenet_v3.FIRST
    for number, (block, row) in enumerate(zip(mobilenet_v3.NAMES, mobilenet_v3.ROWS, strict=True), start=1):
        parts = ["expand"] * (row.expanded != inputs) + ["depthwise"] + ["squeeze_excite"] * row.squeezes + ["project"]
        for place, part in enumerate(parts):
            theirs, ours = f"{number}.block.{place}", f"{block}_{part}"
            if part == "squeeze_excite":
                targets |= convolutions({name(f"{theirs}.fc1"): f"{ours}_conv", name(f"{theirs}.fc2"): f"{ours}_conv_1"})
            else:
                layers[theirs] = ours
        inputs = row.channels
    for theirs, ours in layers.items():
        targets |= normalised(f"{name(theirs)}.0", f"{name(theirs)}.1", ours)
    return targets


def _mobilenet_v2() -> Targets:
    targets = normalised("features.0.0", "features.0.1", "Conv1") | normalised("features.18.0", "features.18.1", "Conv_1")
    for number, block in enumerate(mobilenet_v2.NAMES, start=1):
        theirs, parts = f"features.{number}.conv", mobilenet_v2.parts_of(block)
        for place, part in enumerate(parts[:-1]):
            targets |= normalised(f"{theirs}.{place}.0", f"{theirs}.{place}.1", f"{block}_{part}")
        targets |= normalised(f"{theirs}.{len(parts) - 1}", f"{theirs}.{len(parts)}", f"{block}_project")
    return targets | _unused("classifier.1")


def _vgg(base: Base, *, fully_connected: bool = True) -> Targets:
    targets = convolutions(numbered("features.{}", vgg.positions(base), vgg.layers(base)))
    if not fully_connected:
        return targets | _unused("classifier.0", "classifier.3", "classifier.6")
    return targets | dense({"classifier.0": ("fc6", FC1), "classifier.3": ("fc7", FC2)}) | _unused("classifier.6")


def _unused(*layers: str) -> Targets:
    return dict.fromkeys(f"{layer}.{part}" for layer in layers for part in ("weight", "bias"))


def _only_features(tensors: Tensors) -> bool:
    return bool(np.isnan(tensors["classifier.0.weight"]).all())


def _last_channels(channels: int, layer: str) -> Callable[[Tensors], bool]:
    return lambda tensors: tensors[f"{layer}.0.weight"].shape[:1] == (channels,)


def _classifier(name: str, network: str, targets: Targets, **of_weights: Any) -> Table:
    config = body_network(network, **{"pixel_mean": _pixels(IMAGENET_MEAN), "pixel_std": _pixels(IMAGENET_STD), **of_weights})
    return Table("torchvision", f"a state dict of torchvision's {name}", targets, channels="rgb", config=config)


_V3 = _mobilenet_v3(lambda part: f"features.{part}") | _unused("classifier.0", "classifier.3")
_CAFFE = {"pixel_mean": _pixels(CAFFE_MEAN), "pixel_std": (1.0, 1.0, 1.0)}

SSD300 = Table(
    "torchvision",
    "a state dict of torchvision's ssd300_vgg16",
    _ssd300(),
    channels="rgb",
    config=replace(body_network("ssd300_vgg16", **_CAFFE), boxes=replace(COCO300, clip="size")),
)
SSDLITE, SSDLITE_FULL = (
    Table(
        "torchvision",
        f"a state dict of torchvision's ssdlite320_mobilenet_v3_large with the {tail} tail",
        _ssdlite(),
        channels="rgb",
        config=NETWORKS[name],
        suits=_last_channels(channels, "backbone.features.1.3"),
    )
    for tail, name, channels in (("reduced", _REDUCED, 480), ("full", _FULL, 960))
)
VGG16 = _classifier("vgg16", "ssd300_vgg16", _vgg("vgg16"))
# Caffe's VGG16 under torchvision's names, whose classifier is filled with NaN (IMAGENET1K_FEATURES).
VGG16_FEATURES = replace(
    _classifier("vgg16, the features alone", "ssd300_vgg16", _vgg("vgg16", fully_connected=False), **_CAFFE), suits=_only_features
)
VGG19 = _classifier("vgg19", "ssd300_vgg19", _vgg("vgg19"))
MOBILENET_V2 = _classifier(
    "mobilenet_v2", "ssd300_mobilenet_v2", _mobilenet_v2(), padding="both", norm_epsilon=1e-5, norm_momentum=0.9
)
MOBILENET_V3, MOBILENET_V3_REDUCED = (
    replace(
        _classifier(f"mobilenet_v3_large with the {tail} tail", name, _V3, norm_momentum=0.99),
        suits=_last_channels(channels, "features.16"),
    )
    for tail, name, channels in (("full", _FULL, 960), ("reduced", _REDUCED, 480))
)
TABLES = (SSD300, SSDLITE, SSDLITE_FULL, VGG16_FEATURES, VGG16, VGG19, MOBILENET_V2, MOBILENET_V3, MOBILENET_V3_REDUCED)
