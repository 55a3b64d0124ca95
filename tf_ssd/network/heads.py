"""The heads: from feature maps to offsets and logits of every default box."""

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import layers

from tf_ssd.config import ModelConfig
from tf_ssd.network.convolution import depthwise
from tf_ssd.network.output import Output


def heads(sources: Sequence[tf.Tensor], config: ModelConfig) -> dict[str, tf.Tensor]:
    """Offsets (B, K, 4) and logits (B, K, C) of all default boxes, in their order: feature map, row, column, box in the cell."""
    outputs: dict[str, list[tf.Tensor]] = {"offsets": [], "logits": []}
    numbers = {"offsets": 4, "logits": config.num_classes}
    for level, (source, boxes) in enumerate(zip(sources, config.boxes.boxes_per_cell, strict=True)):
        for (output, of_box), stddev in zip(numbers.items(), config.architecture.head_stddev, strict=True):
            x = _head(source, f"{output}_{level}", boxes * of_box, stddev, config)
            outputs[output].append(layers.Reshape((-1, of_box), name=f"{output}_{level}_boxes")(x))
    # Whatever the body computes in, the loss and the decoder get float32 or better.
    network = dataclasses.asdict(config)
    return {name: Output(network, name=name, dtype=interface_dtype())(parts) for name, parts in outputs.items()}


def _head(source: tf.Tensor, name: str, results: int, stddev: float, config: ModelConfig) -> tf.Tensor:
    """(B, H, W, channels) -> (B, H, W, results), with a bias and without activation."""
    kind = config.architecture.heads
    if kind == "depthwise":
        source = depthwise(source, f"{name}_depthwise", 3, config)
    initializer = keras.initializers.RandomNormal(stddev=stddev)
    kernel = 3 if kind == "3x3" else 1
    return layers.Conv2D(results, kernel, padding="same", kernel_initializer=initializer, name=name)(source)


def interface_dtype() -> str:
    """The dtype of pixels and outputs; Keras would round the pixels to float32 whatever the policy."""
    return "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"
