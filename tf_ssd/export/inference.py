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
from tf_ssd.errors import ImageError
from tf_ssd.evaluate.over_dataset import NOTHING
from tf_ssd.metrics.images import ImageDetections
from tf_ssd.model import SSD
from tf_ssd.predict.detector import Detector

Outputs = dict[str, np.ndarray]  # by the names of `tf_ssd.export.serving.serving_function`
BatchFunction = Callable[[np.ndarray], Outputs]  # of a batch (B, H, W, 3) uint8
PictureFunction = Callable[[np.ndarray], Outputs]  # of a picture (H, W, 3) uint8, without the axis of the batch
LARGEST = 512  # pixels a side; from 600 on both take means of pixels first, and round them differently


def shown(picture: np.ndarray, image_size: tuple[int, int] | None) -> np.ndarray:
    """A picture (H, W, 3) uint8 at a size at which TensorFlow and artefacts resize it alike: the fixed one, or not too large."""
    if image_size:
        return fitted(picture, image_size)
    image = Image.fromarray(picture)
    image.thumbnail((LARGEST, LARGEST))
    return np.array(image)


def fitted(picture: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """A picture (H, W, 3) uint8 resized to another height and width."""
    height, width = image_size
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def by_tensorflow(model: SSD, config: ExportConfig) -> PictureFunction:
    """Detect with the network and the operations that the rest of the package uses, without any code of an export."""
    detector = Detector(model, None)
    anchors, variances, kind = default_boxes(model.config.boxes), model.config.variances, model.config.scores
    settings = config.detection.of(model.config.detection)

    def outputs(picture: np.ndarray) -> Outputs:
        height, width, _ = picture.shape
        offsets, logits = detector.heads(picture)
        heads = (offsets[None], logits[None], anchors)
        if config.raw_heads:
            boxes, scores = detect.candidates(*heads, variances=variances, scores=kind)
            return {"boxes_px": boxes[0].numpy() * ((width, height) * 2), "scores": scores[0].numpy().T}
        found = detect.detect(
            *heads,
            variances=variances,
            score_threshold=settings.score_threshold,
            iou_threshold=settings.iou_threshold,
            top_k=settings.top_k,
            max_detections=settings.max_detections,
            class_agnostic=settings.class_agnostic,
            scores=kind,
        )
        first = {name: value[0].numpy() for name, value in found._asdict().items()}
        return {"boxes_px": first.pop("boxes") * ((width, height) * 2), **first}

    return outputs


def by_artefact(artefact: BatchFunction, config: ExportConfig, *, batch: int = 1) -> PictureFunction:
    """Detect with an artefact in its runtime, after resizing where the size is fixed.

    Where any number of pictures may go in, `batch` do. More than one are copies of the picture; the last one's results count.
    """

    def outputs(picture: np.ndarray) -> Outputs:
        given = fitted(picture, config.image_size) if config.image_size else picture
        found = {name: values[-1] for name, values in artefact(copies(given, config.batch or batch)).items()}
        (height, width, _), (fed_height, fed_width, _) = picture.shape, given.shape
        if config.tflite_postprocess:
            return _from_postprocess(found, width, height)
        return {**found, "boxes_px": found["boxes_px"] * ((width / fed_width, height / fed_height) * 2)}

    return outputs


def _from_postprocess(found: Outputs, width: int, height: int) -> Outputs:
    """The outputs of TFLite_Detection_PostProcess for one picture by our names."""
    return {
        "boxes_px": found["detection_boxes"][:, [1, 0, 3, 2]] * ((width, height) * 2),
        "labels": found["detection_classes"].astype(np.int32) + 1,
        "scores": found["detection_scores"],
        "count": found["num_detections"].astype(np.int32),
    }


def copies(picture: np.ndarray, batch: int) -> np.ndarray:
    """A batch (B, H, W, 3) of one picture."""
    return np.repeat(picture[None], batch, axis=0)


def detections(outputs: Outputs) -> ImageDetections:
    """The detections in the outputs for one picture, without padding."""
    count = int(outputs["count"])
    return ImageDetections(outputs["boxes_px"][:count].astype(np.float64), outputs["labels"][:count], outputs["scores"][:count])


def detections_in(
    dataset: Dataset, function: PictureFunction, skipped: list[ImageError]
) -> Iterator[tuple[Record, ImageDetections]]:
    """Each record, and what is detected in it, as `tf_ssd.evaluate.over_dataset.detections_in` gives it for a model.

    Nothing is detected in a picture that cannot be read; `skipped` takes the reason.
    """
    for index in range(len(dataset)):
        record = dataset[index]
        try:
            picture = read_image(record)
        except ImageError as error:
            skipped.append(error)
            yield record, NOTHING
            continue
        height, width, _ = picture.shape
        record, _ = fit_record(record, (width, height), Notes())
        yield record, detections(function(picture))
