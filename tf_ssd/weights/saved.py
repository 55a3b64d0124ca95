"""Models of this package in .keras files, and weights from one model into another."""

import json
import zipfile
import zlib
from pathlib import Path, PureWindowsPath
from typing import Any

import keras

from tf_ssd import __version__
from tf_ssd.errors import WeightsError
from tf_ssd.model import SSD
from tf_ssd.system.files import writing, written_beside
from tf_ssd.weights.places import check_model_file
from tf_ssd.weights.tables.table import is_head

REGISTERED = ("tf_ssd>SSD", "tf_ssd>SSD300")  # the second is the earlier name
SHOWN = 60  # characters of what a file says, in a message


def save_model(model: SSD, path: Path) -> None:
    """Write a .keras file beside `path` and rename it, so that `path` never holds half a model.

    Raises:
        WeightsError: the file cannot be written; nothing is left behind.
    """
    with writing(path, WeightsError), written_beside(path) as unfinished:
        model.save(unfinished)


def load_model(path: Path) -> SSD:
    """The model in a .keras file that this package wrote, not compiled, in the present dtype policy.

    Only models of this package are loaded: it builds the network itself, and lets Keras read the weights alone.

    Raises:
        WeightsError: the file is missing, truncated or damaged, holds another model, or was written by an incompatible version.
    """
    check_model_file(path)
    content, written_by = _read_archive(path)
    if content["registered_name"] not in REGISTERED:
        raise WeightsError(f"{path}: holds {_quoted(content['class_name'])}, not an SSD of tf_ssd")
    versions = f"this is Keras {keras.__version__} and tf_ssd {__version__}"
    if written_by != keras.__version__:
        versions = f"it was written with Keras {_quoted(written_by)}, {versions}"
    try:
        model = SSD.from_config({name: content["config"][name] for name in ("config", "name")})
    except Exception as error:  # a file of another version, or a changed one, makes Keras raise nearly anything
        what = f"its configuration is none of an SSD ({type(error).__name__})"  # which is not printed: it is not ours
        raise WeightsError(f"{path}: cannot be loaded: {what}; {versions}") from error
    try:
        model.load_weights(path)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise WeightsError(f"{path}: cannot be loaded: its weights do not fit ({reason}); {versions}") from error
    return model


def _read_archive(path: Path) -> tuple[dict[str, Any], Any]:
    """The description of the model in a .keras file, and the version of Keras that wrote it.

    Compares checksums, and refuses names of members that lead out of a folder that they were unpacked in; Keras warns.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            outside = next((name for name in archive.namelist() if _leads_out(name)), None)
            content = json.loads(archive.read("config.json"))
            content = {key: content[key] for key in ("class_name", "registered_name", "config")}
            version = json.loads(archive.read("metadata.json"))["keras_version"]
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a .keras file, or not a whole one ({error})") from error
    if damaged:
        raise WeightsError(f"{path}: {damaged} inside it is damaged; copy the file again")
    if outside is not None:
        raise WeightsError(f"{path}: holds a file {_quoted(outside)}, outside of the archive; nothing was loaded. Do not trust it")
    return content, version


def _leads_out(name: str) -> bool:
    parts = PureWindowsPath(name)  # whose separators are both
    return bool(parts.drive or parts.root) or ".." in parts.parts


def _quoted(value: Any) -> str:
    """The beginning of something that a file says."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def transfer(source: SSD, model: SSD, *, heads: bool = True) -> tuple[str, ...]:
    """Copy the weights of `source` into `model`: the whole body, and the heads if both have the same number of classes.

    Args:
        source: the model to copy from.
        model: the model to copy into.
        heads: False leaves the heads as they are even if the numbers of classes are equal, because the classes are others.

    Returns:
        The names of the layers of `model` that were left as they were, which are none or all heads.

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
