"""Made-up detections in generated pictures, and the page about them."""

from dataclasses import replace
from typing import Any

import numpy as np

from tf_ssd.boxes_px import Size
from tf_ssd.data.records import Dataset
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.evaluate.ground_truth import dataset_ground_truth
from tf_ssd.evaluate.report.album import Images
from tf_ssd.evaluate.report.html_report import Evaluated
from tf_ssd.metrics import ImageDetections, ImageGroundTruth, average_precision
from tf_ssd.metrics.errors import ErrorReport, error_report


def made_up(truth: ImageGroundTruth, size: Size, *, alarms: int, seed: int) -> ImageDetections:
    """Each object of an image found in nearly its place, most of them as what they are, and false alarms of lower scores."""
    random = np.random.default_rng(seed)
    objects = len(truth.labels)
    near = truth.boxes_px + random.normal(0, 6, (objects, 4))
    low = random.uniform(0, 0.8, (alarms, 2)) * size
    far = np.concatenate([low, low + random.uniform(8, 60, (alarms, 2))], axis=1)
    labels = np.where(random.random(objects) < 0.8, truth.labels, random.integers(1, 4, objects))
    scores = np.concatenate([random.uniform(0.05, 1, objects), random.uniform(0, 0.7, alarms)])
    boxes = np.sort(np.concatenate([near, far]).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    return ImageDetections(
        boxes, np.concatenate([labels, random.integers(1, 4, alarms)]).astype(np.int32), scores.astype(np.float32)
    )


def errors_of(dataset: Dataset, *, alarms: int = 6) -> tuple[ErrorReport, Any]:
    """What is wrong with made-up detections, and their average precision."""
    truth = dataset_ground_truth(dataset).images
    found = [made_up(image, (300, 300), alarms=alarms, seed=number) for number, image in enumerate(truth)]
    classes = len(dataset.class_names) + 1
    return error_report(found, truth, num_classes=classes), average_precision(found, truth, num_classes=classes, metric="voc12")


def evaluated(dataset: Dataset | None = None, *, alarms: int = 6, **changes: Any) -> Evaluated:
    """What a page is about: twelve pictures unless others are given."""
    dataset = dataset or SyntheticDataset(12, seed=3)
    errors, scores = errors_of(dataset, alarms=alarms)
    images = Images(dataset, range(len(dataset)), "ignore")
    sizes = np.full((len(dataset), 2), 300)
    about = Evaluated("made up", ("12 pictures",), "mAP", dataset.class_names, scores, errors, images, image_sizes=sizes)
    return replace(about, **changes)
