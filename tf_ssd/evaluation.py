"""A trained model against a whole dataset."""

from typing import NamedTuple

import tensorflow as tf

from tf_ssd import detect
from tf_ssd.data.generator import evaluation_batches
from tf_ssd.data.records import Dataset
from tf_ssd.default_boxes import default_boxes
from tf_ssd.metrics import AveragePrecision, ImageDetections, ImageGroundTruth, average_precision
from tf_ssd.model import SSD300


class Evaluation(NamedTuple):
    """Detections and ground truth of every image of a dataset, in its order, and the average precision at IoU 0.5."""

    detections: list[ImageDetections]
    ground_truth: list[ImageGroundTruth]
    average_precision: AveragePrecision


def detector(model: SSD300) -> tf.types.experimental.PolymorphicFunction:
    """A compiled function from images (B, 300, 300, 3), RGB 0..255, to `detect.Detections`."""
    config = model.config
    boxes = default_boxes(config.boxes)

    @tf.function
    def detections(images: tf.Tensor) -> detect.Detections:
        predictions = model(images, training=False)
        return detect.detect(predictions["offsets"], predictions["logits"], boxes, variances=config.variances)

    return detections


def evaluate(model: SSD300, dataset: Dataset, *, batch_size: int) -> Evaluation:
    """Detect in every image of `dataset` and compare with its ground truth."""
    detections, ground_truth = [], []
    find = detector(model)
    for batch in evaluation_batches(dataset, batch_size=batch_size, image_size=model.config.boxes.image_size):
        found = tf.nest.map_structure(lambda tensor: tensor.numpy(), find(batch.images))
        truth = tf.nest.map_structure(lambda tensor: tensor.numpy(), batch)
        for row in (truth.index >= 0).nonzero()[0]:
            count = found.count[row]
            detections.append(ImageDetections(found.boxes[row, :count], found.labels[row, :count], found.scores[row, :count]))
            real = truth.labels[row] > 0
            ground_truth.append(ImageGroundTruth(truth.boxes[row, real], truth.labels[row, real], truth.difficult[row, real]))
    precision = average_precision(detections, ground_truth, num_classes=model.config.num_classes)
    return Evaluation(detections, ground_truth, precision)
