"""Files of published weights as NumPy arrays. Nothing that a file holds is ever run."""

import importlib.util
import pickle
import re
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_ssd.errors import WeightsError

IMAGENET = Path("imagenet")  # stands for the weights that Keras Applications downloads
Tensors = Iterator[tuple[str, np.ndarray]]
# Training scripts save the state dict beside the optimizer's, under one of these names.
WRAPPERS = ("model", "state_dict")
# DataParallel, torch.compile and PyTorch Lightning put these before each name.
PREFIXES = ("module.", "_orig_mod.", "model.")
COUNTER = "num_batches_tracked"  # of PyTorch's batch normalisation, an integer
CLASSIFIER = "classifier."  # filled with NaN where torchvision publishes the features of a network alone


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """All tensors of a file, by the names they have there, as float32 whatever floating-point type they are stored in.

    `.pth` and `.pt`: a state dict, alone or under "model" or "state_dict" (needs PyTorch, which reads it with weights_only=True);
    what lies beside it, such as the command line of torchvision's training script, an `argparse.Namespace`, is ignored.
    `.safetensors`. `.h5`: datasets by their path, without the ":0" that older versions of Keras append, but those of an optimizer.
    `.onnx` (needs the onnx package). `.tflite`, and `.data`, which is what MediaPipe's npm packages call a bundle that holds one.

    Raises:
        WeightsError: the file is missing, damaged, of another kind, holds anything besides floating-point tensors and the counters
            of batch normalisation, or two tensors of one name, or a tensor holds NaN or an infinity; a classifier may be NaN
            throughout.
    """
    check_readable(path)
    reader = READERS[path.suffix]
    try:
        tensors = _named(reader(path), path)
    except WeightsError:
        raise
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise WeightsError(f"{path}: cannot be read as {path.suffix} ({reason}); is the file complete?") from error
    if not tensors:
        raise WeightsError(f"{path}: holds no tensors")
    return tensors


def check_readable(path: Path) -> None:
    """Raise WeightsError unless there is a file of a kind that is known, and the package that reads it. Reads nothing."""
    if path.suffix not in READERS:
        raise WeightsError(f"{path}: the suffix must be one of {', '.join(READERS)}, not {path.suffix!r}")
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    if path.suffix in NEEDED and importlib.util.find_spec(NEEDED[path.suffix].module) is None:
        raise WeightsError(_missing(path))


def without_prefix(tensors: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
    """The tensors under shorter names where a wrapper put the same word before all of them, and these words, "" if none did."""
    prefix = next((prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in tensors)), "")
    if not prefix:
        return tensors, ""
    shorter, more = without_prefix({name.removeprefix(prefix): array for name, array in tensors.items()})
    return shorter, prefix + more


def _named(found: Tensors, path: Path) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}
    for name, array in found:
        if name in tensors:
            raise WeightsError(f"{path}: holds two tensors {name}; is it the right file?")
        tensors[name] = _float32(array, name, path)
    return tensors


def _float32(array: np.ndarray, name: str, path: Path) -> np.ndarray:
    where = f"{path}: tensor {name}"
    if not np.issubdtype(array.dtype, np.floating) and not name.endswith(COUNTER):
        raise WeightsError(f"{where} is of type {array.dtype}; weights are floating-point numbers")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused below
        array = array.astype(np.float32, copy=False)
    empty = name.startswith(CLASSIFIER) and np.isnan(array).all()
    if not empty and not np.isfinite(array).all():
        raise WeightsError(f"{where} holds NaN or infinite numbers in float32; the file is damaged, or its training diverged")
    return array


def _torch_tensors(path: Path) -> Tensors:
    for name, tensor in _state_dict(path).items():
        yield str(name), (tensor.float() if tensor.is_floating_point() else tensor).detach().numpy()


def _state_dict(path: Path) -> dict:
    try:
        import torch
    except ImportError as error:
        raise WeightsError(_missing(path)) from error
    try:
        # PyTorch warns of old formats. A Namespace is a name for each value and nothing that could be run.
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals([Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch's own message says how to load such a file without protection; ours must not.
        named = re.search(r"GLOBAL (\S+)", str(error))
        held = f"holds {named[1]}, which could run code" if named else "is no file of tensors alone"
        raise WeightsError(f"{path}: {held}; nothing in it was run. Save the state dict by itself") from error
    wrapped = [content[key] for key in WRAPPERS if isinstance(content, dict) and isinstance(content.get(key), dict)]
    state = wrapped[0] if wrapped else content
    if not isinstance(state, dict):
        raise WeightsError(f"{path}: holds a {type(state).__name__}, not a state dict, which has a name for each tensor")
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise WeightsError(f"{path}: {name} is a {type(value).__name__}, not a tensor; save the state dict by itself")
    return state


def _missing(path: Path) -> str:
    package = NEEDED[path.suffix]
    return f"{path}: reading a {path.suffix} file needs {package.name}; {package.what_to_do}"


def _safetensors(path: Path) -> Tensors:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        for name in file.keys():  # noqa: SIM118  not a dictionary
            dtype = file.get_slice(name).get_dtype()
            floating = dtype in ("F64", "F32", "F16")  # all floating-point types that NumPy has
            if not floating and not name.endswith(COUNTER):
                raise WeightsError(f"{path}: tensor {name} is of type {dtype}; store it as F32")
            yield name, file.get_tensor(name)


def _hdf5(path: Path) -> Tensors:
    import h5py

    datasets = []
    with h5py.File(path, "r") as file:
        # Links are not followed, and datasets whose content lies elsewhere are refused: everything comes from this file.
        file.visititems(lambda _, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
        for dataset in datasets:
            if dataset.name.startswith("/optimizer_weights/"):
                continue
            if dataset.external or dataset.is_virtual:
                what_to_do = "copy it into one file (h5repack, or h5py) and try again"
                raise WeightsError(f"{path}: tensor {dataset.name} is kept in another file, which is not read; {what_to_do}")
            yield dataset.name.removeprefix("/").removesuffix(":0"), dataset[()]


def _tflite(path: Path) -> Tensors:
    from tf_ssd.weights.mediapipe import read_mediapipe  # which imports TensorFlow

    return read_mediapipe(path)


def _onnx(path: Path) -> Tensors:
    from tf_ssd.weights.keras_onnx import read_onnx

    return read_onnx(path)


READERS: dict[str, Callable[[Path], Tensors]] = {
    ".pth": _torch_tensors,
    ".pt": _torch_tensors,
    ".safetensors": _safetensors,
    ".h5": _hdf5,
    ".onnx": _onnx,
    ".tflite": _tflite,
    ".data": _tflite,
}


class Package(NamedTuple):
    """What reads a kind of file and is no dependency of ours."""

    module: str
    name: str
    what_to_do: str


TORCH = Package("torch", "PyTorch", "pip install torch, or convert the file to .safetensors elsewhere")
NEEDED = {".pth": TORCH, ".pt": TORCH, ".onnx": Package("onnx", "the onnx package", "pip install onnx")}
