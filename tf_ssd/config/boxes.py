"""The default boxes of a network, and the sets of them that are known by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, sqrt
from typing import Any, Literal

from tf_ssd.config.rules import require, require_word, whole_number

Clip = Literal["none", "size", "cxcywh"]
Order = Literal["caffe", "od_api"]
Preset = Literal["VOC300", "COCO300", "PAPER300", "VOC512", "COCO512", "LITE320", "OD300", "OD320"]
Shape = tuple[float, float]  # width, height
Shapes = tuple[tuple[Shape, ...], ...]  # of each feature map


@dataclass(frozen=True)
class DefaultBoxesConfig:
    """The default boxes of an SSD: one entry per feature map, sizes and steps in pixels of the input image.

    Attributes:
        shapes: width and height of the boxes of each cell, in the order in which the heads emit them.
        image_size: side of the square input image.
        feature_maps: cells per side.
        steps: distance between neighbouring cells.
        offset: position of a box's centre within its cell.
        clip: "none" as Caffe; "size" limits width and height to 1 as torchvision; "cxcywh" limits all four numbers to [0, 1].
    """

    shapes: Shapes
    image_size: int = 300
    feature_maps: tuple[int, ...] = (38, 19, 10, 5, 3, 1)
    steps: tuple[float, ...] = (8, 16, 32, 64, 100, 300)
    offset: float = 0.5
    clip: Clip = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_size", whole_number(self.image_size, "image_size"))
        require(self.image_size > 0, "image_size", self.image_size, "must be positive")
        require_word(self.clip, "clip", Clip)
        require(isfinite(self.offset), "offset", self.offset, "must be a number")
        for name in ("shapes", "steps"):
            values, maps = getattr(self, name), len(self.feature_maps)
            require(len(values) == maps, name, values, f"needs one entry per feature map, that is {maps}")
        sides = (side for shapes in self.shapes for shape in shapes for side in shape)
        positive = all(0 < value < inf for value in (*sides, *self.steps, *self.feature_maps, *self.boxes_per_cell))
        require(positive, "default boxes", self, "every size, step and number must be positive")

    @property
    def boxes_per_cell(self) -> tuple[int, ...]:
        """Number of default boxes in each cell, per feature map."""
        return tuple(map(len, self.shapes))

    @property
    def num_boxes(self) -> int:
        """K, the number of default boxes: 8732 for SSD300."""
        return sum(cells**2 * boxes for cells, boxes in zip(self.feature_maps, self.boxes_per_cell, strict=True))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DefaultBoxesConfig":
        """Inverse of `dataclasses.asdict`; what older versions wrote has sizes and ratios in place of shapes."""
        values = {name: tuples(value) for name, value in values.items()}
        return caffe_boxes(**values) if "min_sizes" in values else cls(**values)


@dataclass(frozen=True)
class BoxRule:
    """How the shapes of a network's default boxes follow from ascending sizes in pixels, one more than there are feature maps.

    The boxes of a map have its size s, the next map's s', and the extra ratios of width to height r.

    Attributes:
        aspect_ratios: extra ratios of each feature map; each also gives its reciprocal.
        order: "caffe" lists the squares s and sqrt(s s'), then sqrt(r) s x s / sqrt(r) and its reciprocal for each ratio
            (Liu et al. 2016, section 2.2; Caffe SSD; torchvision). "od_api" lists sqrt(s s') last, and on the first map the square
            s / 2 and the ratios alone (TensorFlow Object Detection API).
    """

    aspect_ratios: tuple[tuple[float, ...], ...] = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
    order: Order = "caffe"

    def __post_init__(self) -> None:
        require_word(self.order, "order", Order)

    def shapes(self, sizes: Sequence[float]) -> Shapes:
        """The shapes that follow from sizes.

        Raises:
            ConfigError: there are not as many sizes as maps and one, or they do not ascend.
        """
        count = len(self.aspect_ratios) + 1
        ascending = len(sizes) == count and all(low < high for low, high in pairwise((0.0, *sizes, inf)))
        require(ascending, "--box-sizes", tuple(sizes), f"must be {count} ascending sizes in pixels")
        levels = zip(sizes, sizes[1:], self.aspect_ratios, strict=False)
        if self.order == "caffe":
            return tuple(caffe_shapes(*level) for level in levels)
        return tuple(od_api_shapes(*level, first=number == 0) for number, level in enumerate(levels))

    def sizes(self, shapes: Shapes) -> tuple[float, ...]:
        """Inverse of `shapes`, for boxes that follow the rule."""
        squares = [[width for width, height in boxes if width == height] for boxes in shapes]
        sizes = [level[0] for level in squares]
        if self.order == "od_api":
            sizes[0] *= 2
        return (*sizes, round(squares[-1][1] ** 2 / squares[-1][0], 9))


def caffe_shapes(size: float, next_size: float, aspect_ratios: Sequence[float]) -> tuple[Shape, ...]:
    """The boxes of a cell in Caffe SSD's order."""
    larger = sqrt(size * next_size)
    return ((size, size), (larger, larger), *_oblong(size, aspect_ratios))


def od_api_shapes(size: float, next_size: float, aspect_ratios: Sequence[float], *, first: bool) -> tuple[Shape, ...]:
    """The boxes of a cell in the order of the Object Detection API."""
    if first:
        return ((size / 2, size / 2), *_oblong(size, aspect_ratios))
    larger = sqrt(size * next_size)
    return ((size, size), *_oblong(size, aspect_ratios), (larger, larger))


def _oblong(size: float, aspect_ratios: Sequence[float]) -> list[Shape]:
    """Every ratio followed by its reciprocal."""
    pairs = [(size * sqrt(ratio), size / sqrt(ratio)) for ratio in aspect_ratios]
    return [shape for wide, narrow in pairs for shape in ((wide, narrow), (narrow, wide))]


def caffe_boxes(
    min_sizes: Sequence[float],
    max_sizes: Sequence[float],
    aspect_ratios: Sequence[Sequence[float]] = BoxRule().aspect_ratios,
    **grid: Any,
) -> DefaultBoxesConfig:
    """The default boxes with s and s' given for each map by themselves; `grid` is all but the shapes."""
    rows = zip(min_sizes, max_sizes, aspect_ratios, strict=True)
    return DefaultBoxesConfig(tuple(caffe_shapes(*row) for row in rows), **grid)


def tuples(value: Any) -> Any:
    """Lists as tuples, however deep."""
    return tuple(tuples(item) for item in value) if isinstance(value, list | tuple) else value


SSD300_RULE = BoxRule()
SSD512_RULE = BoxRule(((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)))
LITE_RULE = BoxRule(((2, 3),) * 6)
OD_API_RULE = BoxRule(((2,), *((2, 3),) * 5), order="od_api")

# The numbers of Caffe SSD's configuration files; equation 4 with m = 6 gives s = .20 .34 .48 .62 .76 .90, and 1.04 for the last s'.
VOC300 = DefaultBoxesConfig(SSD300_RULE.shapes((30, 60, 111, 162, 213, 264, 315)))
COCO300 = DefaultBoxesConfig(SSD300_RULE.shapes((21, 45, 99, 153, 207, 261, 315)))
PAPER300 = DefaultBoxesConfig(SSD300_RULE.shapes((60, 102, 144, 186, 228, 270, 312)))
_GRID512: dict[str, Any] = {
    "image_size": 512,
    "feature_maps": (64, 32, 16, 8, 4, 2, 1),
    "steps": (8, 16, 32, 64, 128, 256, 512),
}
VOC512 = DefaultBoxesConfig(SSD512_RULE.shapes((35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6)), **_GRID512)
COCO512 = DefaultBoxesConfig(SSD512_RULE.shapes((20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72)), **_GRID512)


def _grid(image_size: int, feature_maps: tuple[int, ...]) -> dict[str, Any]:
    """Cells that divide the image."""
    steps = tuple(image_size / cells for cells in feature_maps)
    return {"image_size": image_size, "feature_maps": feature_maps, "steps": steps}


# torchvision's ssdlite320: .2 .35 .5 .65 .8 .95 1.0 of the side; the Object Detection API's have the same scales.
LITE320 = DefaultBoxesConfig(LITE_RULE.shapes((64, 112, 160, 208, 256, 304, 320)), **_grid(320, (20, 10, 5, 3, 2, 1)), clip="size")
OD300 = DefaultBoxesConfig(OD_API_RULE.shapes((60, 105, 150, 195, 240, 285, 300)), **_grid(300, (19, 10, 5, 3, 2, 1)))
OD320 = DefaultBoxesConfig(OD_API_RULE.shapes((64, 112, 160, 208, 256, 304, 320)), **_grid(320, (20, 10, 5, 3, 2, 1)))
PRESETS: dict[str, DefaultBoxesConfig] = {
    "VOC300": VOC300,
    "COCO300": COCO300,
    "PAPER300": PAPER300,
    "VOC512": VOC512,
    "COCO512": COCO512,
    "LITE320": LITE320,
    "OD300": OD300,
    "OD320": OD320,
}


def presets_like(boxes: DefaultBoxesConfig) -> dict[str, DefaultBoxesConfig]:
    """The named sets for an input, feature maps and numbers of boxes as those of `boxes`."""
    return {name: preset for name, preset in PRESETS.items() if _grid_of(preset) == _grid_of(boxes)}


def _grid_of(boxes: DefaultBoxesConfig) -> tuple[Any, ...]:
    return boxes.image_size, boxes.feature_maps, boxes.steps, boxes.offset, boxes.boxes_per_cell
