"""A trained model against a whole dataset."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_ssd.config import Exif, Metric, OnBadImage
from tf_ssd.data.batches.generator import evaluation_batches
from tf_ssd.data.notes import Notes
from tf_ssd.data.records import Dataset, Record
from tf_ssd.evaluate.ground_truth import size_of, truth_of
from tf_ssd.metrics import AveragePrecision, ImageDetections, ImageGroundTruth, average_precision
from tf_ssd.metrics.images import to_px
from tf_ssd.model import SSD300
from tf_ssd.predict.compiled import detection_function

DECIMALS = 4  # of a pixel, so that exported detections are those that were evaluated


class Evaluation(NamedTuple):
    """Detections and ground truth of every image of a dataset, in its order, and the average precision."""

    detections: list[ImageDetections]
    ground_truth: tuple[ImageGroundTruth, ...]
    average_precision: AveragePrecision


def detections_in(
    dataset: Dataset,
    model: SSD300,
    *,
    batch_size: int,
    exif: Exif = "ignore",
    on_bad_image: OnBadImage = "error",
    notes: Notes | None = None,
) -> Iterator[tuple[Record, ImageDetections]]:
    """Each record of `dataset`, in order, and what `model` detects in it; a few batches are in memory at a time.

    Args:
        dataset: the records.
        model: the detector.
        batch_size: images at a time.
        exif: whether images are turned, as for `data.decode.decode`.
        on_bad_image: "skip": nothing is detected in an image that cannot be decoded, and `notes` counts it.
        notes: where bad images are counted.

    Raises:
        DatasetError: a record cannot be used.
    """
    find = detection_function(model)
    size = model.config.boxes.image_size
    batches = evaluation_batches(dataset, batch_size=batch_size, image_size=size, exif=exif, on_bad_image=on_bad_image, notes=notes)
    for number, batch in enumerate(batches):
        found = tf.nest.map_structure(lambda tensor: tensor.numpy(), find(batch.images))
        for row, index in enumerate(batch.index.numpy()):
            position = number * batch_size + row
            if position < len(dataset):
                count = found.count[row] if index >= 0 else 0
                record = dataset[position]
                boxes_px = np.round(to_px(found.boxes[row, :count], size_of(record)), DECIMALS)
                yield record, ImageDetections(boxes_px, found.labels[row, :count], found.scores[row, :count])


def evaluate(
    model: SSD300,
    dataset: Dataset,
    *,
    batch_size: int,
    metric: Metric = "voc12",
    exif: Exif = "ignore",
    on_bad_image: OnBadImage = "error",
    notes: Notes | None = None,
) -> Evaluation:
    """Detect in every image of `dataset` and compare with its ground truth; arguments and errors as for `detections_in`."""
    found = detections_in(dataset, model, batch_size=batch_size, exif=exif, on_bad_image=on_bad_image, notes=notes)
    return judged(found, dataset.class_names, num_classes=model.config.num_classes, metric=metric)


def judged(
    found: Iterable[tuple[Record, ImageDetections]], class_names: Sequence[str], *, num_classes: int, metric: Metric = "voc12"
) -> Evaluation:
    """Compare what `detections_in` gives with the ground truth of its records, each of which is read no second time."""
    detections: list[ImageDetections] = []

    def records() -> Iterator[Record]:
        for record, detected in found:
            detections.append(detected)
            yield record

    truth = truth_of(records(), class_names).images
    return Evaluation(detections, truth, average_precision(detections, truth, num_classes=num_classes, metric=metric))
