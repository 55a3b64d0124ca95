"""What the options of a command are, read from the dataclass of its settings."""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tyro.conf import Positional

KINDS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}
MANY = " ..."


@dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes:
        setting: its name in the dataclass.
        flag: how it is written, such as --batch-size; IMAGE or FILE where its place says what a word is.
        values: what stands after the flag, such as "PATH ..." for any number of paths; empty for a switch.
        choices: the words that it takes, if they are few.
        text: what it does.
        default: the value without it; MISSING if there is none.
    """

    setting: str
    flag: str
    values: str
    choices: tuple[str, ...]
    text: str
    default: Any

    @property
    def written(self) -> str:
        """The flag and what stands after it."""
        return f"{self.flag} {self.values}".strip()

    @property
    def is_required(self) -> bool:
        """Whether the command does not go without it."""
        return self.default is MISSING

    @property
    def most(self) -> int:
        """How many words it takes at most."""
        return sys.maxsize if self.written.endswith(MANY) else len(self.values.split()) or int(self.is_positional)

    @property
    def is_positional(self) -> bool:
        """Whether it has no flag."""
        return not self.flag.startswith("--")


def options_of(settings: type, defaults: Any = None) -> Iterator[Option]:
    """All options, those of settings inside settings too.

    Args:
        settings: a dataclass for tyro.
        defaults: an instance that has the defaults, if they are not those of the class.
    """
    hints, texts = get_type_hints(settings, include_extras=True), _texts(settings)
    for field in fields(settings):
        hint, marks = hints[field.name], ()
        while get_origin(hint) is Annotated:
            hint, marks = hint.__origin__, (*marks, *hint.__metadata__)
        default = field.default if defaults is None else getattr(defaults, field.name)
        if isinstance(hint, type) and is_dataclass(hint):
            yield from options_of(hint, default)
            continue
        hint = _without_none(hint)
        name = _said(marks, "name") or field.name.replace("_", "-")
        metavar = _said(marks, "metavar") or name.upper()
        is_switch = hint is bool and default is False
        values = "" if is_switch else _values(hint)
        flag = f"--{name}"
        if Positional in marks:
            flag, values = metavar + (MANY if values.endswith(MANY) else ""), ""
        yield Option(field.name, flag, values, () if is_switch else _choices(hint), texts[field.name], default)


def _said(marks: tuple[Any, ...], what: str) -> str | None:
    """The name or metavar in an `arg` of tyro's."""
    return next((said for mark in marks if (said := getattr(mark, what, None))), None)


def _without_none(hint: Any) -> Any:
    """A type without None, which nobody writes: an option is left out."""
    parts = tuple(part for part in get_args(hint) if part is not NoneType)
    return Union[parts] if get_origin(hint) in (Union, UnionType) else hint  # noqa: UP007


def _values(hint: Any) -> str:
    """What a person writes for a value of a type."""
    parts = get_args(hint)
    if choices := _choices(hint):
        return "{" + ",".join(choices) + "}" if len(choices) > 1 else choices[0]
    if get_origin(hint) is tuple:
        return _values(parts[0]) + MANY if Ellipsis in parts else " ".join(map(_values, parts))
    return "|".join(map(_values, parts)) if parts else KINDS[hint]


def _choices(hint: Any) -> tuple[str, ...]:
    if hint is bool:
        return ("True", "False")
    return tuple(str(word) for word in get_args(hint) if word is not None) if get_origin(hint) is Literal else ()


def _texts(settings: type) -> dict[str, str]:
    """The docstring below each setting, of the classes that a class is made from too; empty where there is none."""
    texts: dict[str, str] = {field.name: "" for field in fields(settings)}
    for each in filter(is_dataclass, reversed(settings.__mro__)):
        (definition,) = ast.parse(inspect.getsource(each)).body
        assert isinstance(definition, ast.ClassDef)
        for setting, below in pairwise(definition.body):
            match setting, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    texts[name] = " ".join(text.split())
    return texts
