"""Training augmentation."""

from dataclasses import dataclass, replace
from typing import Literal

from tf_ssd.config.rules import require

Augmentation = Literal["ssd", "ssdlite", "flip", "none"]


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
        fill: RGB 0..255 of the canvas around the image; by default the mean of the published VGG networks.
        crop_min_ious: one sampler for each of these: its windows must have at least this IoU with one of the boxes. One more
            sampler asks for no IoU.
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


FLIPS = AugmentConfig(color_probability=0, expand_probability=0, crop_min_ious=(), crop_scale=(1.0, 1.0))
AUGMENTATIONS: dict[Augmentation, AugmentConfig] = {
    "ssd": AugmentConfig(),
    "ssdlite": AugmentConfig(color_probability=0, expand_probability=0),
    "flip": FLIPS,
    "none": replace(FLIPS, flip_probability=0),
}


def augmentation_of(name: Augmentation, pixel_mean: tuple[float, float, float]) -> AugmentConfig:
    """A named one for a network with this mean: the canvas has the colour that the network makes 0."""
    return replace(AUGMENTATIONS[name], fill=pixel_mean)
