"""The exporters and runtimes of other projects, which only those who export have to install."""

import importlib
import importlib.util
from types import ModuleType

from tf_ssd.config import ExportFormat
from tf_ssd.errors import ConfigError

NEEDED: dict[ExportFormat, tuple[str, ...]] = {
    "saved_model": (),
    "tflite": ("ai_edge_litert", "ai_edge_quantizer"),
    "onnx": ("tf2onnx", "onnx", "onnxruntime"),
    "openvino": ("openvino",),
}


def check_found(output_format: ExportFormat) -> None:
    """`check_installed` without importing anything, which takes longer and may yet fail."""
    for name in NEEDED[output_format]:
        if importlib.util.find_spec(name) is None:
            raise ConfigError(_missing(name, output_format, "it is not installed"))


def check_installed(output_format: ExportFormat) -> None:
    """Raise ConfigError unless everything that a format needs can be imported."""
    for name in NEEDED[output_format]:
        needed(name, output_format)


def needed(name: str, output_format: ExportFormat) -> ModuleType:
    """Import a module; raises ConfigError, which says how to install it, if it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(_missing(name, output_format, str(error))) from error


def _missing(name: str, output_format: ExportFormat, reason: str) -> str:
    install = 'pip install "tf-ssd[export]"'
    return f"--format {output_format}: needs {name.partition('.')[0]}, which cannot be imported ({reason}); {install}"
