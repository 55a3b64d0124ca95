"""Operations on whole datasets of any number of images, without pictures: average precision, and reading annotations."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.problems import draw_boxes
from tf_ssd.boxes_px import area, to_px, to_xywh
from tf_ssd.config import Metric
from tf_ssd.data.readers.coco import CocoDataset
from tf_ssd.metrics import ImageDetections, ImageGroundTruth, average_precision
from tf_ssd.system.captured_output import captured_output

CLASSES, SIZE = 21, (640, 480)
ROWS, DETECTIONS = 5, 20  # of an image
MOVED_PX = 10.0  # standard deviation of a detection's corners from the object's


class Objects(NamedTuple):
    """The objects of N images: boxes_px (N, ROWS, 4) float64, and labels (N, ROWS)."""

    boxes_px: np.ndarray
    labels: np.ndarray


def draw_objects(images: int) -> Objects:
    """Draw random objects."""
    rng = np.random.default_rng(0)
    boxes = draw_boxes(rng, images, ROWS, sides=(0.04, 0.7))
    return Objects(to_px(boxes, SIZE), rng.integers(1, CLASSES, (images, ROWS)))


def judged(images: int, *, metric: Metric) -> Callable[[], object]:
    """Compute the average precision of detections, several of which lie near each object."""
    objects, rng = draw_objects(images), np.random.default_rng(1)
    near = np.arange(DETECTIONS) % ROWS
    boxes_px = objects.boxes_px[:, near] + rng.normal(0, MOVED_PX, (images, DETECTIONS, 4))
    found = zip(boxes_px, objects.labels[:, near], rng.uniform(size=(images, DETECTIONS)), strict=True)
    detections = [ImageDetections(*each) for each in found]
    truth = [
        ImageGroundTruth(*each, np.zeros(ROWS, bool), np.zeros(ROWS, bool), area(each[0])) for each in zip(*objects, strict=True)
    ]

    def run() -> object:
        with captured_output():  # COCO's evaluator prints
            return average_precision(detections, truth, num_classes=CLASSES, metric=metric)

    return run


def read(images: int) -> Callable[[], list[object]]:
    """Write an annotation file of COCO and read its records."""
    encoded = json.dumps(_coco(images))

    def run() -> list[object]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "annotations.json")
            path.write_text(encoded, encoding="utf-8")
            dataset = CocoDataset(path, Path(folder))
            return [dataset[index] for index in range(len(dataset))]

    return run


def _coco(images: int) -> dict[str, list[dict[str, object]]]:
    boxes_px, labels = draw_objects(images)
    columns = np.repeat(np.arange(images), ROWS), to_xywh(boxes_px.reshape(-1, 4)), labels.ravel()
    width, height = SIZE
    return {
        "images": [{"id": image, "file_name": f"{image}.jpg", "width": width, "height": height} for image in range(images)],
        "categories": [{"id": label, "name": f"class {label}"} for label in range(1, CLASSES)],
        "annotations": [
            {"id": number, "image_id": image, "bbox": bbox, "category_id": label}
            for number, (image, bbox, label) in enumerate(zip(*(column.tolist() for column in columns), strict=True))
        ],
    }
