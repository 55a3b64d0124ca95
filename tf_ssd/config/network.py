"""A network described: what is built, its default boxes, and its loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any, Literal

from tf_ssd.config.boxes import SSD300_RULE, VOC300, BoxRule, DefaultBoxesConfig, tuples
from tf_ssd.config.detection import EVALUATED, DetectionConfig
from tf_ssd.config.rules import require, require_word, whole_number

Base = Literal["vgg16", "vgg19", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large"]
Heads = Literal["3x3", "1x1", "depthwise"]
ScoreKind = Literal["softmax", "sigmoid"]
MatchStrategy = Literal["bipartite", "argmax"]
Normalizer = Literal["batch", "image"]
Padding = Literal["both", "same"]
Activation = Literal["relu", "relu6"]
# The parts of each body, from the first, by which it can be frozen.
BLOCKS: dict[Base, tuple[str, ...]] = {
    "vgg16": tuple(f"conv{number}" for number in range(1, 6)),
    "vgg19": tuple(f"conv{number}" for number in range(1, 6)),
    "mobilenet_v1": ("conv1", *(f"block_{number}" for number in range(1, 14))),
    "mobilenet_v2": ("Conv1", "expanded_conv", *(f"block_{number}" for number in range(1, 17))),
    "mobilenet_v3_large": ("conv", "expanded_conv", *(f"expanded_conv_{number}" for number in range(1, 15))),
}


@dataclass(frozen=True)
class LossConfig:
    """Matching and loss: the arguments of `matcher.match` and `loss.multibox_loss`."""

    match_threshold: float = 0.5
    match_strategy: MatchStrategy = "bipartite"
    negative_ratio: int = 3
    min_negatives: int = 0
    alpha: float = 1.0
    normalizer: Normalizer = "batch"
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        require_word(self.match_strategy, "match_strategy", MatchStrategy)
        require_word(self.normalizer, "normalizer", Normalizer)
        require(0 < self.match_threshold <= 1, "match_threshold", self.match_threshold, "must be above 0 and at most 1")
        require(self.negative_ratio >= 0, "negative_ratio", self.negative_ratio, "must not be negative")
        require(self.min_negatives >= 0, "min_negatives", self.min_negatives, "must not be negative")
        require(0 <= self.alpha < inf, "alpha", self.alpha, "must be a number from 0")
        usable = all(0 <= weight < inf for weight in self.class_weights or ())
        require(usable, "class_weights", self.class_weights, "must be finite and not negative")


@dataclass(frozen=True)
class Extra:
    """Two convolutions that make a smaller feature map of the one before: 1x1 to fewer channels, then one with a stride.

    Attributes:
        name: of both, followed by _1 and _2.
        squeezed, channels: results of the first and of the second.
        kernel, stride: of the second.
        padding: pixels around it; "same" is TensorFlow's, which adds the odd pixel at the end.
        depthwise: whether the second is one for each channel, followed by a 1x1 convolution.
    """

    name: str
    squeezed: int
    channels: int
    kernel: int = 3
    stride: int = 2
    padding: int | Literal["same"] = 1
    depthwise: bool = False

    def __post_init__(self) -> None:
        for name in ("squeezed", "channels", "kernel", "stride"):
            require(whole_number(getattr(self, name), name) >= 1, name, getattr(self, name), f"of {self.name} must be at least 1")
        known = self.padding == "same" or whole_number(self.padding, "padding") >= 0
        require(known, "padding", self.padding, f'of {self.name} must be "same" or a number of pixels')


@dataclass(frozen=True)
class Architecture:
    """What a network is made of. Padding, normalisation and scaling of pixels are those of the weights that are published for it.

    Attributes:
        base: the body.
        taps: layers of the body whose activations are the first feature maps.
        extras: what adds the other feature maps.
        heads: convolutions from a feature map to offsets and logits: one of 3x3 or 1x1, or a depthwise 3x3 before one of 1x1.
        pixel_mean, pixel_std: the body takes (RGB pixels 0..255 - mean) / std, channel by channel.
        padding: of convolutions with a stride: "both" sides, as Caffe and torch, or "same", TensorFlow's, which adds the odd pixel
            at the end.
        activation: of extras and heads, and of the body, unless its family has activations of its own.
        norm_epsilon, norm_momentum: of batch normalisation; the moving statistics keep `norm_momentum` in each step.
        divisor: numbers of channels are multiples of it.
        l2_norm: scale that the first feature map's L2 normalisation starts with; None for no normalisation.
        tail: factor on the channels of the body's last part.
        head_stddev: standard deviations of the initial kernels of offsets and logits.
        box_rule: how default boxes follow from their sizes.
    """

    base: Base
    taps: tuple[str, ...]
    extras: tuple[Extra, ...]
    heads: Heads = "3x3"
    pixel_mean: tuple[float, float, float] = (123.0, 117.0, 104.0)
    pixel_std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    padding: Padding = "both"
    activation: Activation = "relu"
    norm_epsilon: float = 1e-3
    norm_momentum: float = 0.99
    divisor: int = 1
    l2_norm: float | None = None
    tail: float = 1.0
    head_stddev: tuple[float, float] = (0.03, 0.03)
    box_rule: BoxRule = SSD300_RULE

    def __post_init__(self) -> None:
        for name, words in (("base", Base), ("heads", Heads), ("padding", Padding), ("activation", Activation)):
            require_word(getattr(self, name), name, words)
        require(bool(self.taps), "taps", self.taps, "name one layer of the body at least")
        require(all(isfinite(mean) for mean in self.pixel_mean), "pixel_mean", self.pixel_mean, "must be numbers")
        require(all(0 < std < inf for std in self.pixel_std), "pixel_std", self.pixel_std, "must be positive")
        require(0 < self.norm_epsilon < inf, "norm_epsilon", self.norm_epsilon, "must be positive")
        require(0 <= self.norm_momentum <= 1, "norm_momentum", self.norm_momentum, "must be from 0 to 1")
        require(whole_number(self.divisor, "divisor") >= 1, "divisor", self.divisor, "must be at least 1")
        require(self.l2_norm is None or 0 < self.l2_norm < inf, "l2_norm", self.l2_norm, "must be positive, or None")
        require(0 < self.tail <= 1, "tail", self.tail, "must be above 0 and at most 1")
        require(all(0 <= std < inf for std in self.head_stddev), "head_stddev", self.head_stddev, "must be numbers from 0")

    def first_blocks(self, count: int) -> tuple[str, ...]:
        """The names of the first blocks of the body, to be frozen; raises ConfigError if it has not so many."""
        known = BLOCKS[self.base]
        rule = f"{self.base} has {len(known)} blocks to freeze, {', '.join(known)}"
        require(0 <= count <= len(known), "--frozen-blocks", count, rule)
        return known[:count]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Architecture":
        """Inverse of `dataclasses.asdict`."""
        extras = tuple(Extra(**extra) for extra in values["extras"])
        rule = BoxRule(**{name: tuples(value) for name, value in values["box_rule"].items()})
        return cls(**{**{name: tuples(value) for name, value in values.items()}, "extras": extras, "box_rule": rule})


# The L2 norm of conv4_3 starts at 20, so that heads near 0 make the first losses small.
VGG16_300 = Architecture(
    "vgg16",
    taps=("conv4_3", "fc7"),
    extras=(
        Extra("conv8", 256, 512),
        Extra("conv9", 128, 256),
        Extra("conv10", 128, 256, stride=1, padding=0),
        Extra("conv11", 128, 256, stride=1, padding=0),
    ),
    l2_norm=20.0,
    head_stddev=(0.01, 0.003),
)


@dataclass(frozen=True)
class ModelConfig:
    """What `model.ssd` builds; by default SSD300 on VGG16.

    Attributes:
        num_classes: C, background included.
        boxes: the default boxes.
        width: factor on the number of channels of every layer but the heads.
        batch_norm: batch normalisation after every convolution of the body and the extras; makes training from scratch far faster.
        variances: divisors of the centre and of the size offsets.
        loss: how `fit` and the trainer compute the loss.
        scores: what the logits stand for, in the loss and in detection: one softmax, or a sigmoid for each class.
        architecture: what it is made of.
        name: what the network is called.
        detection: how detections are chosen where nothing else is said.
    """

    num_classes: int = 21
    boxes: DefaultBoxesConfig = VOC300
    width: float = 1.0
    batch_norm: bool = False
    variances: tuple[float, float] = (0.1, 0.2)
    loss: LossConfig = LossConfig()
    scores: ScoreKind = "softmax"
    architecture: Architecture = VGG16_300
    name: str = "ssd300_vgg16"
    detection: DetectionConfig = EVALUATED

    def __post_init__(self) -> None:
        object.__setattr__(self, "num_classes", whole_number(self.num_classes, "num_classes"))
        require(self.num_classes >= 2, "num_classes", self.num_classes, "needs background and at least one class")
        require(0 < self.width <= 4, "width", self.width, "must be above 0 and at most 4")
        require(self.batch_norm in (True, False), "batch_norm", self.batch_norm, "must be True or False")
        require(all(0 < v < inf for v in self.variances), "variances", self.variances, "must be positive")
        require_word(self.scores, "scores", ScoreKind)
        weights = self.loss.class_weights
        rule = f"must be {self.num_classes}, one for each class, background first; or None"
        require(weights is None or len(weights) == self.num_classes, "class_weights", weights, rule)

    @property
    def box_sizes(self) -> tuple[float, ...]:
        """Ascending sizes in pixels that the default boxes follow from, one more than there are feature maps."""
        return self.architecture.box_rule.sizes(self.boxes.shapes)

    def with_box_sizes(self, sizes: Sequence[float]) -> "ModelConfig":
        """The network with default boxes of other sizes; raises ConfigError unless they ascend and are as many as `box_sizes`."""
        return replace(self, boxes=replace(self.boxes, shapes=self.architecture.box_rule.shapes(sizes)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """Inverse of `dataclasses.asdict`, also for values that went through JSON, where tuples become lists.

        What older versions wrote says nothing of what later versions added, and stands for SSD300 on VGG16.
        """
        nested: dict[str, Any] = {
            "boxes": DefaultBoxesConfig.from_dict(values["boxes"]),
            "variances": tuples(values["variances"]),
            "loss": LossConfig(**{name: tuples(value) for name, value in values["loss"].items()}),
        }
        if "architecture" in values:
            nested["architecture"] = Architecture.from_dict(values["architecture"])
        if "detection" in values:
            nested["detection"] = DetectionConfig(**values["detection"])
        return cls(**{**values, **nested})
