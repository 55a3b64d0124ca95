"""A trained network as a function from pictures of any size to what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import tensorflow as tf
from PIL import Image

from tf_ssd.boxes_px import to_px
from tf_ssd.config import DetectionConfig, Exif
from tf_ssd.config.detection import SHOWN
from tf_ssd.data.augment.windows import whole
from tf_ssd.data.images.decode import REDUCTIONS, decode_opened, decode_part, read_file, read_header
from tf_ssd.data.images.resize import resize_window
from tf_ssd.data.images.source import Read, Source
from tf_ssd.model import SSD
from tf_ssd.predict.compiled import detection_function

Picture = np.ndarray | Image.Image | str | Path | bytes  # or a tensor, whose type TensorFlow does not declare
MANY = 8  # images at a time


@dataclass(frozen=True, eq=False)
class PictureDetections:
    """What was found in one picture, best first.

    Attributes:
        boxes_px: (D, 4) float64, xyxy in pixels of the picture, from its top left corner.
        labels: (D,) int32, 1..C-1.
        scores: (D,) float32, probabilities of these classes.
        names: the class of each.
        size: width and height of the picture.
    """

    boxes_px: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    names: tuple[str, ...]
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.labels)


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
        self._find = detection_function(model, self.settings)

    @overload
    def __call__(self, pictures: Picture) -> PictureDetections: ...  # type: ignore[overload-overlap]  # a string is one picture

    @overload
    def __call__(self, pictures: Sequence[Picture]) -> list[PictureDetections]: ...

    def __call__(self, pictures: Picture | Sequence[Picture]) -> PictureDetections | list[PictureDetections]:
        """Detect in one picture, or in each of several.

        Args:
            pictures: (H, W, 3) or grey (H, W) uint8 arrays or tensors in RGB, PIL images, paths, or encoded bytes; of any size.

        Returns:
            `PictureDetections` for one picture, a list of them for several.

        Raises:
            ImageError: a file cannot be read as an image.
            ResourceError: memory or open files ran out.
            TypeError: something is none of these.
            ValueError: an array is no picture.
        """
        if not isinstance(pictures, Sequence) or isinstance(pictures, str | bytes):
            return self._detect([pictures])[0]
        batches = (pictures[first : first + MANY] for first in range(0, len(pictures), MANY))
        return [detections for batch in batches for detections in self._detect(batch)]

    def heads(self, picture: Picture) -> tuple[tf.Tensor, tf.Tensor]:
        """Offsets (K, 4) and logits (K, C) of one picture: what detections are chosen from. Errors as above."""
        outputs = self.model(self._images([self._source(picture)]), training=False)
        return outputs["offsets"][0], outputs["logits"][0]

    def _images(self, sources: Sequence[Source]) -> tf.Tensor:
        """The input of the network, (B, S, S, 3)."""
        side = self.model.config.boxes.image_size
        return tf.stack([resize_window(source, whole(source.size_px), image_size=side) for source in sources])

    def _detect(self, pictures: Sequence[Picture]) -> list[PictureDetections]:
        sources = [self._source(picture) for picture in pictures]
        found = tf.nest.map_structure(lambda tensor: tensor.numpy(), self._find(self._images(sources)))
        detections = []
        for row, source in enumerate(sources):
            count = found.count[row]
            labels, (width, height) = found.labels[row, :count], source.size_px.numpy().tolist()
            names = tuple(self.class_names[label - 1] for label in labels)
            boxes_px = to_px(found.boxes[row, :count], (width, height))
            detections.append(PictureDetections(boxes_px, labels, found.scores[row, :count], names, (width, height)))
        return detections

    def _source(self, picture: Picture) -> Source:
        if isinstance(picture, str | Path | bytes):
            return self._encoded(picture)
        if isinstance(picture, Image.Image):
            picture = decode_opened(picture, exif=self._exif)
        elif tf.is_tensor(picture):
            picture = np.asarray(picture)
        if not isinstance(picture, np.ndarray):
            what = "a NumPy array, a TensorFlow tensor, a PIL image, a path or encoded bytes"
            raise TypeError(f"a picture is {what}, not of type {type(picture).__name__}")
        return source_of(picture)

    def _encoded(self, picture: str | Path | bytes) -> Source:
        name = "the picture" if isinstance(picture, bytes) else str(picture)
        encoded = picture if isinstance(picture, bytes) else read_file(Path(picture))
        size = read_header(encoded, name).shown_size(self._exif)

        def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
            return tf.constant(decode_part(encoded, name, part_px.numpy(), int(reduction), exif=self._exif))

        return _source(size, read)


def source_of(pixels: np.ndarray) -> Source:
    """A picture (H, W, 3) or (H, W) uint8 as a source of its parts; large ones are reduced, as they would be from a file.

    Raises:
        ValueError: the array is no picture.
    """
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3 or not pixels.size:
        raise ValueError(f"a picture is (H, W, 3) or (H, W) uint8, not {pixels.shape} {pixels.dtype}")

    def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
        left, top, right, bottom = part_px.numpy()
        part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
        return tf.constant(np.array(part.reduce(int(reduction)) if reduction > 1 else part))

    height, width, _ = pixels.shape
    return _source((width, height), read)


def _source(size: tuple[int, int], read: Read) -> Source:
    return Source(tf.constant(size, tf.int32), read, REDUCTIONS)
