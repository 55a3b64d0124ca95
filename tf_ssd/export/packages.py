"""The exporters and runtimes of other projects, which only those who export have to install."""

import importlib
from types import ModuleType

from tf_ssd.config import ExportFormat
from tf_ssd.errors import ConfigError

NEEDED: dict[ExportFormat, tuple[str, ...]] = {
    "saved_model": (),
    "tflite": ("ai_edge_litert", "ai_edge_quantizer"),
    "onnx": ("tf2onnx", "onnx", "onnxruntime"),
}


def check_installed(output_format: ExportFormat) -> None:
    """Raise ConfigError unless everything that a format needs can be imported."""
    for name in NEEDED[output_format]:
        needed(name, output_format)


def needed(name: str, output_format: ExportFormat) -> ModuleType:
    """Import a module; raises ConfigError, which says how to install it, if it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        install = 'pip install "tf-ssd[export]"'
        message = f"--format {output_format}: needs {name.partition('.')[0]}, which cannot be imported ({error}); {install}"
        raise ConfigError(message) from error
