"""Detection in a picture by TensorFlow and by an artefact: two functions that take and return the same."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from tf_ssd import detect
from tf_ssd.config import ExportConfig
from tf_ssd.data.ground_truth import fit_record
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.notes import Notes
from tf_ssd.data.records import Dataset, Record
from tf_ssd.default_boxes import default_boxes
from tf_ssd.metrics.images import ImageDetections
from tf_ssd.model import SSD300
from tf_ssd.predict.detector import Detector

Outputs = dict[str, np.ndarray]  # by the names of `tf_ssd.export.serving.serving_function`
BatchFunction = Callable[[np.ndarray], Outputs]  # of a batch (B, H, W, 3) uint8
PictureFunction = Callable[[np.ndarray], Outputs]  # of a picture (H, W, 3) uint8, without the axis of the batch
LARGEST = 512  # pixels a side; from 600 on both take means of pixels first, and round them differently


def shown(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8 at a size at which TensorFlow and artefacts resize it alike."""
    image = Image.fromarray(picture)
    image.thumbnail((LARGEST, LARGEST))
    return np.array(image)


def by_tensorflow(model: SSD300, config: ExportConfig) -> PictureFunction:
    """Detect with the network and the operations that the rest of the package uses, without any code of an export."""
    detector = Detector(model, None)
    anchors, variances, settings = default_boxes(model.config.boxes), model.config.variances, config.detection

    def outputs(picture: np.ndarray) -> Outputs:
        height, width, _ = picture.shape
        offsets, logits = detector.heads(picture)
        heads = (offsets[None], logits[None], anchors)
        if config.raw_heads:
            boxes, scores = detect.candidates(*heads, variances=variances)
            return {"boxes_px": boxes[0].numpy() * ((width, height) * 2), "scores": scores[0].numpy().T}
        found = detect.detect(
            *heads,
            variances=variances,
            score_threshold=settings.score_threshold,
            iou_threshold=settings.iou_threshold,
            top_k=settings.top_k,
            max_detections=settings.max_detections,
            class_agnostic=settings.class_agnostic,
        )
        first = {name: value[0].numpy() for name, value in found._asdict().items()}
        return {"boxes_px": first.pop("boxes") * ((width, height) * 2), **first}

    return outputs


def by_artefact(artefact: BatchFunction, batch: int) -> PictureFunction:
    """Detect with an artefact in its runtime. A larger batch is filled with copies of the picture; the last one's results count."""
    return lambda picture: {name: values[-1] for name, values in artefact(copies(picture, batch)).items()}


def copies(picture: np.ndarray, batch: int) -> np.ndarray:
    """A batch (B, H, W, 3) of one picture."""
    return np.repeat(picture[None], batch, axis=0)


def detections(outputs: Outputs) -> ImageDetections:
    """The detections in the outputs for one picture, without padding."""
    count = int(outputs["count"])
    return ImageDetections(outputs["boxes_px"][:count].astype(np.float64), outputs["labels"][:count], outputs["scores"][:count])


def detections_in(dataset: Dataset, function: PictureFunction) -> Iterator[tuple[Record, ImageDetections]]:
    """Each record, and what is detected in it, as `tf_ssd.evaluate.over_dataset.detections_in` gives it for a model."""
    for index in range(len(dataset)):
        record = dataset[index]
        picture = read_image(record)
        height, width, _ = picture.shape
        record, _ = fit_record(record, (width, height), Notes())
        yield record, detections(function(picture))
