"""What every command line does: read a config, keep TensorFlow's start-up chatter away, report a user's error in one line."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TypeVar

import tyro

from tf_ssd.errors import TfSsdError
from tf_ssd.system.captured_output import captured_output
from tf_ssd.system.keras_settings import check_keras_settings

Config = TypeVar("Config")
USER_ERROR, INTERRUPTED = 2, 130


def run(
    action: Callable[[Config], int | None],
    config_type: type[Config],
    arguments: Sequence[str] | None = None,
    *,
    first: Callable[[Config], Config | None] | None = None,
    uses_tensorflow: bool = True,
) -> int:
    """Turn the command line into a `config_type`, call `action` with it, and return the exit code: the action's, else 0.

    A `TfSsdError` is printed without a traceback and gives 2, as a wrong command line does; Ctrl-C gives 130.

    Args:
        action: the command.
        config_type: its settings.
        arguments: the command line; None takes that of the process.
        first: what can be checked before TensorFlow is imported, so that a simple mistake is reported at once; it raises, or
            returns the settings to go on with if they are others.
        uses_tensorflow: whether to import TensorFlow before the action.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a file may have a name that cannot be printed
            stream.reconfigure(errors="backslashreplace")
    try:
        config = tyro.cli(config_type, prog=_program(), args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
        if uses_tensorflow:
            check_keras_settings()
        if first is not None:
            config = first(config) or config
        if uses_tensorflow:
            _start_tensorflow()
        return action(config) or 0
    except TfSsdError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _start_tensorflow() -> None:
    with quiet_start():
        import tensorflow as tf

        tf.config.list_physical_devices()
        if "TF_CONFIG" not in os.environ:  # several workers must find each other before any device is used
            tf.config.list_logical_devices()


@contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back what TensorFlow's C++ code writes to stderr while it is imported and looks for devices, unless that fails.

    Later messages are limited to errors. If TF_CPP_MIN_LOG_LEVEL is set in the environment, it decides alone, and nothing is held
    back.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    with captured_output():
        yield


def _program() -> str | None:
    """What the user typed, for the usage line; None leaves that to tyro."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None or not spec.name.startswith("tf_ssd."):
        return None
    return f"python -m {spec.name.removesuffix('.__main__')}"
