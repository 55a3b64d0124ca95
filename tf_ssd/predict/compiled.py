"""Network and post-processing as compiled functions."""

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache

import numpy as np
import tensorflow as tf

from tf_ssd import detect
from tf_ssd.boxes_px import Size, to_px
from tf_ssd.config import DefaultBoxesConfig, DetectionConfig, ModelConfig, ScoreKind
from tf_ssd.config.detection import EVALUATED
from tf_ssd.default_boxes import default_boxes
from tf_ssd.metrics import ImageDetections
from tf_ssd.model import SSD


def detection_function(model: SSD, settings: DetectionConfig | None = None) -> Callable[[tf.Tensor], detect.Detections]:
    """A compiled function from images (B, S, S, 3), RGB 0..255, to `detect.Detections`; settings are the network's by default."""
    network, select = network_function(model), _choice(model.config, settings or model.config.detection)

    def detections(images: tf.Tensor) -> detect.Detections:
        predictions = network(images)
        return select(predictions["offsets"], predictions["logits"])

    return detections


@lru_cache(maxsize=1)  # a run evaluates its model many times
def network_function(model: SSD) -> tf.types.experimental.PolymorphicFunction:
    """A compiled function from images (B, S, S, 3) to the network's outputs: one for all settings of detection."""
    return tf.function(lambda images: model(images, training=False), reduce_retracing=True, autograph=False)


@lru_cache(maxsize=4)
def _choice(config: ModelConfig, settings: DetectionConfig) -> tf.types.experimental.PolymorphicFunction:
    """`selection` for the outputs of one kind of network, whose number of classes is known while it is traced."""
    select = selection(config.boxes, config.variances, settings, scores=config.scores)
    return tf.function(select, reduce_retracing=True, autograph=False)


def of_image(detections: detect.Detections, row: int, size: Size | np.ndarray) -> ImageDetections:
    """Those of one image of a batch of NumPy arrays, without the padding, in pixels of an image of `size`."""
    count = detections.count[row]
    return ImageDetections(
        to_px(detections.boxes[row, :count], size), detections.labels[row, :count], detections.scores[row, :count]
    )


@lru_cache(maxsize=4)
def selection(
    boxes_config: DefaultBoxesConfig,
    variances: tuple[float, float],
    settings: DetectionConfig = EVALUATED,
    *,
    scores: ScoreKind,
) -> Callable[[tf.Tensor, tf.Tensor], detect.Detections]:
    """`detect.detect` with these settings, from offsets (B, K, 4) and logits (B, K, C).

    Compiled by XLA for one image, and so once for batches of any size: four to five times as fast as operation by operation.
    """
    boxes = default_boxes(boxes_config)

    @tf.function(jit_compile=True, autograph=False)
    def of_image(heads: tuple[tf.Tensor, tf.Tensor]) -> detect.Detections:
        offsets, logits = heads
        image_boxes, class_scores = detect.candidates(offsets[None], logits[None], boxes, variances=variances, scores=scores)
        return detect.select(image_boxes[0], class_scores[0], **asdict(settings))

    def of_images(offsets: tf.Tensor, logits: tf.Tensor) -> detect.Detections:
        signature = detect.Detections(tf.float32, tf.int32, tf.float32, tf.int32)
        return tf.map_fn(of_image, (offsets, logits), fn_output_signature=signature)

    return of_images
