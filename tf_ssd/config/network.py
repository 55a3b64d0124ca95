"""The network, its default boxes and its loss."""

from dataclasses import dataclass
from typing import Any, Literal

from tf_ssd.config.rules import require

Clip = Literal["none", "size", "cxcywh"]
Preset = Literal["VOC300", "COCO300", "PAPER300"]


@dataclass(frozen=True)
class DefaultBoxesConfig:
    """The default boxes of an SSD: one entry per feature map, sizes and steps in pixels of the input image.

    Source: Liu et al. 2016, section 2.2; the numbers of the presets are those of Caffe SSD's configuration files.

    Attributes:
        min_sizes: side s of the smaller square box.
        max_sizes: s' of the larger square box, whose side is sqrt(s s').
        image_size: side of the square input image.
        feature_maps: cells per side.
        steps: distance between neighbouring cells.
        aspect_ratios: extra ratios; each also gives its reciprocal.
        offset: position of a box's centre within its cell.
        clip: "none" as Caffe; "size" limits width and height to 1 as torchvision; "cxcywh" limits all four numbers to [0, 1].
    """

    min_sizes: tuple[float, ...]
    max_sizes: tuple[float, ...]
    image_size: int = 300
    feature_maps: tuple[int, ...] = (38, 19, 10, 5, 3, 1)
    steps: tuple[float, ...] = (8, 16, 32, 64, 100, 300)
    aspect_ratios: tuple[tuple[float, ...], ...] = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
    offset: float = 0.5
    clip: Clip = "none"

    def __post_init__(self) -> None:
        require(self.image_size > 0, "image_size", self.image_size, "must be positive")
        require(self.clip in ("none", "size", "cxcywh"), "clip", self.clip, 'must be "none", "size" or "cxcywh"')
        for name in ("min_sizes", "max_sizes", "steps", "aspect_ratios"):
            values = getattr(self, name)
            rule = f"needs one entry per feature map, that is {len(self.feature_maps)}"
            require(len(values) == len(self.feature_maps), name, values, rule)
        positive = (*self.min_sizes, *self.max_sizes, *self.steps, *self.feature_maps, *sum(self.aspect_ratios, ()))
        require(all(value > 0 for value in positive), "default boxes", self, "every size, step and ratio must be positive")

    @property
    def boxes_per_cell(self) -> tuple[int, ...]:
        """Number of default boxes in each cell, per feature map: two squares, and two boxes per extra ratio."""
        return tuple(2 + 2 * len(ratios) for ratios in self.aspect_ratios)

    @property
    def num_boxes(self) -> int:
        """K, the number of default boxes: 8732 for SSD300."""
        return sum(cells**2 * boxes for cells, boxes in zip(self.feature_maps, self.boxes_per_cell, strict=True))


VOC300 = DefaultBoxesConfig(min_sizes=(30, 60, 111, 162, 213, 264), max_sizes=(60, 111, 162, 213, 264, 315))
COCO300 = DefaultBoxesConfig(min_sizes=(21, 45, 99, 153, 207, 261), max_sizes=(45, 99, 153, 207, 261, 315))
# Equation 4 with m = 6: s = .20 .34 .48 .62 .76 .90, and 1.04 for the last s', times 300 px.
PAPER300 = DefaultBoxesConfig(min_sizes=(60, 102, 144, 186, 228, 270), max_sizes=(102, 144, 186, 228, 270, 312))
PRESETS: dict[str, DefaultBoxesConfig] = {"VOC300": VOC300, "COCO300": COCO300, "PAPER300": PAPER300}


@dataclass(frozen=True)
class LossConfig:
    """Matching and loss: the arguments of `matcher.match` and `loss.multibox_loss`."""

    match_threshold: float = 0.5
    match_strategy: Literal["bipartite", "argmax"] = "bipartite"
    negative_ratio: int = 3
    min_negatives: int = 0
    alpha: float = 1.0
    normalizer: Literal["batch", "image"] = "batch"

    def __post_init__(self) -> None:
        require(0 < self.match_threshold <= 1, "match_threshold", self.match_threshold, "must be above 0 and at most 1")
        require(self.negative_ratio >= 0, "negative_ratio", self.negative_ratio, "must not be negative")
        require(self.min_negatives >= 0, "min_negatives", self.min_negatives, "must not be negative")
        require(self.alpha >= 0, "alpha", self.alpha, "must not be negative")


@dataclass(frozen=True)
class ModelConfig:
    """What `model.ssd300` builds.

    Attributes:
        num_classes: C, background included.
        boxes: the default boxes.
        width: factor on the number of channels of every layer but the heads.
        batch_norm: batch normalisation after every convolution of the body; makes training from scratch far faster.
        variances: divisors of the centre and of the size offsets.
        loss: how `fit` and the trainer compute the loss.
    """

    num_classes: int = 21
    boxes: DefaultBoxesConfig = VOC300
    width: float = 1.0
    batch_norm: bool = False
    variances: tuple[float, float] = (0.1, 0.2)
    loss: LossConfig = LossConfig()

    def __post_init__(self) -> None:
        require(self.num_classes >= 2, "num_classes", self.num_classes, "needs background and at least one class")
        require(0 < self.width <= 4, "width", self.width, "must be above 0 and at most 4")
        require(all(v > 0 for v in self.variances), "variances", self.variances, "must be positive")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """Inverse of `dataclasses.asdict`, also for values that went through JSON, where tuples become lists."""
        boxes = DefaultBoxesConfig(**{name: _tuples(value) for name, value in values["boxes"].items()})
        nested = {"boxes": boxes, "variances": _tuples(values["variances"]), "loss": LossConfig(**values["loss"])}
        return cls(**{**values, **nested})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
