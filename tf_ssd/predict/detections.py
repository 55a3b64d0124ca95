"""What was found in a picture, and how other tools want it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from PIL import Image

from tf_ssd.data.images.decode import decode, decode_opened, read_file
from tf_ssd.data.images.pixels import in_colour
from tf_ssd.data.readers.coco_ids import Id
from tf_ssd.drawing.pictures import draw_detections
from tf_ssd.predict.coco_results import CocoResult, results

if TYPE_CHECKING:  # not a dependency
    import supervision

Picture = np.ndarray | Image.Image | str | Path | bytes  # or a tensor, whose type TensorFlow does not declare


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

    def draw(self, picture: Picture) -> Image.Image:
        """Draw the boxes, with classes and scores, into a copy of the picture.

        Args:
            picture: the one that this was found in, in any form that a detector takes.

        Raises:
            ImageError: a file cannot be read as an image.
            ValueError: the picture has another size, or an array is no picture.
        """
        pixels = _pixels(picture)
        height, width = pixels.shape[:2]
        if (width, height) != self.size:
            sizes = "{} x {} pixels, and this one of {} x {}".format(*self.size, width, height)
            raise ValueError(f"the detections are of a picture of {sizes} (width x height)")
        class_names = [""] * max(self.labels, default=0)
        for label, name in zip(self.labels, self.names, strict=True):
            class_names[label - 1] = name
        return draw_detections(pixels, self.boxes_px, self.labels, self.scores, class_names, enlarge=False)

    def to_coco(self, image_id: Id) -> list[dict[str, Any]]:
        """COCO results, to be collected over all pictures and written as JSON; `python -m tf_ssd.evaluate --detections` reads them.

        Args:
            image_id: the picture's id in the ground truth, or its file.

        Returns:
            D dictionaries of image_id, category_id, bbox [x, y, width, height] in pixels, score and, by its name, class. The
            category is the label: COCO's own ids, which have gaps, are found by the name.
        """
        return [{**msgspec.to_builtins(row), "bbox": list(row.bbox)} for row in self.coco_results(image_id)]

    def coco_results(self, image_id: Id) -> Iterator[CocoResult]:
        """The rows of `to_coco`; a class that has no name but its label is not named."""
        rows = results(image_id, self.boxes_px, self.labels.tolist(), self.scores)
        for row, name in zip(rows, self.names, strict=True):
            yield msgspec.structs.replace(row, class_name=name) if name != str(row.category_id) else row

    def to_supervision(self) -> "supervision.Detections":
        """The same for the package supervision: to annotate, filter, track and count.

        Its `class_id` is the place in the class map, from 0, as in its datasets; `data["class_name"]` has the names.

        Raises:
            ImportError: supervision is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise ImportError(f"to_supervision: {error}; pip install supervision") from error
        return supervision.Detections(
            xyxy=self.boxes_px.astype(np.float32),
            confidence=self.scores,
            class_id=self.labels - 1,
            data={"class_name": np.array(self.names, dtype=str)},
        )


def _pixels(picture: Picture) -> np.ndarray:
    """(H, W, 3) uint8, turned as EXIF data say."""
    if isinstance(picture, bytes):
        return decode(picture, "the picture", exif="apply")
    if isinstance(picture, str | Path):
        return decode(read_file(Path(picture)), str(picture), exif="apply")
    if isinstance(picture, Image.Image):
        return decode_opened(picture, exif="apply")
    return in_colour(np.asarray(picture))
