"""A tiny network of each kind of body, as files: its description, its weights, pixels, and the output of every layer."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from safetensors.numpy import save_file

from tf_ssd.audit.vectors.layers import Described, described
from tf_ssd.config import NETWORKS, DefaultBoxesConfig, ModelConfig
from tf_ssd.model import SSD, ssd

SIDE, CLASSES = 64, 3
MAPS = 3  # two of the body, and one that the first extra makes
KINDS = ("ssd300_vgg16", "ssd300_vgg19", "ssd300_mobilenet_v1", "ssd300_mobilenet_v2", "ssdlite320_mobilenet_v3_large")


class NetworkVector(msgspec.Struct, frozen=True, tag="network"):
    """A network: its description, and its layers in order, see `layers.described`.

    The files beside it are safetensors, float32: `weights`, by the names of Keras' variables, and `outputs`, by the names of the
    layers, of one image whose pixels the output of the input layer is.
    """

    name: str
    description: dict[str, Any]
    layers: list[Described]


def tiny(name: str) -> ModelConfig:
    """A network of the family for images of 64 pixels, with few channels and one extra."""
    config = NETWORKS[name]
    cells = (8, 4, 2) if config.architecture.base.startswith("vgg") else (4, 2, 1)
    boxes = DefaultBoxesConfig(config.boxes.shapes[:MAPS], SIDE, cells, tuple(SIDE / each for each in cells))
    architecture = replace(config.architecture, extras=config.architecture.extras[: MAPS - 2])
    return replace(
        config, boxes=boxes, architecture=architecture, num_classes=CLASSES, width=0.125, batch_norm=True, name=f"tiny_{name}"
    )


def write_networks(folder: Path) -> list[str]:
    """Write all of them, each into a folder of its own; returns their names."""
    names = []
    for name in KINDS:
        model = _with_drawn_weights(ssd(tiny(name)))
        _write(model, folder / model.config.name)
        names.append(model.config.name)
    return names


def _with_drawn_weights(model: SSD) -> SSD:
    rng = np.random.default_rng(0)
    for variable in model.variables:
        spread = rng.uniform(0.5, 1.5, variable.shape) if len(variable.shape) < 2 else rng.normal(0, 1, variable.shape)
        fan_in = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 1
        variable.assign(spread / np.sqrt(fan_in))
    return model


def _write(model: SSD, folder: Path) -> None:
    folder.mkdir(parents=True)
    outputs = {layer.name: layer.output for layer in model.layers}
    pixels = np.random.default_rng(1).uniform(0, 255, (1, SIDE, SIDE, 3)).astype(np.float32)
    found = keras.Model(model.inputs, outputs)([pixels], training=False)
    save_file({name: np.ascontiguousarray(output) for name, output in found.items()}, folder / "outputs.safetensors")
    save_file({each.path: np.ascontiguousarray(each.numpy()) for each in model.variables}, folder / "weights.safetensors")
    vector = NetworkVector(model.config.name, asdict(model.config), [described(layer) for layer in model.layers])
    (folder / "network.json").write_bytes(msgspec.json.format(msgspec.json.encode(vector), indent=1) + b"\n")
