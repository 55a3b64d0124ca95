"""What every command line does: read a config, keep TensorFlow's start-up chatter away, report a user's error in one line."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from tf_ssd.cli.arguments import parsed
from tf_ssd.cli.help_page import page
from tf_ssd.config.groups import GROUPS
from tf_ssd.errors import TfSsdError
from tf_ssd.system.captured_output import captured_output
from tf_ssd.system.keras_settings import check_keras_settings

Config = TypeVar("Config")
USER_ERROR, INTERRUPTED = 2, 130
SCRIPT = "tf-ssd"  # as pyproject.toml calls it


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
        module = sys.modules[action.__module__ or "__main__"]  # of a method of C code it is None
        given = sys.argv[1:] if arguments is None else arguments
        if {"-h", "--help"} & set(given):
            print_text(_help(config_type, module))
            raise SystemExit(0)
        config = parsed(config_type, given, _called(module))
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


def print_text(text: str) -> None:
    """Print all of a text, or as much as is read of it, as by `head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _called(module: ModuleType) -> str:
    """How the command in a module is called, in the words of who called it; what is no command is called by its module."""
    name = (module.__spec__.name if module.__spec__ else module.__name__).removesuffix(".__main__")
    return in_words_of_the_user(f"python -m {name}")


def in_words_of_the_user(text: str) -> str:
    """`python -m tf_ssd.train` is `tf-ssd train` where that is how commands are called."""
    return text.replace("python -m tf_ssd.", f"{SCRIPT} ") if Path(sys.argv[0]).stem == SCRIPT else text


def _help(config_type: type, module: ModuleType) -> str:
    """The page of help of the command in a module, whose documentation ends with examples."""
    examples = (module.__doc__ or "").partition("\n\n")[2].strip()
    text = page(config_type, GROUPS.get(config_type, {}), program=_called(module), examples=examples)
    return in_words_of_the_user(text)
