"""Settings as frozen dataclasses and named presets.

This module imports no TensorFlow, so that `--help` answers at once and a bad setting is reported before anything heavy is loaded.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from tf_ssd.errors import ConfigError

Clip = Literal["none", "size", "cxcywh"]
Preset = Literal["VOC300", "COCO300", "PAPER300"]
WeightsSource = Literal["torchvision", "amdegroot", "vgg16"]
Channels = Literal["bgr", "rgb"]


def require(condition: bool, setting: str, value: Any, rule: str) -> None:
    """Raise ConfigError unless `condition` holds; the message names the setting, its value and the rule."""
    if not condition:
        raise ConfigError(f"{setting}={value!r}: {rule}")


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
        batch_norm: batch normalisation after every convolution of the body; trains from scratch far faster.
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
        """Inverse of `dataclasses.asdict`, also after a way through JSON, which knows no tuples."""
        boxes = DefaultBoxesConfig(**{name: _tuples(value) for name, value in values["boxes"].items()})
        nested = {"boxes": boxes, "variances": _tuples(values["variances"]), "loss": LossConfig(**values["loss"])}
        return cls(**{**values, **nested})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class TrainConfig:
    """Train SSD300. Without arguments: a small network on generated pictures, a few minutes on a laptop."""

    dataset: Literal["synthetic", "voc"] = "synthetic"
    """Generated pictures, or a folder with Annotations, JPEGImages and ImageSets/Main."""
    data: Path | None = None
    """Folder of the dataset (voc)."""
    split: str = "train"
    """Split to train on: the name of a file in ImageSets/Main (voc)."""
    eval_split: str = "val"
    """Held-out split that the average precision is measured on (voc)."""
    output: Path | None = None
    """Folder for the run; it must not hold another one. Default: runs/DATASET-TIME."""
    steps: int = 400
    """Training steps."""
    batch_size: int = 8
    """Images per step."""
    learning_rate: float = 3e-3
    """Peak rate of Adam: 10 % of the steps warm up to it, the rest follow a cosine down to 0."""
    width: float = 0.125
    """Factor on the channels of VGG16; 1 is the paper's network."""
    batch_norm: bool = True
    """Batch normalisation; needed to train from random weights in few steps."""
    default_boxes: Preset = "VOC300"
    """Sizes of the default boxes."""
    weights: Path | None = None
    """A .keras file to start from (`python -m tf_ssd.weights`, or an earlier run): its body and, for as many classes, its heads.
    The network is then the file's, and --width, --batch-norm and --default-boxes are not used."""
    min_negatives: int = 0
    """Hard negatives to train on in an image without labels."""
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    seed: int = 0
    """Seed of weights, data order and augmentation."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "checkpoint_every"):
            require(getattr(self, name) >= 1, _flag(name), getattr(self, name), "must be at least 1")
        require(0 < self.learning_rate < 10, "--learning-rate", self.learning_rate, "must be above 0 and below 10")
        require(self.seed >= 0, "--seed", self.seed, "must not be negative")
        needs_data = self.dataset != "synthetic"
        require(
            not needs_data or self.data is not None, "--data", None, f"--dataset {self.dataset} needs the folder of the dataset"
        )
        require(
            needs_data or self.data is None,
            "--data",
            self.data,
            "--dataset synthetic reads no folder; did you mean --dataset voc?",
        )
        self.model(num_classes=2)

    def model(self, *, num_classes: int, start: ModelConfig | None = None) -> ModelConfig:
        """The network that this run trains, background among its `num_classes`; `start` is that of the weights it starts from."""
        if start is not None:
            return replace(start, num_classes=num_classes, loss=replace(start.loss, min_negatives=self.min_negatives))
        return ModelConfig(
            num_classes=num_classes,
            boxes=PRESETS[self.default_boxes],
            width=self.width,
            batch_norm=self.batch_norm,
            loss=LossConfig(min_negatives=self.min_negatives),
        )

    def output_folder(self, *, now: datetime) -> Path:
        """The folder that was asked for, or one named after dataset and time."""
        return self.output or Path("runs") / f"{self.dataset}-{now:%Y%m%d-%H%M%S}"


@dataclass(frozen=True)
class WeightsConfig:
    """Import published weights: write a .keras model that predicts what the published one does, or that trains from its body."""

    source: Annotated[WeightsSource, arg(name="from")]
    """Whose FILE is: torchvision's ssd300_vgg16, the SSD300 of amdegroot/ssd.pytorch, or VGG16 alone, reduced or of Keras."""
    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """A .pth, .pt, .safetensors or .h5 file; "imagenet" with --from vgg16 downloads the weights of Keras Applications."""
    output: Path
    """The .keras file to write; it must not exist."""
    num_classes: int | None = None
    """Classes, background included; if not as many as in FILE, the heads are made new. Default: as in FILE, or 21."""
    channels: Channels | None = None
    """Colours that amdegroot's weights expect: bgr (default) if converted from Caffe, rgb if the port itself trained them."""

    def __post_init__(self) -> None:
        require(self.output.suffix == ".keras", "--output", str(self.output), "must end in .keras")
        require(self.num_classes is None or self.num_classes >= 2, "--num-classes", self.num_classes, "must be at least 2")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class AugmentConfig:
    """What `data.augment.augment` does to a training image; the defaults are those of Caffe SSD (paper, section 2.2).

    Ranges are (lowest, highest); (1, 1) as contrast, saturation, expand_ratio or crop_scale switches that step off.

    Attributes:
        color_probability: of each of the four colour steps.
        brightness: largest amount added to or taken from every value, of 255.
        contrast: factor on every value.
        saturation: factor on the saturation.
        hue: largest turn of the hue either way on OpenCV's scale, where 180 is the whole circle: 18 are 36 degrees.
        expand_probability: of placing the image on a larger canvas.
        expand_ratio: side of the canvas as a multiple of the image's, the same for width and height.
        fill: RGB 0..255 of the canvas around the image.
        crop_min_ious: lowest IoU of a window with any of the boxes, for one sampler each; one more sampler asks for none.
        crop_scale: square root of the window's share of the area.
        crop_aspect: width of the window over its height, both as fractions of the image's sides.
        crop_trials: windows that each sampler draws.
        flip_probability: of mirroring left and right.
        vertical_flip_probability: of mirroring top and bottom.
    """

    color_probability: float = 0.5
    brightness: float = 32.0
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: float = 18.0
    expand_probability: float = 0.5
    expand_ratio: tuple[float, float] = (1.0, 4.0)
    fill: tuple[float, float, float] = (123.0, 117.0, 104.0)
    crop_min_ious: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    crop_scale: tuple[float, float] = (0.3, 1.0)
    crop_aspect: tuple[float, float] = (0.5, 2.0)
    crop_trials: int = 50
    flip_probability: float = 0.5
    vertical_flip_probability: float = 0.0

    def __post_init__(self) -> None:
        for name in ("color_probability", "expand_probability", "flip_probability", "vertical_flip_probability"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "must be from 0 to 1")
        for name, lowest, highest in (
            ("contrast", 0, 100),
            ("saturation", 0, 100),
            ("expand_ratio", 1, 100),
            ("crop_scale", 0.01, 1),
            ("crop_aspect", 0.01, 100),
        ):
            low, high = getattr(self, name)
            rule = f"must be two numbers from {lowest} to {highest}, the lower first"
            require(lowest <= low <= high <= highest, name, (low, high), rule)
        require(0 <= self.brightness <= 255, "brightness", self.brightness, "must be from 0 to 255")
        require(0 <= self.hue <= 90, "hue", self.hue, "must be from 0 to 90, half the circle of 180")
        colour = len(self.fill) == 3 and all(0 <= value <= 255 for value in self.fill)
        require(colour, "fill", self.fill, "must be three values from 0 to 255, RGB")
        require(all(0 <= iou <= 1 for iou in self.crop_min_ious), "crop_min_ious", self.crop_min_ious, "must be from 0 to 1")
        require(self.crop_trials >= 1, "crop_trials", self.crop_trials, "must be at least 1")
