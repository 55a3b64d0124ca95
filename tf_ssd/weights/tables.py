"""Which published tensor becomes which variable of ours: one table for each kind of file, complete and name by name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tf_ssd.config import COCO300, NETWORKS, VOC300, Channels, ModelConfig, WeightsSource

Shape = tuple[int, ...]


class Conversion(NamedTuple):
    """How a published tensor becomes a variable: its shape, as a function of the variable's shape, and the arithmetic."""

    published_shape: Callable[[Shape], Shape]
    apply: Callable[[np.ndarray], np.ndarray]


AS_IS = Conversion(lambda shape: shape, lambda array: array)
# PyTorch keeps kernels as (output, input, height, width), Keras as (height, width, input, output).
OIHW = Conversion(lambda hwio: (hwio[3], hwio[2], hwio[0], hwio[1]), lambda array: array.transpose(2, 3, 1, 0))
# VGG16's dense layers become convolutions: every third row and column of fc1's 7x7 window, every fourth of the 4096 channels
# (Liu et al. 2016, section 3, after DeepLab). pool5 no longer halves the feature map, so that 3 cells become 6: fc6's dilation.
FC1 = Conversion(lambda _: (7 * 7 * 512, 4096), lambda array: array.reshape(7, 7, 512, 4096)[::3, ::3, :, ::4])
FC2 = Conversion(lambda _: (4096, 4096), lambda array: array[None, None, ::4, ::4])
EVERY_FOURTH = Conversion(lambda _: (4096,), lambda array: array[::4])


class Target(NamedTuple):
    """Where a published tensor goes: "layer.variable" of `model.ssd`, and how it is converted."""

    variable: str
    conversion: Conversion


@dataclass(frozen=True)
class Table:
    """One kind of file.

    Attributes:
        source: what the command line calls it.
        description: what it holds, for messages.
        targets: for each tensor in it, by name, where it goes; None for one that the network has no use for.
        channels: order of the colours that the first kernel expects.
        config: the network whose weights they are, whatever its classes, with the default boxes that its offsets refer to.
        others: pattern of the names of more tensors that it may hold, which are then not used.
    """

    source: WeightsSource
    description: str
    targets: Mapping[str, Target | None]
    channels: Channels
    config: ModelConfig = NETWORKS["ssd300_vgg16"]
    others: str | None = None


def is_head(layer: str) -> bool:
    """Whether a layer (or its variable) belongs to the heads, whose shape depends on the classes."""
    return layer.startswith(("offsets_", "logits_"))


VGG16 = tuple(f"conv{block}_{number}" for block, count in enumerate((2, 2, 3, 3, 3), start=1) for number in range(1, count + 1))
EXTRAS = tuple(f"conv{block}_{number}" for block in (8, 9, 10, 11) for number in (1, 2))
OFFSETS, LOGITS = (tuple(f"{head}_{level}" for level in range(6)) for head in ("offsets", "logits"))
# Positions of the convolutions when VGG16 is a list of convolutions, ReLU and pooling: up to conv4_3, up to conv5_3.
VGG16_POSITIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def _torch_targets(layers: Mapping[str, str]) -> dict[str, Target]:
    """Targets of the weight and bias of each convolution, from PyTorch's name for it to ours."""
    weights = {f"{theirs}.weight": Target(f"{ours}.kernel", OIHW) for theirs, ours in layers.items()}
    return weights | {f"{theirs}.bias": Target(f"{ours}.bias", AS_IS) for theirs, ours in layers.items()}


def _numbered(pattern: str, numbers: Iterable[int | str], layers: Iterable[str]) -> dict[str, str]:
    return {pattern.format(number): layer for number, layer in zip(numbers, layers, strict=True)}


TORCHVISION = Table(
    "torchvision",
    "a state dict of torchvision's ssd300_vgg16",
    _torch_targets(
        _numbered("backbone.features.{}", VGG16_POSITIONS[:10], VGG16[:10])
        # extra.0 is the second half of VGG16: pool4 is at position 0, a list of pool5, fc6 and fc7 with their ReLUs at position 7.
        | _numbered("backbone.extra.0.{}", (1, 3, 5, "7.1", "7.3"), (*VGG16[10:], "fc6", "fc7"))
        | _numbered("backbone.extra.{}", ("1.0", "1.2", "2.0", "2.2", "3.0", "3.2", "4.0", "4.2"), EXTRAS)
        | _numbered("head.regression_head.module_list.{}", range(6), OFFSETS)
        | _numbered("head.classification_head.module_list.{}", range(6), LOGITS)
    )
    | {"backbone.scale_weight": Target("conv4_3_norm.scale", AS_IS)},
    channels="rgb",
    config=ModelConfig(boxes=replace(COCO300, clip="size")),
)
AMDEGROOT = Table(
    "amdegroot",
    "a state dict of amdegroot/ssd.pytorch's SSD300",
    _torch_targets(
        _numbered("vgg.{}", (*VGG16_POSITIONS, 31, 33), (*VGG16, "fc6", "fc7"))
        | _numbered("extras.{}", range(8), EXTRAS)
        | _numbered("loc.{}", range(6), OFFSETS)
        | _numbered("conf.{}", range(6), LOGITS)
    )
    | {"L2Norm.weight": Target("conv4_3_norm.scale", AS_IS)},
    channels="bgr",
    config=ModelConfig(boxes=replace(VOC300, clip="cxcywh")),
)
REDUCED_FC = Table(
    "vgg16",
    "vgg16_reducedfc.pth",
    _torch_targets(_numbered("{}", (*VGG16_POSITIONS, 31, 33), (*VGG16, "fc6", "fc7"))),
    channels="bgr",
)


def _keras_table(description: str, names: Callable[[str, int], tuple[str, str]], *, top: bool) -> Table:
    """VGG16 of Keras Applications; `names` gives kernel and bias of a layer by its name or by its number among its kind."""
    targets: dict[str, Target | None] = {}
    for number, layer in enumerate(VGG16):
        kernel, bias = names(layer.replace("conv", "block").replace("_", "_conv"), number)
        targets |= {kernel: Target(f"{layer}.kernel", AS_IS), bias: Target(f"{layer}.bias", AS_IS)}
    if top:
        for number, (dense, layer, conversion) in enumerate((("fc1", "fc6", FC1), ("fc2", "fc7", FC2))):
            kernel, bias = names(dense, number)
            targets |= {kernel: Target(f"{layer}.kernel", conversion), bias: Target(f"{layer}.bias", EVERY_FOURTH)}
        targets |= dict.fromkeys(names("predictions", 2))
    return Table(
        "vgg16", f"VGG16 of Keras Applications {description} ({'with' if top else 'without'} top)", targets, channels="bgr"
    )


def _published(layer: str, _: int) -> tuple[str, str]:
    return f"{layer}/{layer}_W_1", f"{layer}/{layer}_b_1"


def by_layer_name(layer: str, _: int) -> tuple[str, str]:
    """Names of kernel and bias as Keras 2 writes them into .h5; `published` names weights of a model in memory in the same way."""
    return f"{layer}/{layer}/kernel", f"{layer}/{layer}/bias"


def _by_class(layer: str, number: int) -> tuple[str, str]:
    kind = "conv2d" if "conv" in layer else "dense"
    path = f"layers/{kind}_{number}/vars" if number else f"layers/{kind}/vars"
    return f"{path}/0", f"{path}/1"


KERAS = tuple(
    _keras_table(description, names, top=top)
    for description, names in (
        ("as published", _published),
        ("as written by Keras 2", by_layer_name),
        ("as written by Keras 3", _by_class),
    )
    for top in (False, True)
)
# amdegroot publishes the reduced VGG16 beside its detectors, so `--from amdegroot` finds it as well as `--from vgg16`.
TABLES = (TORCHVISION, AMDEGROOT, REDUCED_FC, replace(REDUCED_FC, source="amdegroot"), *KERAS)
