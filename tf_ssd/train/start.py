"""The network that a run trains, as it is before the first step."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf_ssd.config import ModelConfig, TrainConfig
from tf_ssd.data.class_weights import read_class_weights, weights_of
from tf_ssd.errors import ConfigError
from tf_ssd.model import SSD, ssd
from tf_ssd.weights import transfer
from tf_ssd.weights.trained import load_trained


class Start(NamedTuple):
    """A network to train.

    Attributes:
        model: the network.
        told: a sentence on where its weights are from; empty for random ones.
        fingerprint: of the weights that it starts from, empty for random ones.
    """

    model: SSD
    told: str
    fingerprint: str


def starting_network(config: TrainConfig, class_names: Sequence[str]) -> Start:
    """The network that a run trains to find `class_names`: new, or with the weights that it starts from.

    Heads are kept if they are for the same classes and the same default boxes. Where no class map lies beside the weights, the same
    number of classes are taken for the same classes.

    Raises:
        ConfigError: flags or recipe ask for another network than that of the weights; only new heads may have other default boxes.
        DatasetError: the weights of the classes cannot be used.
        WeightsError: the weights cannot be used.
    """
    num_classes, class_weights = len(class_names) + 1, _class_weights(config, class_names)
    if config.weights is None:
        return Start(ssd(config.model(num_classes=num_classes, class_weights=class_weights)), "", "")
    start, start_names = load_trained(config.weights, last=config.weights.is_dir())
    network = config.model(num_classes=num_classes, start=start.config, class_weights=class_weights)
    same_boxes = network.boxes == start.config.boxes
    if start_names == class_names and not same_boxes:
        raise ConfigError(_contradiction(config, network, start.config))
    model = ssd(network)
    new = transfer(start, model, heads=start_names in (None, class_names) and same_boxes)
    heads = f"new heads for {num_classes} classes" if new else "its heads"
    return Start(model, f"starting from {config.weights}: its body, {heads}", _fingerprint(start))


def _class_weights(config: TrainConfig, class_names: Sequence[str]) -> tuple[float, ...] | None:
    path = config.class_weights
    return None if path is None else weights_of(class_names, read_class_weights(path), path)


def _contradiction(config: TrainConfig, network: ModelConfig, start: ModelConfig) -> str:
    """That the heads of the weights are for other default boxes than those asked for."""
    asked = f"--recipe {config.recipe}"
    for setting, value in (("--default-boxes", config.default_boxes), ("--box-sizes", config.box_sizes)):
        asked = asked if value is None else setting
    wanted, theirs = (" ".join(f"{size:g}" for size in described.box_sizes) for described in (network, start))
    advice = f"give --box-sizes {theirs} to go on with these heads, or other weights, whose heads are made new"
    return (
        f"{asked} asks for default boxes of {wanted} px, but the heads of --weights {config.weights} are for {theirs} px; {advice}"
    )


def _fingerprint(model: SSD) -> str:
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
