"""The function that is exported."""

from collections.abc import Callable
from dataclasses import asdict

import tensorflow as tf

from tf_ssd import detect
from tf_ssd.config import ExportConfig
from tf_ssd.default_boxes import default_boxes
from tf_ssd.export.preprocess import resize, size_of
from tf_ssd.model import SSD
from tf_ssd.network.kernels.choice import plain_kernels

SIGNATURE = "serving_default"
# Names of the network's sums and borders, by their layers; post-processing has operations of these kinds too.
SUMS, BORDERS = r".*_add(_\d+)?/.*", r".*_pad(_\d+)?/.*"
Serve = Callable[[tf.Tensor], dict[str, tf.Tensor]]


def serving_function(model: SSD, config: ExportConfig) -> Serve:
    """The function from pictures (B, H, W, 3) uint8 RGB to what is in them.

    It returns the results of `detect.detect` by name, with boxes in pixels of the pictures: "boxes_px" (B, D, 4) float32
    xyxy, "labels" (B, D) int32, "scores" (B, D) float32 and "count" (B,) int32. With `raw_heads`: "boxes_px" (B, K, 4) and "scores"
    (B, K, C - 1) of all default boxes. With `tflite_postprocess`, all float32: "detection_boxes" (B, D, 4) as fractions
    (ymin, xmin, ymax, xmax), "detection_classes" (B, D) from 0, "detection_scores" (B, D), "num_detections" (B,).
    """
    # An array becomes a constant of the graph; a tensor made outside of it would become one more input in some formats.
    anchors = default_boxes(model.config.boxes).numpy()
    settings = config.detection.of(model.config.detection)

    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        height, width = (tf.cast(side, tf.float32) for side in size_of(images))
        corners = tf.stack([width, height, width, height])
        with plain_kernels():
            predictions = model(resize(images, model.config.boxes.image_size), training=False)
        heads = predictions["offsets"], predictions["logits"]
        boxes, scores = detect.candidates(*heads, anchors, variances=model.config.variances, scores=model.config.scores)
        if config.raw_heads:
            return {"boxes_px": boxes * corners, "scores": tf.transpose(scores, [0, 2, 1])}
        found = detect.select(boxes, scores, **asdict(settings))
        if config.tflite_postprocess:
            return postprocess(found)
        return {"boxes_px": found.boxes * corners, "labels": found.labels, "scores": found.scores, "count": found.count}

    return serve


def postprocess(found: detect.Detections) -> dict[str, tf.Tensor]:
    """What TFLite_Detection_PostProcess gives out, in its order."""
    xmin, ymin, xmax, ymax = tf.unstack(found.boxes, axis=-1)
    return {
        "detection_boxes": tf.stack([ymin, xmin, ymax, xmax], axis=-1),
        "detection_classes": tf.cast(tf.maximum(found.labels - 1, 0), tf.float32),
        "detection_scores": found.scores,
        "num_detections": tf.cast(found.count, tf.float32),
    }


def input_spec(config: ExportConfig) -> tf.TensorSpec:
    """Shape and dtype of the pictures: of the size that is fixed or of any, but all pictures of a call are of the same size."""
    return tf.TensorSpec([config.batch or None, *(config.image_size or (None, None)), 3], tf.uint8, name="images")
