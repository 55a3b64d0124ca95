"""Files of published weights as their tables describe them, of narrow networks with drawn weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras
import numpy as np
import pytest
import torch

from tests.weights.tflite_files import stored, tflite_bytes
from tf_ssd.config import ModelConfig, network_named
from tf_ssd.model import SSD, ssd
from tf_ssd.weights.mediapipe import MEDIAPIPE
from tf_ssd.weights.tables import keras_applications
from tf_ssd.weights.tables.table import Table

WIDTH = 1 / 16
LABEL_MAP = "".join(f"{name}\n" for name in ("???", "Person", *(f"class {number}" for number in range(2, 24))))


def narrow(config: ModelConfig, **settings: object) -> SSD:
    """`ssd`, of a sixteenth of the channels."""
    return ssd(replace(config, width=WIDTH), **settings)


def drawn(table: Table, num_classes: int) -> dict[str, torch.Tensor]:
    """The tensors of a file, so large that what goes through the network stays as large as it is."""
    with keras.StatelessScope(initialize_variables=False):
        model = narrow(table.config, num_classes=num_classes)
    shapes = {f"{layer.name}.{variable.name}": tuple(variable.shape) for layer in model.layers for variable in layer.weights}
    rng, found = np.random.default_rng(0), {}
    for name, target in table.targets.items():
        shape = target.conversion.published_shape(shapes[target.variable])
        inputs = np.prod(shapes[target.variable][:-1])
        values = rng.normal(size=shape) * np.sqrt(2 / inputs) if len(shape) > 1 else np.full(shape, 0.5)
        found[name] = torch.from_numpy(values.astype(np.float32))
    return found


def bundle(num_classes: int) -> bytes:
    """What MediaPipe publishes: a label map, and a file for LiteRT."""
    arrays = {name: tensor.numpy().astype(np.float16) for name, tensor in drawn(MEDIAPIPE, num_classes).items()}
    return LABEL_MAP.encode() + tflite_bytes(stored(arrays))


BODIES = {"mobilenet_v2": keras_applications.MOBILENET_V2[0], "vgg16": keras_applications.VGG16[0]}


def downloaded(source: str, network: str | None) -> dict[str, np.ndarray]:
    """In place of what Keras Applications downloads: convolutions alone."""
    table = BODIES[network_named(network or "").architecture.base]
    return {name: tensor.numpy() for name, tensor in drawn(table, 2).items()}


@contextmanager
def narrow_files() -> Iterator[None]:
    """Inside, published weights are those of narrow networks, and nothing is downloaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tf_ssd.weights.published.ssd", narrow)
        patch.setattr("tf_ssd.weights.published.downloaded", downloaded)
        yield
