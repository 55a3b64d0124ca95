"""What stands for each program that pages call: ours are functions in this process; others are not run, each for a reason."""

import importlib
import io
import os
import re
import sys
import tomllib
import traceback
from collections.abc import Sequence
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from fnmatch import fnmatchcase
from importlib.util import find_spec
from unittest import mock

from tests.house import ROOT
from tests.manual.shell import Answer, Called
from tests.manual.smaller import TRAINING, without_graphs
from tf_ssd.cli.arguments import parsed
from tf_ssd.config.groups import GROUPS
from tf_ssd.train.cluster import read_cluster

COMMANDS = {settings.__name__.removesuffix("Config").lower(): settings for settings in GROUPS}
EXTRAS = {*tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]}

# Commands with * for anything, and why they are not run. Settings of our own are looked at all the same.
NOT_RUN = {
    "pip install *": "it changes what is installed; continuous integration installs the package with all extras of the tests",
    "pytest": "this is pytest; continuous integration runs it",
    "ruff *": "continuous integration runs it",
    "mypy": "continuous integration runs it",
    "python examples/published_weights.py": "it downloads; tests/test_published_weights.py gives it archives",
    "python docs/manual/tutorial.py *": "it writes what tests/tutorial executes",
    "python -m tf_ssd.train --output /shared/run": "it waits for another machine; tests/train/test_cluster.py runs two workers",
}
# Commands that are right to end with another exit code than 0.
EXIT_CODES = {
    "python -m tf_ssd.audit --impl tf_ssd.audit.examples.naive_loss:loss*": 1,
}
# Options that make a command take seconds, given after those of the page, and what they do not go together with.
ALWAYS = {"train": TRAINING}
CONTRADICTS = {"--width": "--weights", "--batch-norm": "--weights"}


class Programs:
    """Answers calls, and remembers which exceptions have been of use."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    @property
    def names(self) -> set[str]:
        return {"python", "tf-ssd", *(pattern.split(" ")[0] for pattern in NOT_RUN)}

    def __call__(self, called: Called) -> Answer:
        """Run a command of ours, or look at whether what is not run is there."""
        try:
            name = command_of(called.words)
            if name in COMMANDS:
                settings_of(name, called)
            if self._listed(NOT_RUN, called) is not None:
                return Answer() if is_there(called.words) else Answer(1, err=f"{called}: there is no such module, file or extra")
            if name is None:
                return Answer(1, err=f"{called}: neither a command of tf_ssd nor in NOT_RUN of {__name__}")
            code, out, err = in_this_process(name, called)
            expected = self._listed(EXIT_CODES, called) or 0
        except Exception:  # whatever it is, the test that called the shell has to show it
            return Answer(1, err=traceback.format_exc())
        if code != expected:
            return Answer(code or 1, out, f"{err}\n{called}: exit code {code}, not {expected}")
        return Answer(0, out, err)

    def _listed(self, table: dict, called: Called):
        found = [pattern for pattern in table if fnmatchcase(str(called), pattern)]
        self.used.update(found)
        return table[found[0]] if found else None


def command_of(words: Sequence[str]) -> str | None:
    """The name of a command of ours, empty for the list of commands; None if it is none."""
    match words:
        case ["tf-ssd", name, *_] if name in COMMANDS:
            return name
        case ["python", "-m", module, *_] if module in {f"tf_ssd.{name}" for name in COMMANDS}:
            return module.removeprefix("tf_ssd.")
        case ["tf-ssd", *_] | ["python", "-m", "tf_ssd", *_]:
            return ""
    return None


def arguments_of(words: Sequence[str]) -> list[str]:
    """What stands after the name of a command of ours."""
    by_module = words[0] == "python"
    return list(words[2 + by_module if command_of(words) else 1 + 2 * by_module :])


def settings_of(name: str, called: Called) -> object:
    """The settings of a command as the page gives them, in its environment; raises ConfigError if they are wrong."""
    arguments = arguments_of(called.words)
    with mock.patch.dict(os.environ, called.environment):
        read_cluster()
    return None if {"--help", "-h"} & set(arguments) else parsed(COMMANDS[name], arguments, str(called.words[0]))


def is_there(words: Sequence[str]) -> bool:
    """Whether the module or file exists that Python is to run, or the extras that pip is to install; true for other programs."""
    match words:
        case ["pip", "install", *_]:
            return EXTRAS.issuperset(re.findall(r"\[([\w-]+)\]$", "\n".join(words), re.MULTILINE))
        case ["python", "-m", module, *_]:
            return find_spec(module) is not None
        case ["python", file, *_] if not file.startswith("-"):
            return (ROOT / file).is_file()
    return True


def smaller(name: str, arguments: Sequence[str]) -> list[str]:
    """More options, which a command takes in place of those given before."""
    options = ALWAYS.get(name, {})
    return [word for flag in options if CONTRADICTS.get(flag) not in arguments for word in (flag, options[flag])]


def in_this_process(name: str, called: Called) -> tuple[int, str, str]:
    """Exit code and what is printed by a command of ours, with less work than its options ask for."""
    arguments = arguments_of(called.words)
    module = importlib.import_module(f"tf_ssd.{name}".rstrip(".") + ".__main__")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    read = io.TextIOWrapper(io.BytesIO(called.read.encode("latin-1")))
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, called.environment))
        stack.enter_context(mock.patch.object(sys, "argv", [called.words[0]]))
        stack.enter_context(mock.patch.object(sys, "stdin", read))
        stack.enter_context(chdir(called.folder))
        stack.enter_context(mock.patch.object(sys, "path", [called.folder, *sys.path]))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        if name == "train":
            stack.enter_context(without_graphs())
        try:
            code = module.main([*arguments, *smaller(name, arguments)])
        except SystemExit as stop:
            code = stop.code
    return int(code or 0), *(_written(file) for file in (out, err))


def _written(file: io.TextIOWrapper) -> str:
    file.flush()
    return file.buffer.getvalue().decode()
