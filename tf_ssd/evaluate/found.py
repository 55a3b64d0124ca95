"""What `evaluate` compares."""

from typing import NamedTuple

from tf_ssd.config import DefaultBoxesConfig, DetectionConfig
from tf_ssd.data.records import Dataset
from tf_ssd.evaluate.ground_truth import DatasetGroundTruth
from tf_ssd.metrics.images import ImageDetections


class Found(NamedTuple):
    """Ground truth and what was detected, and where both come from.

    Attributes:
        ground_truth: of each image.
        detections: in each image, in the same order.
        dataset: the records, in whatever order; None if nobody looks at pictures.
        settings: how a model's detections were chosen; None for those of a file.
        boxes: the default boxes of the model; None for detections of a file.
    """

    ground_truth: DatasetGroundTruth
    detections: list[ImageDetections]
    dataset: Dataset | None
    settings: DetectionConfig | None = None
    boxes: DefaultBoxesConfig | None = None
