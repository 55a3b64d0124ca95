"""From a published file to a network of ours: find its table, check every name and shape, and fill a new network."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, get_args

import keras
import numpy as np

from tf_ssd.config import NETWORKS, Channels, ModelConfig, WeightsSource, network_named, require
from tf_ssd.model import SSD, ssd
from tf_ssd.network.backbones import LAYERS
from tf_ssd.weights.checks import check_finite, check_shapes, classes_in, find_table
from tf_ssd.weights.class_names import published_class_names
from tf_ssd.weights.download import downloaded, downloads
from tf_ssd.weights.files import read_weights, without_prefix
from tf_ssd.weights.mediapipe import class_names_inside
from tf_ssd.weights.tables.keras_applications import by_layer
from tf_ssd.weights.tables.table import Shape, Table, gives_logits, is_head, trained_as


class Imported(NamedTuple):
    """A network with published weights, and an account of what was done.

    `table` describes the kind of file that was found, `channels` is the order of colours that it was trained on. `copied` names the
    tensors that were used, `unused` the others, `new` the layers of our network that the file had nothing for, and `prefix` what a
    wrapper had put before each name. `class_names` are those that the source publishes, None if the heads are new or of another
    number of classes.
    """

    model: SSD
    table: Table
    channels: Channels
    copied: tuple[str, ...]
    unused: tuple[str, ...]
    new: tuple[str, ...]
    prefix: str
    class_names: tuple[str, ...] | None


def import_weights(
    source: WeightsSource,
    file: Path,
    *,
    network: str | None = None,
    num_classes: int | None = None,
    channels: Channels | None = None,
) -> SSD:
    """A network of full width with the weights of a published file: a detector, or a body that a detector can be trained from.

    It takes RGB pixels 0..255 whatever the file was trained on, scales them, pads and normalises as the weights want it: what a
    network of the family does differently is changed in its `config.architecture`. Its default boxes are those of the source:
    `COCO300` limited in size for torchvision's ssd300_vgg16; `VOC300` clipped for amdegroot (its COCO variant has other sizes, but
    a file does not tell which variant it is of); those of the network for a body.

    What the file does not hold is made new: convolutions of body and extra layers by Glorot uniform with zero bias, all else as
    `model.ssd` makes it; `keras.utils.set_random_seed` before it gives the same numbers again.

    Args:
        source: who published it; "vgg16" stands for a body alone, vgg16_reducedfc.pth or VGG16 of Keras Applications.
        file: what `read_weights` reads; `Path("imagenet")` with "keras" downloads through Keras Applications.
        network: name of the network that a body goes into. None: the first of `tf_ssd.networks()` that has it.
        num_classes: C, background included; another number than the file's makes all heads new. None: as in the file, or 21.
        channels: "amdegroot" alone comes in both orders of colours. None: "bgr", which weights converted from Caffe expect.

    Raises:
        ConfigError: a setting is out of range, or the network has another body than the file.
        WeightsError: the file cannot be read, is of another kind, lacks a tensor, holds one that is not expected or of another
            shape, or its heads do not agree on a number of classes.
    """
    return import_published(source, file, network=network, num_classes=num_classes, channels=channels).model


def import_published(
    source: WeightsSource, file: Path, *, network: str | None = None, num_classes: int | None, channels: Channels | None
) -> Imported:
    """`import_weights`, with an account of what was done."""
    require(source in get_args(WeightsSource), "source", source, f"must be one of {', '.join(get_args(WeightsSource))}")
    require(channels in (None, *get_args(Channels)), "--channels", channels, "must be bgr or rgb")
    require(channels is None or source == "amdegroot", "--channels", channels, "only weights of amdegroot come in two orders")
    if network is not None:
        network_named(network)
    tensors, prefix = without_prefix(downloaded(source, network) if downloads(source, file) else read_weights(file))
    if file.suffix == ".h5":
        tensors = by_layer(tensors)
    table = find_table(source, tensors, file)
    in_file = classes_in(table, tensors, file)
    wanted = next(count for count in (num_classes, in_file, ModelConfig.num_classes) if count is not None)
    model = ssd(_network(table, network, file), num_classes=wanted)
    check_shapes(table, tensors, _shapes(model, in_file), file)
    check_finite(table, tensors, file)

    same_heads = in_file == wanted
    places = {name: target for name, target in table.targets.items() if target and (same_heads or not is_head(target.variable))}
    arrays = {variable: conversion.apply(tensors[name]) for name, (variable, conversion) in places.items()}
    channels = channels or table.channels
    if channels == "bgr":
        first = f"{next(iter(LAYERS[table.config.architecture.base].values()))[0]}.kernel"
        arrays[first] = arrays[first][:, :, ::-1]  # (height, width, RGB, channels)
    new = _fill(model, arrays)
    unused = tuple(name for name in table.targets if name not in places)
    class_names = _class_names(source, file, wanted) if same_heads else None
    return Imported(model, table, channels, tuple(places), unused, new, prefix, class_names)


def _class_names(source: WeightsSource, file: Path, num_classes: int) -> tuple[str, ...] | None:
    """The C - 1 classes of a published detector, None if they are not known."""
    return class_names_inside(file, num_classes) if source == "mediapipe" else published_class_names(source, num_classes)


def _network(table: Table, name: str | None, file: Path) -> ModelConfig:
    """The network of a name, or that of the table; raises ConfigError if the file does not fit into it."""
    if name is None:
        return table.config
    fitting = [name for name, config in NETWORKS.items() if _fits(table, config)]
    require(name in fitting, "--network", name, f"{file} is {table.description}, which fits into {' or '.join(fitting)}")
    if not table.is_body:
        return table.config
    return replace(trained_as(NETWORKS[name], table.config.architecture), batch_norm=table.config.batch_norm)


def _fits(table: Table, config: ModelConfig) -> bool:
    ours, theirs = config.architecture, table.config.architecture
    return (ours.base, ours.tail) == (theirs.base, theirs.tail) if table.is_body else config.name == table.config.name


def _shapes(model: SSD, num_classes: int | None) -> dict[str, Shape]:
    """Shapes of all variables, "layer.variable", if the heads had `num_classes` (None: as they are)."""
    shapes = {f"{layer.name}.{variable.name}": tuple(variable.shape) for layer in model.layers for variable in layer.weights}
    ours, theirs = model.config.num_classes, num_classes or model.config.num_classes
    # (..., A * C)
    return {name: (*shape[:-1], shape[-1] // ours * theirs) if gives_logits(name) else shape for name, shape in shapes.items()}


def _fill(model: SSD, arrays: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Copy arrays into the variables they are named after; returns the names of the layers that are left new."""
    new = []
    for layer in model.layers:
        found = [variable for variable in layer.weights if f"{layer.name}.{variable.name}" in arrays]
        for variable in found:
            variable.assign(arrays[f"{layer.name}.{variable.name}"])
        if layer.weights and not found:
            new.append(layer.name)
            if isinstance(layer, keras.layers.Conv2D) and not is_head(layer.name):
                # He initialisation suits a body trained from scratch; after trained layers Caffe models use Xavier's (Glorot's).
                layer.kernel.assign(keras.initializers.GlorotUniform()(layer.kernel.shape))
    return tuple(new)
