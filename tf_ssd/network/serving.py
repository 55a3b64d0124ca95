"""What `model.export` writes: a function from pixels to detections."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import keras
import tensorflow as tf

from tf_ssd import detect
from tf_ssd.config import ModelConfig
from tf_ssd.default_boxes import default_boxes
from tf_ssd.network.kernels.choice import plain_kernels

ELSEWHERE = (
    "save the model, and write it with python -m tf_ssd.export --checkpoint FILE.keras --format {format} --output NAME, with "
    "pictures of any size; or give it to keras.Model.export, which writes the raw offsets and logits"
)


def detections_of(model: keras.Model, config: ModelConfig) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A function from pixels (B, S, S, 3), RGB 0..255, to the results of `detect.detect` by name, chosen as the network has it."""
    boxes = default_boxes(config.boxes).numpy()

    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        with plain_kernels():
            predictions = model(images, training=False)
        heads = predictions["offsets"], predictions["logits"]
        image_boxes, scores = detect.candidates(*heads, boxes, variances=config.variances, scores=config.scores)
        return detect.select(image_boxes, scores, **asdict(config.detection))._asdict()

    return serve


def write_saved_model(model: keras.Model, config: ModelConfig, path: Any, *, verbose: bool) -> None:
    """Write a SavedModel whose endpoint "serve" finds what is in pictures of the network's own size."""
    side = config.boxes.image_size
    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = tf.TensorSpec([None, side, side, 3], tf.float32, name="images")
    archive.add_endpoint("serve", detections_of(model, config), input_signature=[spec])
    archive.write_out(str(path), verbose=verbose)
