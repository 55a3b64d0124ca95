"""A kind of published file: which of its tensors becomes which variable of ours, complete and name by name."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from tf_ssd.config import NETWORKS, Architecture, Channels, ModelConfig, WeightsSource

Shape = tuple[int, ...]
Tensors = Mapping[str, np.ndarray]


class Conversion(NamedTuple):
    """How a published tensor becomes a variable: its shape, as a function of the variable's shape, and the arithmetic."""

    published_shape: Callable[[Shape], Shape]
    apply: Callable[[np.ndarray], np.ndarray]


AS_IS = Conversion(lambda shape: shape, lambda array: array)
# VGG's dense layers become convolutions: every third row and column of fc1's 7x7 window, every fourth of the 4096 channels
# (Liu et al. 2016, section 3, after DeepLab). pool5 no longer halves the feature map, so that 3 cells become 6: fc6's dilation.
EVERY_FOURTH = Conversion(lambda _: (4096,), lambda array: array[::4])


class Target(NamedTuple):
    """Where a published tensor goes: "layer.variable" of `model.ssd`, and how it is converted."""

    variable: str
    conversion: Conversion = AS_IS


Targets = dict[str, Target | None]


@dataclass(frozen=True)
class Table:
    """One kind of file.

    Attributes:
        source: what the command line calls it.
        description: what it holds, for messages.
        targets: for each tensor in it, by name, where it goes; None for one that a detector has no use for.
        channels: order of the colours that the first kernel expects.
        config: the network that it belongs to, with padding, normalisation and scaling of pixels as the weights want them.
        others: pattern of the names of more tensors that it may hold, which are then not used.
        suits: whether tensors that have these names are of this kind, where there are several kinds with the same names.
    """

    source: WeightsSource
    description: str
    targets: Targets
    channels: Channels
    config: ModelConfig
    others: str | None = None
    suits: Callable[[Tensors], bool] = lambda _: True

    @property
    def is_body(self) -> bool:
        """Whether it holds no heads, so that it fits into each network that has this body."""
        return not any(is_head(target.variable) for target in self.targets.values() if target)


def levels(config: ModelConfig) -> range:
    """The numbers of a network's feature maps, which its heads are named after."""
    return range(len(config.boxes.feature_maps))


def is_head(layer: str) -> bool:
    """Whether a layer (or its variable) belongs to the heads, whose shape depends on the classes."""
    return layer.startswith(("offsets_", "logits_"))


def gives_logits(variable: str) -> bool:
    """Whether the last axis of a variable counts default boxes of a cell times classes."""
    return re.fullmatch(r"logits_\d+\.(kernel|bias)", variable) is not None


# What of an architecture belongs to trained weights, and not to a family of networks.
OF_WEIGHTS = ("pixel_mean", "pixel_std", "padding", "norm_epsilon", "norm_momentum")


def trained_as(config: ModelConfig, weights: Architecture) -> ModelConfig:
    """A network that scales pixels, pads and normalises as weights for its body want it."""
    return replace(config, architecture=replace(config.architecture, **{name: getattr(weights, name) for name in OF_WEIGHTS}))


def body_network(name: str, **of_weights: Any) -> ModelConfig:
    """The network of a name with the given settings of `OF_WEIGHTS`."""
    config = NETWORKS[name]
    return trained_as(config, replace(config.architecture, **of_weights))
