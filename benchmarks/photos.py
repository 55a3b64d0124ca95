"""Pictures that are as costly to decode as photos: soft light, texture and grain, with shapes in them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tf_ssd.boxes_px import to_px
from tf_ssd.data.records import Record

PHOTOS, SHAPES = 16, 8
# Layers of noise: cells along the shorter side, and standard deviation, which falls with the cells as the spectrum of a photo does.
BRIGHTNESS, COLOUR = ((3, 45), (12, 20), (48, 10), (192, 6)), ((3, 15), (24, 8))
GRAIN = 2.5
QUALITY = 90


class Photos:
    """A dataset of JPEG files with 8 boxes each, made in a folder.

    Args:
        folder: where they are written.
        size: width and height in pixels.
    """

    class_names = ("ellipse", "rectangle")
    notes: tuple[str, ...] = ()

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        folder.mkdir()
        self.size = size
        self._records = [_record(folder / f"{number}.jpg", size, number) for number in range(PHOTOS)]

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Record:
        return self._records[index]

    @property
    def kilobytes(self) -> float:
        """Mean size of a file."""
        return sum(Path(str(record.image)).stat().st_size for record in self._records) / len(self) / 1000


def _record(path: Path, size: tuple[int, int], seed: int) -> Record:
    random = np.random.default_rng(seed)
    image = _textured(random, size)
    boxes_px, labels = to_px(_boxes(random), size), random.integers(1, 3, SHAPES)
    draw = ImageDraw.Draw(image)
    for box, label in zip(boxes_px, labels, strict=True):
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        (draw.ellipse if label == 1 else draw.rectangle)([float(value) for value in box], outline=colour, width=size[0] // 80)
    image.save(path, quality=QUALITY)
    return Record(str(seed), path, boxes_px, labels.astype(np.int32), np.zeros(SHAPES, bool), size=size)


def _textured(random: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    brightness = sum(_noise(random, size, *layer) for layer in BRIGHTNESS)  # (H, W)
    brightness += random.standard_normal(size[::-1], np.float32) * GRAIN + 128
    channels = [brightness + sum(_noise(random, size, *layer) for layer in COLOUR) for _ in range(3)]
    return Image.merge("RGB", [Image.fromarray(np.clip(channel, 0, 255).astype(np.uint8)) for channel in channels])


def _noise(random: np.random.Generator, size: tuple[int, int], cells: int, deviation: float) -> np.ndarray:
    """Smooth noise (H, W) float32, from a grid of random values."""
    width, height = size
    noise = random.standard_normal((cells, cells * width // height), np.float32) * np.float32(deviation)
    return np.asarray(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC))


def _boxes(random: np.random.Generator) -> np.ndarray:
    """(8, 4) float32, xyxy fractions, each side a twentieth to a half of the image's."""
    sides = np.exp(random.uniform(np.log(0.05), np.log(0.5), (SHAPES, 2)))
    corner = random.uniform(0, 1, (SHAPES, 2)) * (1 - sides)
    return np.concatenate([corner, corner + sides], axis=-1).astype(np.float32)
