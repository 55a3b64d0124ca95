"""Import of published weights, name by name, and files of our own models.

The functions are imported when they are first used, because `python -m tf_ssd.weights --help` imports this module too and must not
wait for TensorFlow.
"""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf_ssd.weights.files import read_weights
    from tf_ssd.weights.published import import_weights
    from tf_ssd.weights.saved import load_model, save_model, transfer

__all__ = ["import_weights", "load_model", "main", "read_weights", "save_model", "transfer"]

_MODULES = {
    "import_weights": "published",
    "load_model": "saved",
    "read_weights": "files",
    "save_model": "saved",
    "transfer": "saved",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tf_ssd.weights` with these arguments, None for those of the process; returns the exit code."""
    from tf_ssd.weights.__main__ import main as command

    return command(arguments)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
