"""Each format: how it is written, and how its own runtime runs it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from tf_ssd.config import ExportConfig, ExportFormat
from tf_ssd.export import litert, onnx, openvino, saved_model
from tf_ssd.export.inference import BatchFunction, copies
from tf_ssd.export.metadata import metadata
from tf_ssd.export.serving import input_spec, serving_function
from tf_ssd.model import SSD

MODULES: dict[ExportFormat, ModuleType] = {"saved_model": saved_model, "tflite": litert, "onnx": onnx, "openvino": openvino}


def runner(output_format: ExportFormat, path: Path) -> BatchFunction:
    """An artefact as a function, run by its own runtime."""
    return MODULES[output_format].Runner(path)


def write(model: SSD, class_names: tuple[str, ...], pictures: Sequence[np.ndarray], config: ExportConfig, scratch: Path) -> Path:
    """Write the artefact with its metadata into the folder `scratch`, and return its path.

    Args:
        model: the network.
        class_names: its classes.
        pictures: (H, W, 3) uint8, to calibrate int8 with.
        config: which format, and how.
        scratch: a folder for what is made on the way, too.
    """
    about = metadata(class_names, config, config.detection.of(model.config.detection))
    serve, spec = serving_function(model, config), input_spec(config)
    path, source = scratch / config.output.name, scratch / f"{config.output.name}.source"
    names = list(about["outputs"])
    match config.format:
        case "saved_model":
            saved_model.write(serve, spec, path)
            saved_model.describe(path, about)
        case "tflite":
            saved_model.write(serve, spec, source)
            litert.write(source, path)
            if config.quantize != "none":
                litert.quantize(path, config.quantize, _batches(pictures, config))
            litert.name_outputs(path, names)
            litert.describe(path, about)
        case "onnx":
            onnx.write(serve, spec, path)
            if config.quantize == "int8":
                onnx.quantize(path, _batches(pictures, config))
            onnx.name_outputs(path, names)
            onnx.describe(path, about)
        case "openvino":
            saved_model.write(serve, spec, source)
            openvino.write(source, path, about, half=config.quantize == "float16")
    return path


def _batches(pictures: Sequence[np.ndarray], config: ExportConfig) -> Iterator[np.ndarray]:
    """Pictures as the artefact takes them, (B, H, W, 3): as many copies of each as it wants."""
    return (copies(picture, config.batch or 1) for picture in pictures)
