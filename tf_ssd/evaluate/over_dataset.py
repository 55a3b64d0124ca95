"""A trained model against a whole dataset."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import tensorflow as tf

from tf_ssd.boxes_px import Size, resized
from tf_ssd.config import NO_TILES, DetectionConfig, Exif, Metric, OnBadImage, Tiling
from tf_ssd.data.batches.generator import evaluation_batches
from tf_ssd.data.ground_truth import fit_record
from tf_ssd.data.images.decode import name_of, read_image
from tf_ssd.data.notes import Notes, RecordNotes
from tf_ssd.data.records import Dataset, Record
from tf_ssd.evaluate.ground_truth import DatasetGroundTruth, ground_truth_of
from tf_ssd.metrics import AveragePrecision, ImageDetections, ImageGroundTruth, average_precision
from tf_ssd.metrics.errors import ErrorReport, error_report
from tf_ssd.model import SSD
from tf_ssd.predict.coco_results import DECIMALS
from tf_ssd.predict.compiled import detection_function, of_image
from tf_ssd.predict.tiles import TiledDetection

NOTHING = ImageDetections(np.zeros((0, 4)), np.zeros(0, np.int32), np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Detections and ground truth of every image of a dataset, in its order, and what they come to.

    Attributes:
        detections: one entry per image.
        ground_truth: one entry per image.
        average_precision: by `metric`.
        num_classes: with background.
        metric: whose rules hold.
        sizes: (width, height) of the images to which the boxes belong, None where neither annotation nor image says it.
    """

    detections: list[ImageDetections]
    ground_truth: tuple[ImageGroundTruth, ...]
    average_precision: AveragePrecision
    num_classes: int
    metric: Metric
    sizes: tuple[Size | None, ...] = ()

    @cached_property
    def errors(self) -> ErrorReport:
        """What is wrong, worked out when it is first asked for."""
        return error_report(self.detections, self.ground_truth, num_classes=self.num_classes, metric=self.metric)


def detections_in(
    dataset: Dataset,
    model: SSD,
    *,
    batch_size: int,
    settings: DetectionConfig | None = None,
    exif: Exif = "ignore",
    on_bad_image: OnBadImage = "error",
    notes: RecordNotes | None = None,
    tiling: Tiling = NO_TILES,
) -> Iterator[tuple[Record, ImageDetections]]:
    """Each record of `dataset`, in order, and what `model` detects in it; a few batches are in memory at a time.

    Records have sizes and lie inside their images, but for one without size whose image cannot be decoded: it stays as annotated.

    Args:
        dataset: the records.
        model: the detector.
        batch_size: images at a time.
        settings: which predictions become detections; None for the network's own settings.
        exif: whether images are turned, as for `data.decode.decode`.
        on_bad_image: "skip": nothing is detected in an image that cannot be decoded, and `notes` counts it.
        notes: where bad images, and boxes that are dropped or clipped, are counted; kept by whoever evaluates a dataset repeatedly.
        tiling: in which tiles images are looked at, beside the whole of each; `batch_size` of them at a time.

    Raises:
        ConfigError: tiles of an image would be tiny.
        DatasetError: a record cannot be used.
    """
    detect_in = detection_function(model, settings)
    side = model.config.boxes.image_size
    tiled = TiledDetection(detect_in, settings or model.config.detection, side, tiling, batch_size)
    batches = evaluation_batches(dataset, batch_size=batch_size, image_size=side, exif=exif, on_bad_image=on_bad_image, notes=notes)
    for number, (batch, sizes_px) in enumerate(batches):
        detections = tf.nest.map_structure(lambda tensor: tensor.numpy(), detect_in(batch.images))
        read = (batch.index >= 0).numpy()  # (B,), the others are black
        for row, position in enumerate(range(number * batch_size, min((number + 1) * batch_size, len(dataset)))):
            record = dataset[position]
            if read[row]:
                width, height = sizes_px[row].numpy().tolist()
                in_all = of_image(detections, row, (width, height))
                found = tiled(in_all, (width, height), partial(read_image, record, exif=exif), name=name_of(record))
                record, _ = fit_record(record, (width, height), Notes())  # `notes` has what was wrong since the batch was made
                yield record, _as_written(found, (width, height), record.size or (width, height))
            else:
                yield record, NOTHING


def _as_written(found: ImageDetections, size: Size, annotated: Size) -> ImageDetections:
    """In pixels of an image of the size that the annotation gives; rounded as in a file, so that it gives the same result."""
    return replace(found, boxes_px=np.round(resized(found.boxes_px, size, annotated), DECIMALS))


def evaluate(
    model: SSD,
    dataset: Dataset,
    *,
    batch_size: int,
    metric: Metric = "voc12",
    exif: Exif = "ignore",
    on_bad_image: OnBadImage = "error",
    notes: RecordNotes | None = None,
) -> Evaluation:
    """Detect in every image of `dataset` and compare with its ground truth; arguments and errors as for `detections_in`."""
    pairs = detections_in(dataset, model, batch_size=batch_size, exif=exif, on_bad_image=on_bad_image, notes=notes)
    return judged(pairs, dataset.class_names, num_classes=model.config.num_classes, metric=metric)


def judged(
    pairs: Iterable[tuple[Record, ImageDetections]], class_names: Sequence[str], *, num_classes: int, metric: Metric = "voc12"
) -> Evaluation:
    """Compare what `detections_in` gives with the ground truth of its records, each of which is read no second time."""
    detections, ground_truth = collected(pairs, class_names)
    precision = average_precision(detections, ground_truth.images, num_classes=num_classes, metric=metric)
    return Evaluation(detections, ground_truth.images, precision, num_classes, metric, ground_truth.sizes)


def collected(
    pairs: Iterable[tuple[Record, ImageDetections]], class_names: Sequence[str]
) -> tuple[list[ImageDetections], DatasetGroundTruth]:
    """What `detections_in` gives, as two columns; the records themselves, which may hold images, are not kept."""
    detections: list[ImageDetections] = []

    def records() -> Iterator[Record]:
        for record, detected in pairs:
            detections.append(detected)
            yield record

    ground_truth = ground_truth_of(records(), class_names)
    return detections, ground_truth
