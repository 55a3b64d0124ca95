"""What every command line does: read a config, keep TensorFlow's start-up chatter away, report a user's error in one line."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import pairwise
from typing import TypeVar, get_args, get_type_hints

import tyro

from tf_ssd.errors import ConfigError, TfSsdError
from tf_ssd.system.captured_output import captured_output
from tf_ssd.system.keras_settings import check_keras_settings
from tf_ssd.system.words import nearest

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
        config = _parsed(config_type, sys.argv[1:] if arguments is None else arguments)
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


def _parsed(config_type: type[Config], arguments: Sequence[str]) -> Config:
    """The settings of a command line.

    Raises:
        ConfigError: nothing stands where a value must, as where a variable of the shell is not set.
        SystemExit: the command line is wrong, which has been said, or help was asked for.
    """
    for before, word in pairwise(("", *arguments)):
        name, equals, value = word.partition("=")
        if not word or (word.startswith("--") and equals and not value):
            flag = name or before
            what = f"{flag}: what stands after it is empty" if flag.startswith("--") else "an argument is empty"
            raise ConfigError(f"{what} (is a variable of the shell not set?); give it a value, or leave it out")
    try:
        config = tyro.cli(config_type, prog=_program(), args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit:
        for suggestion in _suggestions(config_type, arguments):
            print(suggestion, file=sys.stderr)
        raise
    for word in arguments:
        name = word.removeprefix("--").replace("-", "_") if word.startswith("--") else ""
        is_empty = getattr(config, name, None) == ()
        if is_empty and getattr(config_type, name, ()) is not None:  # where the default is None, an empty list is a value
            raise ConfigError(f"{word}: nothing stands after it; give it a value, or leave it out")
    return config


def _suggestions(config_type: type, arguments: Sequence[str]) -> Iterator[str]:
    """For each word that is none of its flag's choices, those that are like it."""
    hints = get_type_hints(config_type)
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for flag, word in pairwise(words):
        name = flag.removeprefix("--").replace("-", "_") if flag.startswith("--") else ""
        choices = [choice for choice in get_args(hints.get(name)) if isinstance(choice, str)]
        if word not in choices and (question := nearest(word, choices)):
            yield f"{flag} {word}: {question}"


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
