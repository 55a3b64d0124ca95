"""A trained network as a function from pictures of any size to what is in them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import overload

import numpy as np
import tensorflow as tf
from PIL import Image

from tf_ssd.config import DetectionConfig, Exif, Tiling
from tf_ssd.config.detection import SHOWN
from tf_ssd.config.tiles import OVERLAP, Tiles
from tf_ssd.data.augment.windows import whole
from tf_ssd.data.images.decode import REDUCTIONS, decode, decode_opened, decode_part, read_file, read_header
from tf_ssd.data.images.pixels import in_colour, source_of
from tf_ssd.data.images.resize import resize_window
from tf_ssd.data.images.source import Source
from tf_ssd.model import SSD
from tf_ssd.predict.compiled import detection_function, network_function, of_image
from tf_ssd.predict.detections import Picture, PictureDetections
from tf_ssd.predict.tiles import TiledDetection

MANY = 8  # images at a time


class Detector:
    """Detects in pictures, a few at a time; see `tf_ssd.load`.

    Args:
        model: the network.
        class_names: the C - 1 classes; None names them by their labels.
        settings: which predictions become detections; None for the network's own settings, and scores above 0.3.
        exif: whether pictures are turned as their EXIF data say.
    """

    def __init__(
        self,
        model: SSD,
        class_names: Sequence[str] | None,
        *,
        settings: DetectionConfig | None = None,
        exif: Exif = "apply",
    ) -> None:
        self.model = model
        self.class_names = tuple(class_names or map(str, range(1, model.config.num_classes)))
        self.settings = settings or SHOWN.of(model.config.detection)
        self._exif = exif
        self._network, self._find = network_function(model), detection_function(model, self.settings)

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is one picture
        self, pictures: Picture, *, tiles: Tiles = None, tile_overlap: float = OVERLAP
    ) -> PictureDetections: ...

    @overload
    def __call__(
        self, pictures: Sequence[Picture], *, tiles: Tiles = None, tile_overlap: float = OVERLAP
    ) -> list[PictureDetections]: ...

    def __call__(
        self, pictures: Picture | Sequence[Picture], *, tiles: Tiles = None, tile_overlap: float = OVERLAP
    ) -> PictureDetections | list[PictureDetections]:
        """Detect in one picture, or in each of several.

        Args:
            pictures: (H, W, 3) or grey (H, W) uint8 arrays or tensors in RGB, PIL images, paths, or encoded bytes; of any size.
            tiles: N to look at N x N tiles of each picture as well as at all of it, for objects that are small in it; "auto" for as
                many as make a tile about as large as the network's input, see `predict.merge`.
            tile_overlap: the share of a tile's side that it has in common with the next.

        Returns:
            `PictureDetections` for one picture, a list of them for several.

        Raises:
            ConfigError: the tiles would be tiny, or their number or overlap is out of range.
            ImageError: a file cannot be read as an image.
            ResourceError: memory or open files ran out.
            TypeError: something is none of these.
            ValueError: an array is no picture.
        """
        if not isinstance(pictures, Sequence) or isinstance(pictures, str | bytes):
            return self([pictures], tiles=tiles, tile_overlap=tile_overlap)[0]
        tiling = Tiling(tiles, tile_overlap)
        batches = (pictures[first : first + MANY] for first in range(0, len(pictures), MANY))
        return [detections for batch in batches for detections in self._detect(batch, tiling)]

    def heads(self, picture: Picture) -> tuple[tf.Tensor, tf.Tensor]:
        """Offsets (K, 4) and logits (K, C) of one picture: what detections are chosen from. Errors as above."""
        outputs = self._network(self._images([self._source(picture)]))
        return outputs["offsets"][0], outputs["logits"][0]

    def _images(self, sources: Sequence[Source]) -> tf.Tensor:
        """The input of the network, (B, S, S, 3)."""
        side = self.model.config.boxes.image_size
        return tf.stack([resize_window(source, whole(source.size_px), image_size=side) for source in sources])

    def _detect(self, pictures: Sequence[Picture], tiling: Tiling) -> list[PictureDetections]:
        sources = [self._source(picture) for picture in pictures]
        found = tf.nest.map_structure(lambda tensor: tensor.numpy(), self._find(self._images(sources)))
        tiled = TiledDetection(self._find, self.settings, self.model.config.boxes.image_size, tiling, MANY)
        detections = []
        for row, (picture, source) in enumerate(zip(pictures, sources, strict=True)):
            width, height = source.size_px.numpy().tolist()
            in_all = of_image(found, row, (width, height))
            there = tiled(in_all, (width, height), partial(self._pixels, picture), name=_name(picture))
            names = tuple(self.class_names[label - 1] for label in there.labels)
            detections.append(PictureDetections(there.boxes_px, there.labels, there.scores, names, (width, height)))
        return detections

    def _source(self, picture: Picture) -> Source:
        """A picture to be read as far as the network sees it."""
        if not isinstance(picture, str | Path | bytes):
            return source_of(self._pixels(picture))
        name, encoded = _name(picture), _encoded(picture)
        size = read_header(encoded, name).shown_size(self._exif)

        def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
            return tf.constant(decode_part(encoded, name, part_px.numpy(), int(reduction), exif=self._exif))

        return Source(tf.constant(size, tf.int32), read, REDUCTIONS)

    def _pixels(self, picture: Picture) -> np.ndarray:
        """All pixels (H, W, 3) uint8."""
        if isinstance(picture, str | Path | bytes):
            return decode(_encoded(picture), _name(picture), exif=self._exif)
        if isinstance(picture, Image.Image):
            return decode_opened(picture, exif=self._exif)
        if tf.is_tensor(picture):
            picture = np.asarray(picture)
        if not isinstance(picture, np.ndarray):
            what = "a NumPy array, a TensorFlow tensor, a PIL image, a path or encoded bytes"
            raise TypeError(f"a picture is {what}, not of type {type(picture).__name__}")
        return in_colour(picture)


def _name(picture: Picture) -> str:
    """What messages call a picture."""
    return str(picture) if isinstance(picture, str | Path) else "the picture"


def _encoded(picture: str | Path | bytes) -> bytes:
    return picture if isinstance(picture, bytes) else read_file(Path(picture))
