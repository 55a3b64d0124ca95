"""Pictures of circles, squares and triangles, drawn from a seed: a detection task that needs no download."""

import colorsys
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from tf_ssd.boxes_px import area, intersection, iou
from tf_ssd.config import require
from tf_ssd.data.records import Record

CLASS_NAMES = ("circle", "square", "triangle")
MAX_SHAPES = 5
EMPTY_IMAGES = 0.1  # share of images without labels
SIDES = (40 / 300, 160 / 300)  # of the image's side
ASPECT_RATIOS = (0.75, 1.33)
MAX_IOU = 0.3
MAX_COVERED = 0.5  # of a shape, by all later ones together
TRIALS = 20
HELD_OUT_PICTURES = 200
SUPERSAMPLING = 4  # for smooth edges


@dataclass(frozen=True)
class Shape:
    """One shape: `label` 1..3, `box_px` (xmin, ymin, xmax, ymax) in whole pixels, max exclusive, RGB `color`."""

    label: int
    box_px: tuple[int, int, int, int]
    color: tuple[int, int, int]


class SyntheticDataset:
    """`size` images with up to five shapes each; about one image in ten has none, hence no labels.

    Record i is a function of (seed, i, image_size) alone: nothing is stored, and a longer dataset begins with the
    records of a shorter one. Boxes lie inside the image and fit the shapes exactly, whether or not others cover them.

    Args:
        size: number of records.
        seed: any integer from 0.
        image_size: side of the square images in pixels; shapes are 40 to 160 px at 300, and in proportion otherwise.

    Raises:
        ConfigError: one of these is out of range.
    """

    class_names = CLASS_NAMES
    notes: tuple[str, ...] = ()

    def __init__(self, size: int, *, seed: int, image_size: int = 300) -> None:
        require(size > 0, "size", size, "must be positive")
        require(seed >= 0, "seed", seed, "must not be negative")
        require(image_size >= 32, "image_size", image_size, "must be at least 32 pixels for shapes to be told apart")
        self.size = size
        self.seed = seed
        self.image_size = image_size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < self.size:
            raise IndexError(f"record {index} of {self.size}")
        random = np.random.default_rng([self.seed, index])
        image = background(random, self.image_size)
        shapes = place_shapes(random, self.image_size)
        for shape in shapes:
            draw_shape(image, shape)
        return Record(
            id=f"synthetic-{self.seed}-{index}",
            image=_bmp(image),
            boxes_px=np.array([shape.box_px for shape in shapes], np.float64).reshape(-1, 4),
            labels=np.array([shape.label for shape in shapes], np.int32),
            difficult=np.zeros(len(shapes), bool),
            size=(self.image_size, self.image_size),
        )


def training_pictures(size: int, *, seed: int) -> SyntheticDataset:
    """What a run with this seed trains on. Each seed has its own stream of pictures; no two datasets share one."""
    return SyntheticDataset(size, seed=2 * seed)


def held_out_pictures(*, seed: int) -> SyntheticDataset:
    """What a run with this seed is evaluated on."""
    return SyntheticDataset(HELD_OUT_PICTURES, seed=2 * seed + 1)


def background(random: np.random.Generator, image_size: int) -> Image.Image:
    """A pale or dim grey with a slight tint, a gradient, and soft blotches; (image_size, image_size) RGB."""
    level = random.uniform(70, 200) + random.uniform(-10, 10, 3)  # (3,)
    slope = random.uniform(-25, 25, 2)
    row, column = np.mgrid[-1:1:6j, -1:1:6j]
    ramp = slope[0] * row + slope[1] * column  # (6, 6)
    coarse = level + ramp[..., None] + random.normal(0, 9, (6, 6, 1)) + random.normal(0, 3, (6, 6, 3))  # (6, 6, 3)
    fine = _enlarge(coarse, 48) + random.normal(0, 4, (48, 48, 1))  # (48, 48, 3)
    return Image.fromarray(_to_uint8(fine)).resize((image_size, image_size), Image.Resampling.BICUBIC)


def place_shapes(random: np.random.Generator, image_size: int) -> list[Shape]:
    """Zero to five shapes in drawing order, none hidden by the later ones; hues differ within an image."""
    wanted = 0 if random.random() < EMPTY_IMAGES else random.integers(1, MAX_SHAPES, endpoint=True)
    first_hue = random.random()
    shapes: list[Shape] = []
    for _ in range(TRIALS):
        if len(shapes) == wanted:
            break
        box_px = _random_box(random, image_size)
        boxes_px = [shape.box_px for shape in shapes] + [box_px]
        color = _saturated_color(random, first_hue + len(shapes) / MAX_SHAPES)
        label = int(random.integers(1, len(CLASS_NAMES), endpoint=True))
        if _visible(np.array(boxes_px)):
            shapes.append(Shape(label, box_px, color))
    return shapes


def draw_shape(image: Image.Image, shape: Shape) -> None:
    """Draw a shape with smooth edges onto `image`; it touches all four sides of its box and nothing outside."""
    xmin, ymin, xmax, ymax = shape.box_px
    width, height = xmax - xmin, ymax - ymin
    right, bottom = width * SUPERSAMPLING - 1, height * SUPERSAMPLING - 1
    mask = Image.new("L", (right + 1, bottom + 1))
    draw = ImageDraw.Draw(mask)
    match CLASS_NAMES[shape.label - 1]:
        case "circle":
            draw.ellipse((0, 0, right, bottom), fill=255)
        case "square":
            draw.rectangle((0, 0, right, bottom), fill=255)
        case "triangle":
            draw.polygon([(right / 2, 0), (right, bottom), (0, bottom)], fill=255)
    image.paste(shape.color, (xmin, ymin), mask.reduce(SUPERSAMPLING))


def _random_box(random: np.random.Generator, image_size: int) -> tuple[int, int, int, int]:
    """A box in whole pixels inside the image: log-uniform in size and in aspect ratio."""
    shortest, longest = SIDES
    side = np.exp(random.uniform(np.log(shortest), np.log(longest))) * image_size
    ratio = np.exp(random.uniform(*np.log(ASPECT_RATIOS)))
    # Both sides are kept within the range of sizes, which only pulls the aspect ratio towards 1.
    sides = np.clip([side * ratio**0.5, side / ratio**0.5], shortest * image_size, longest * image_size)
    width, height = (int(value) for value in np.round(sides))
    xmin, ymin = (int(random.integers(0, image_size - extent, endpoint=True)) for extent in (width, height))
    return xmin, ymin, xmin + width, ymin + height


def _visible(boxes_px: np.ndarray) -> bool:
    """Whether the boxes (N, 4), drawn in this order, leave enough of each other to be seen."""
    overlap = np.triu(iou(boxes_px, boxes_px), k=1)  # (N, N), row drawn before column
    covered = np.triu(intersection(boxes_px, boxes_px), k=1).sum(axis=1) / area(boxes_px)  # (N,)
    return bool(overlap.max() <= MAX_IOU and covered.max() <= MAX_COVERED)


def _saturated_color(random: np.random.Generator, hue: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, random.uniform(0.8, 1), random.uniform(0.75, 1))
    return round(red * 255), round(green * 255), round(blue * 255)


def _enlarge(pixels: np.ndarray, side: int) -> np.ndarray:
    """Smooth enlargement of a small (h, w, 3) array to (side, side, 3)."""
    image = Image.fromarray(_to_uint8(pixels)).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32)


def _to_uint8(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _bmp(image: Image.Image) -> bytes:
    """Encode without compression, which costs next to nothing either way."""
    buffer = BytesIO()
    image.save(buffer, "BMP")
    return buffer.getvalue()
