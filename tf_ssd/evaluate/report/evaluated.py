"""The page of `evaluate --report`: what it is about, and where its pictures are."""

from collections.abc import Sequence

import numpy as np

from tf_ssd.boxes_px import Size
from tf_ssd.config import EvaluateConfig
from tf_ssd.data.ground_truth import UNKNOWN
from tf_ssd.data.records import Dataset
from tf_ssd.evaluate.found import Found
from tf_ssd.evaluate.ground_truth import DatasetGroundTruth
from tf_ssd.evaluate.report.album import Images
from tf_ssd.evaluate.report.html_report import Evaluated
from tf_ssd.evaluate.report.training import training_curves
from tf_ssd.metrics.errors import ErrorReport
from tf_ssd.metrics.scores import AveragePrecision
from tf_ssd.system.names import printable
from tf_ssd.system.words import counted
from tf_ssd.weights.places import model_file


def evaluated(config: EvaluateConfig, scores: AveragePrecision, errors: ErrorReport, found: Found, rule: str) -> Evaluated:
    """What the page is about.

    Args:
        config: of the command.
        scores: average precision.
        errors: all that is wrong.
        found: what was compared, with its dataset.
        rule: of the average precision.
    """
    assert found.dataset is not None
    model = model_file(config.checkpoint, last=config.last) if config.checkpoint else None
    return Evaluated(
        title=printable(str(model or config.detections)),
        facts=(_data(config), counted(len(found.detections), "image"), *sizes_of(errors)),
        rule=rule,
        class_names=found.ground_truth.class_names,
        scores=scores,
        errors=errors,
        images=Images(found.dataset, _places(config, found.ground_truth, found.dataset), config.exif),
        image_sizes=known_sizes(found.ground_truth.sizes),
        boxes=found.boxes,
        training=training_curves(model.parent) if model else None,
    )


def sizes_of(errors: ErrorReport) -> tuple[str, str]:
    """How many objects and detections there are, as facts of a page."""
    objects, detections = errors.judged.ground_truth.counted.sum(), len(errors.judged.detections.scores)
    return counted(int(objects), "object"), counted(detections, "detection")


def known_sizes(sizes: Sequence[Size | None]) -> np.ndarray | None:
    """The sizes of images as an array (N, 2), UNKNOWN for None; None if no image's is known."""
    return np.array([size or UNKNOWN for size in sizes]) if any(sizes) else None


def _data(config: EvaluateConfig) -> str:
    if config.dataset == "synthetic":
        return "generated pictures"
    folders = ", ".join(printable(str(folder)) for folder in config.data)
    return f"split {', '.join(config.split)} of {folders}"


def _places(config: EvaluateConfig, ground_truth: DatasetGroundTruth, dataset: Dataset) -> Sequence[int]:
    """The place in the dataset of each image: the same, but that COCO's tools take images in the order of their ids."""
    if config.dataset != "coco":
        return range(len(dataset))
    place_of = {dataset[place].id: place for place in range(len(dataset))}
    return [place_of[str(image_id)] for image_id in ground_truth.image_ids]
