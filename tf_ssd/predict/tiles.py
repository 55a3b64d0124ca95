"""Detection in the tiles of a picture, beside that in all of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from tf_ssd.boxes_px import Size
from tf_ssd.config import DetectionConfig, Tiling
from tf_ssd.data.images.pixels import resized_tiles
from tf_ssd.data.images.tiles import tiles_of
from tf_ssd.detect import Detections
from tf_ssd.metrics import ImageDetections
from tf_ssd.predict.compiled import of_image
from tf_ssd.predict.merge import merged


@dataclass(frozen=True)
class TiledDetection:
    """Adds to what is found in whole pictures what is found in their tiles.

    Attributes:
        find: the network, from images (B, S, S, 3) to detections.
        settings: by which it chooses them; top_k and max_detections hold for each tile.
        image_size: S.
        tiling: which tiles.
        batch_size: how many tiles go through the network at a time; no more are in memory as floating-point numbers.
    """

    find: Callable[[tf.Tensor], Detections]
    settings: DetectionConfig
    image_size: int
    tiling: Tiling
    batch_size: int

    def __call__(self, whole: ImageDetections, size: Size, opened: Callable[[], np.ndarray], *, name: str) -> ImageDetections:
        """What there is in a picture: that in all of it, `whole`, and that in its tiles, if there are several.

        Args:
            whole: boxes in pixels of the picture, as all others.
            size: width and height of the picture.
            opened: gives the picture's pixels (H, W, 3) uint8, as it is turned; asked only if there are tiles.
            name: of the picture, for messages.

        Raises:
            ConfigError: the tiles would be tiny.
        """
        tiles_px = tiles_of(size, self.tiling, image_size=self.image_size, name=name)
        if not len(tiles_px):
            return whole
        found = [whole, *self.in_tiles(opened(), tiles_px)]
        windows_px = np.concatenate([[[0, 0, *size]], tiles_px])
        settings = self.settings
        return merged(found, windows_px, size=size, iou_threshold=settings.iou_threshold, class_agnostic=settings.class_agnostic)

    def in_tiles(self, pixels: np.ndarray, tiles_px: np.ndarray) -> Iterator[ImageDetections]:
        """What is found in each tile of (T, 4) by itself, boxes in pixels of the whole picture."""
        for first in range(0, len(tiles_px), self.batch_size):
            part = tiles_px[first : first + self.batch_size]
            images = resized_tiles(pixels, part, image_size=self.image_size)
            found = tf.nest.map_structure(lambda tensor: tensor.numpy(), self.find(images))
            for row, tile in enumerate(part):
                inside = of_image(found, row, tile[2:] - tile[:2])
                yield replace(inside, boxes_px=inside.boxes_px + np.tile(tile[:2], 2))
