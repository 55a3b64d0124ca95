"""A network without a body, for all that happens around one: heads on the means of the image's quarters and of the whole image.

It is an `SSD300` as every caller sees it, with 20 default boxes in place of 8732, and its reference is four lines of PyTorch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
import torch

import reference_torch.default_boxes as reference
from reference_torch import matcher
from tf_ssd.config import LossConfig, ModelConfig, caffe_boxes
from tf_ssd.config.network import Architecture
from tf_ssd.model import SSD300, ssd300

IMAGES, ROWS, CLASSES = 2, 4, 4
# No setting has the value that it has by default, but for the size of the image, which the network fixes.
GRID: dict[str, Any] = {
    "min_sizes": (90, 180),
    "max_sizes": (160, 290),
    "feature_maps": (2, 1),
    "steps": (140, 310),
    "aspect_ratios": ((1.5,), (4,)),
    "offset": 0.45,
    "clip": "cxcywh",
}
VARIANCES = (0.3, 0.15)
MATCHING: dict[str, Any] = {"threshold": 0.3, "strategy": "argmax"}
LOSS: dict[str, Any] = {"negative_ratio": 1, "min_negatives": 2, "alpha": 0.25, "normalizer": "image"}
LOSS["class_weights"] = (0.5, 2.0, 1.0, 3.0)
SCORES: Literal["sigmoid"] = "sigmoid"
HEADS = {"offsets": 4, "logits": CLASSES}
MEANS = {"quarters": 150, "whole": 300}  # pixels a side


def settings() -> ModelConfig:
    """All of the above."""
    names = {"threshold": "match_threshold", "strategy": "match_strategy"}
    loss = LossConfig(**{names[name]: value for name, value in MATCHING.items()}, **LOSS)
    architecture = Architecture("vgg16", taps=tuple(MEANS), extras=(), pixel_mean=(0.0, 0.0, 0.0), pixel_std=(255.0, 255.0, 255.0))
    return ModelConfig(
        num_classes=CLASSES,
        boxes=caffe_boxes(**GRID),
        variances=VARIANCES,
        loss=loss,
        scores=SCORES,
        architecture=architecture,
        name="shallow",
    )


@contextmanager
def means_as_body() -> Iterator[None]:
    """In place of VGG16's layers."""

    def means(pixels: tf.Tensor, _: ModelConfig) -> dict[str, tf.Tensor]:
        return {name: keras.layers.AveragePooling2D(size)(pixels) for name, size in MEANS.items()}

    with mock.patch.dict("tf_ssd.model.BODIES", {"vgg16": means}):
        yield


def shallow_network(seed: int = 0) -> SSD300:
    """The network with drawn weights, so large that what it predicts differs from box to box."""
    with means_as_body():
        model = ssd300(settings())
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return model


def pictures(seed: int = 0, count: int = IMAGES) -> np.ndarray:
    """Pixels (count, 300, 300, 3) uint8, whose quarters differ."""
    quarters = np.random.default_rng(seed).integers(0, 256, (count, 2, 2, 3), np.uint8)
    return quarters.repeat(150, axis=1).repeat(150, axis=2)


def predictions(model: SSD300, images: np.ndarray, weights: list[torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
    """What the reference of the network predicts, with the network's weights or with those given, in its order."""
    weights = weights or reference_weights(model)
    of_name = {variable.path: weight for variable, weight in zip(model.trainable_variables, weights, strict=True)}
    pixels = torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2) / 255
    sources = [torch.nn.functional.avg_pool2d(pixels, size) for size in MEANS.values()]
    outputs = {}
    for head, numbers in HEADS.items():
        parts = []
        for level, source in enumerate(sources):
            kernel, bias = (of_name[f"{head}_{level}/{kind}"] for kind in ("kernel", "bias"))
            values = torch.nn.functional.conv2d(source, kernel.permute(3, 2, 0, 1), bias, padding=1)
            parts.append(values.permute(0, 2, 3, 1).reshape(len(images), -1, numbers))
        outputs[head] = torch.cat(parts, dim=1)
    return outputs


def reference_boxes(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """(20, 4) cxcywh."""
    return reference.default_boxes(reference.DefaultBoxesConfig(**GRID), dtype=dtype)


def reference_targets(gt_boxes: np.ndarray, gt_labels: np.ndarray) -> list[torch.Tensor]:
    """Offsets (B, 20, 4) and labels (B, 20) of the reference, with the settings."""
    images = zip(torch.from_numpy(gt_boxes), torch.from_numpy(gt_labels), strict=True)
    defaults = reference_boxes(torch.from_numpy(gt_boxes).dtype)
    each = [matcher.targets(*image, defaults, variances=VARIANCES, **MATCHING) for image in images]
    return [torch.stack(parts) for parts in zip(*each, strict=True)]


def reference_weights(model: SSD300) -> list[torch.Tensor]:
    """The network's trainable weights, ready to be differentiated for."""
    return [torch.tensor(variable.numpy(), requires_grad=True) for variable in model.trainable_variables]
