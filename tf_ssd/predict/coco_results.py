"""Detections in the JSON format of COCO results: a list of image_id, category_id, bbox [x, y, width, height] and score."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from tf_ssd.boxes_px import to_xywh
from tf_ssd.data.ground_truth import LARGEST_PX
from tf_ssd.data.readers.coco_ids import Id
from tf_ssd.data.readers.coco_json import Pixels, encoded_json
from tf_ssd.system.names import printable

DECIMALS = 4  # of a pixel
FORM = '[{"image_id": 1, "category_id": 1, "bbox": [x, y, width, height], "score": 0.5}, ...]'

Side = Annotated[float, Meta(ge=0, le=LARGEST_PX)]


class CocoResult(msgspec.Struct, gc=False, omit_defaults=True):
    """One detection; `bbox` is in pixels from the image's top left corner.

    `class_name`, which COCO does not have, is written as "class": the same for every numbering of the categories.
    """

    image_id: int | float | str
    category_id: int | float | str
    bbox: tuple[Pixels, Pixels, Side, Side]
    score: float
    class_name: str | None = msgspec.field(name="class", default=None)


def results(image_id: Id, boxes_px: np.ndarray, category_ids: Iterable[Id], scores: np.ndarray) -> Iterator[CocoResult]:
    """The rows of one image's detections: boxes (D, 4) xyxy, D ids of their classes, and scores (D,).

    An id that is a file's name is written as `printable`.
    """
    image_id = printable(image_id) if isinstance(image_id, str) else image_id
    bboxes = np.round(to_xywh(boxes_px), DECIMALS)
    for bbox, category_id, score in zip(bboxes.tolist(), category_ids, scores.tolist(), strict=True):
        yield CocoResult(image_id, category_id, tuple(bbox), score)


def encoded(result: CocoResult) -> bytes:
    """A row as it is written."""
    return msgspec.json.encode(result)


def read_rows(path: Path) -> list[CocoResult]:
    """The rows of a file; anything else in a row, such as a segmentation, is ignored. Raises DatasetError if it is no such file."""
    with encoded_json(path, "COCO results", f"the form is {FORM}") as content:
        return msgspec.json.decode(content, type=list[CocoResult])
