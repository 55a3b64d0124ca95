"""Models of this package in .keras files, and weights from one model into another."""

import json
import zipfile
import zlib
from pathlib import Path

import keras

from tf_ssd import __version__
from tf_ssd.errors import WeightsError
from tf_ssd.model import SSD300
from tf_ssd.system.files import writing, written_beside
from tf_ssd.weights.places import check_model_file
from tf_ssd.weights.tables import is_head


def save_model(model: SSD300, path: Path) -> None:
    """Write a .keras file beside `path` and rename it, so that `path` never holds half a model.

    Raises:
        WeightsError: the file cannot be written; nothing is left behind.
    """
    with writing(path, WeightsError), written_beside(path) as unfinished:
        model.save(unfinished)


def load_model(path: Path) -> SSD300:
    """The model in a .keras file that this package wrote, not compiled. Only models of this package are loaded.

    Raises:
        WeightsError: the file is missing, truncated or damaged, holds another model, or was written by an incompatible version.
    """
    check_model_file(path)
    content, written_by = _read_archive(path)
    if content["registered_name"] != "tf_ssd>SSD300":
        raise WeightsError(f"{path}: holds a {content['class_name']}, not an SSD300 of tf_ssd")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # a file of another version makes Keras raise nearly anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        versions = f"this is Keras {keras.__version__} and tf_ssd {__version__}"
        if written_by != keras.__version__:
            versions = f"it was written with Keras {written_by}, {versions}"
        raise WeightsError(f"{path}: cannot be loaded ({reason}); {versions}") from error


def _read_archive(path: Path) -> tuple[dict[str, str], str]:
    """The class of the model in a .keras file, and the version of Keras that wrote it. Compares checksums, which Keras does not."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            content = json.loads(archive.read("config.json"))
            classes = {key: content[key] for key in ("class_name", "registered_name")}
            version = json.loads(archive.read("metadata.json"))["keras_version"]
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a .keras file, or not a whole one ({error})") from error
    if damaged:
        raise WeightsError(f"{path}: {damaged} inside it is damaged; copy the file again")
    return classes, version


def transfer(source: SSD300, model: SSD300, *, heads: bool = True) -> tuple[str, ...]:
    """Copy the weights of `source` into `model`: the whole body, and the heads if both have the same number of classes.

    Args:
        source: the model to copy from.
        model: the model to copy into.
        heads: False leaves the heads as they are even if the numbers of classes are equal, because the classes are others.

    Returns:
        The names of the layers of `model` that were left as they were: none, or all heads.

    Raises:
        WeightsError: a layer does not fit: `width` and `batch_norm` must be equal. `model` is then unchanged.
    """
    same_heads = heads and source.config.num_classes == model.config.num_classes
    weighted = [layer for layer in model.layers if layer.weights]
    left = [layer.name for layer in weighted if is_head(layer.name) and not same_heads]
    given = {layer.name: layer.get_weights() for layer in source.layers if layer.weights}
    for layer in weighted:
        if layer.name not in left:
            theirs, ours = _shapes(given.get(layer.name, [])), _shapes(layer.get_weights())
            if theirs != ours:
                raise WeightsError(
                    f"{layer.name}: the weights have {theirs}, the network has {ours}; the weights are of width "
                    f"{source.config.width:g} and batch_norm={source.config.batch_norm}, the network must be the same"
                )
    for layer in weighted:
        if layer.name not in left:
            layer.set_weights(given[layer.name])
    return tuple(left)


def _shapes(arrays: list) -> str:
    return " and ".join(str(array.shape) for array in arrays) or "nothing"
