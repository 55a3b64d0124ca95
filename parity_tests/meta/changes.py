"""What becomes of the contract's constants and options when somebody changes the code a little."""

import dataclasses
import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import tensorflow as tf

from parity_tests.meta.contract import PACKAGE, Call, constants, function_of, module_of, operations, parameters
from parity_tests.pins import Pin
from tf_ssd.errors import ConfigError

SHARE = 1e-3  # how far a number is moved
CONVERTED = "tf__"  # how the names of functions begin that TensorFlow has translated, such as one that it maps over images


def neighbours(value: Any) -> Iterator[Any]:
    """Values close by: a number a little smaller and larger; of a tuple, a mapping or a dataclass, each part moved alone."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1) if value else (1,)  # a count of less than none is none
    elif isinstance(value, float):
        yield from (value * (1 + SHARE) or SHARE, value * (1 - SHARE) or -SHARE)
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            yield from ((*value[:place], moved, *value[place + 1 :]) for moved in list(neighbours(part))[:1])
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: moved} for moved in neighbours(part))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            for moved in neighbours(getattr(value, field.name)):
                with suppress(ConfigError):  # it cannot be moved as far as that
                    yield dataclasses.replace(value, **{field.name: moved})


def move_constant(pin: Pin, moved: Any, patch: pytest.MonkeyPatch) -> None:
    """In its module, and where it is the default of an option."""
    value = constants()[pin]
    patch.setattr(f"tf_ssd.{pin.owner}.{pin.name}", moved)
    for name, operation in operations().items():
        for option, parameter in parameters(operation).items():
            if parameter.default is value:
                move_default(Pin(name, option), moved, patch)


def other_defaults(pin: Pin) -> Iterator[Any]:
    """Neighbours of an option's default; of a word, the others that may stand in its place."""
    parameter = parameters(operations()[pin.owner])[pin.name]
    hints = typing.get_type_hints(function_of(operations()[pin.owner]))
    if isinstance(parameter.default, str):
        yield from (word for word in typing.get_args(hints[pin.name]) if isinstance(word, str) and word != parameter.default)
    elif parameter.default is not parameter.empty:
        yield from neighbours(parameter.default)


def move_default(pin: Pin, moved: Any, patch: pytest.MonkeyPatch) -> None:
    function = function_of(operations()[pin.owner])
    by_name = function.__kwdefaults__ or {}
    if pin.name in by_name:
        patch.setattr(function, "__kwdefaults__", {**by_name, pin.name: moved})
        return
    positional = [p.name for p in inspect.signature(function).parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD]
    defaults = list(function.__defaults__ or ())
    defaults[positional.index(pin.name) - len(positional)] = moved  # they belong to the last ones
    patch.setattr(function, "__defaults__", tuple(defaults))


def drop_option(pin: Pin, called_from: Callable[[FrameType], bool], patch: pytest.MonkeyPatch) -> None:
    """Where its callers answer to `called_from`, an operation does not get the option; one it cannot do without is moved."""
    operation = operations()[pin.owner]
    original, parameter = function_of(operation), parameters(operation)[pin.name]
    signature = inspect.signature(original)

    def forgetful(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        place = bound.arguments if pin.name in bound.arguments else bound.kwargs
        if pin.name in place and called_from(_caller()):
            value = bound.arguments.pop(pin.name)
            if parameter.default is parameter.empty:
                bound.arguments[pin.name] = next(neighbours(value))
        return original(*bound.args, **bound.kwargs)

    if inspect.isclass(operation):
        patch.setattr(operation, "__init__", forgetful)
        return
    forgetful = tf.autograph.experimental.do_not_convert(forgetful)
    for module in [module for name, module in sys.modules.items() if name.split(".")[0] in ("tf_ssd", "parity_tests")]:
        for name in [name for name, value in vars(module).items() if value is original]:
            patch.setattr(module, name, forgetful)


def _caller() -> FrameType:
    """The nearest frame in this project's code, beyond this module and what the libraries put in between."""
    frame: FrameType | None = sys._getframe(1)
    while frame and (frame.f_code.co_filename == __file__ or not (_is_converted(frame) or _stands_in(frame, PACKAGE.parent))):
        frame = frame.f_back
    assert frame
    return frame


def _stands_in(frame: FrameType, folder: Path) -> bool:
    return Path(frame.f_code.co_filename).is_relative_to(folder)


def _is_converted(frame: FrameType) -> bool:
    return frame.f_code.co_name.startswith(CONVERTED)


def from_a_test(frame: FrameType) -> bool:
    """Whether the caller is no part of the package."""
    return not _is_converted(frame) and not _stands_in(frame, PACKAGE)


def from_call(call: Call) -> Callable[[FrameType], bool]:
    """Whether the caller is in that place of the package."""
    path, function = module_of(call.module).__file__, call.caller.rpartition(".")[2]

    def is_there(frame: FrameType) -> bool:
        if _is_converted(frame):
            return frame.f_code.co_name == CONVERTED + function
        return frame.f_code.co_filename == path and frame.f_lineno in call.lines

    return is_there
