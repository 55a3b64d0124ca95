"""The weights that Keras Applications downloads."""

from pathlib import Path

import keras
import numpy as np

from tf_ssd.config import WeightsSource, network_named, require
from tf_ssd.errors import WeightsError
from tf_ssd.weights.files import IMAGENET
from tf_ssd.weights.tables.keras_applications import DOWNLOADS


def downloads(source: WeightsSource, file: Path) -> bool:
    """Whether FILE stands for a download and not for a file."""
    return file == IMAGENET and source in ("keras", "vgg16")


def downloaded(source: WeightsSource, network: str | None) -> dict[str, np.ndarray]:
    """The body of a network trained on ImageNet, downloaded by Keras or taken from its cache: arrays by "layer/variable".

    Raises:
        ConfigError: Keras Applications has no such body.
        WeightsError: Keras cannot provide it.
    """
    base = network_named(network or "ssd300_vgg16").architecture.base
    have = [base for base in DOWNLOADS if source == "keras" or base == "vgg16"]
    require(base in have, "--network", network, f"--from {source} imagenet has the bodies {', '.join(have)}, not {base}")
    model, dense_layers_too = DOWNLOADS[base]
    try:
        body = getattr(keras.applications, model)(input_shape=(224, 224, 3), weights="imagenet", include_top=dense_layers_too)
    except Exception as error:  # the network, the cache or the checksum may fail in any way
        raise WeightsError(f"imagenet: Keras cannot provide {model} ({error}); give a file that you have") from error
    return {f"{layer.name}/{variable.name}": np.asarray(variable) for layer in body.layers for variable in layer.weights}
