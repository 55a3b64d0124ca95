"""The heads: from feature maps to offsets and logits of every default box."""

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import layers

from tf_ssd.config import ModelConfig
from tf_ssd.network.output import Output

# Standard deviations of the initial kernels: the first losses are small although conv4_3 enters with length 20.
OFFSETS_STDDEV, LOGITS_STDDEV = 0.01, 0.003


def heads(sources: Sequence[tf.Tensor], config: ModelConfig) -> dict[str, tf.Tensor]:
    """Offsets (B, K, 4) and logits (B, K, C) of all default boxes, in their order: feature map, row, column, box in the cell."""
    outputs: dict[str, list[tf.Tensor]] = {"offsets": [], "logits": []}
    widths = {"offsets": (4, OFFSETS_STDDEV), "logits": (config.num_classes, LOGITS_STDDEV)}
    for level, (source, boxes) in enumerate(zip(sources, config.boxes.boxes_per_cell, strict=True)):
        for output, (numbers, stddev) in widths.items():
            convolution = layers.Conv2D(
                boxes * numbers,
                3,
                padding="same",
                kernel_initializer=keras.initializers.RandomNormal(stddev=stddev),
                name=f"{output}_{level}",
            )
            outputs[output].append(layers.Reshape((-1, numbers), name=f"{output}_{level}_boxes")(convolution(source)))
    # Whatever the body computes in, the loss and the decoder get float32 or better.
    network = dataclasses.asdict(config)
    return {name: Output(network, name=name, dtype=interface_dtype())(parts) for name, parts in outputs.items()}


def interface_dtype() -> str:
    """The dtype of pixels and outputs; Keras would round the pixels to float32 whatever the policy."""
    return "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"
