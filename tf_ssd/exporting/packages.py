"""The exporters and runtimes of other projects, which only those who export have to install."""

import importlib
from types import ModuleType

from tf_ssd.errors import ConfigError


def needed(name: str, output_format: str) -> ModuleType:
    """Import a module; raises ConfigError, which says how to install it, if it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        install = 'pip install "tf-ssd[export]"'
        message = f"--format {output_format}: needs {name.partition('.')[0]}, which cannot be imported ({error}); {install}"
        raise ConfigError(message) from error
