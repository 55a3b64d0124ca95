"""One mutant put to its tests, in a process that is forked from one in which everything heavy is imported already."""

import atexit
import gc
import importlib.abc
import importlib.util
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Literal, NamedTuple

from parity_tests.mutation.targets import Target
from parity_tests.mutation.watch import Costs, Report, Watch, limit, read

Outcome = Literal["killed", "survived", "timeout", "broken"]
# Exit codes that do not say that a change was noticed: all tests passed, none was found, or somebody else killed the process.
UNNOTICED: dict[int, Outcome] = {0: "survived", 5: "broken", -signal.SIGKILL: "broken"}
OPTIONS = ("-x", "-q", "-n0", "--assert=plain", "-p", "no:cacheprovider", "--hypothesis-profile=unshrunk")
ASLEEP = 20  # a test that waits computes nothing: it is ended after so many times its limit by the clock


class Trial(NamedTuple):
    """A mutant's source and the tests that it is put to, with what they cost when nothing is changed; `name` is the mutant's."""

    target: Target
    name: str
    source: str
    costs: Costs = Costs({}, 1200)


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a source that is given."""

    def __init__(self, target: Target, source: str) -> None:
        self._target, self._source = target, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """The module alone."""
        if fullname != self._target.imported:
            return None
        spec = importlib.util.spec_from_loader(fullname, self, is_package=self._target.path.stem == "__init__")
        if spec and spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(str(self._target.path.parent))
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Run the source; its lines are in linecache for AutoGraph, which reads them."""
        import linecache

        file = f"<mutant of {self._target.module}>"
        linecache.cache[file] = (len(self._source), None, self._source.splitlines(keepends=True), file)
        exec(compile(self._source, file, "exec"), module.__dict__)


@cache
def prepare() -> None:
    """Import what takes long and runs nothing yet, so that this process can be forked."""
    import parity_tests  # noqa: F401  torchvision before TensorFlow

    import hypothesis  # isort: skip  # noqa: F401
    import keras  # noqa: F401
    import pytest  # noqa: F401
    import tensorflow as tf  # noqa: F401

    gc.collect()
    gc.freeze()  # so that no process looks through all of it again
    atexit.register(gc.unfreeze)  # libraries written in C++ look for what has leaked


class Ending(NamedTuple):
    """What became of a mutant, the seconds of computing that it took, and what its process told."""

    outcome: Outcome
    seconds: float
    report: Report


@cache
def unchanged(tests: tuple[str, ...]) -> tuple[Outcome, Costs]:
    """What becomes of tests when nothing is changed, and what they cost."""
    [(_, ending)] = tried([Trial(Target("none", tests), "none", "")], 1)
    return ending.outcome, Costs(ending.report.took, ending.seconds)


def tried(trials: Iterable[Trial], processes: int) -> Iterator[tuple[Trial, Ending]]:
    """Each trial with what became of it, as they end; so many at once. What failed for one is asked of the next first."""
    waiting, running, killers = iter(trials), dict[int, tuple[Trial, float]](), list[str]()
    with TemporaryDirectory() as reports, _killed_at_the_end(running):
        while True:
            while len(running) < processes and (trial := next(waiting, None)) is not None:
                running[_start(trial, killers, Path(reports))] = trial, time.monotonic()
            if not running:
                return
            time.sleep(0.05)
            for process, (trial, begun) in list(running.items()):
                late = time.monotonic() - begun > ASLEEP * limit(trial.costs.whole)
                ending = _ended(process, Path(reports), late=late)
                if ending is not None:
                    del running[process]
                    killers = [*filter(None, [ending.report.failed]), *(each for each in killers if each != ending.report.failed)]
                    yield trial, ending


@contextmanager
def _killed_at_the_end(running: Mapping[int, object]) -> Iterator[None]:
    """Inside, processes run; those that still do when it ends, as by Ctrl-C, end with it."""
    try:
        yield
    finally:
        for process in running:
            _kill(process)
            os.waitpid(process, 0)


def _kill(process: int) -> None:
    """Kill a process, with all that it started in its session, if it has come to begin one."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    os.kill(process, signal.SIGKILL)


def _start(trial: Trial, killers: Sequence[str], reports: Path) -> int:
    process = os.fork()
    if process:
        return process
    try:  # in the new process, which must never return
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit(trial.costs.whole)), resource.RLIM_INFINITY))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        sys.meta_path.insert(0, Changed(trial.target, trial.source))
        import pytest

        os._exit(pytest.main([*OPTIONS, *trial.target.tests], [Watch(trial.costs, killers, reports / str(os.getpid()))]))
    finally:
        os._exit(1)


def _ended(process: int, reports: Path, *, late: bool) -> Ending | None:
    """What became of it; None if it runs."""
    if late:
        _kill(process)
    done, status, usage = os.wait4(process, 0 if late else os.WNOHANG)
    if not done:
        return None
    code, seconds = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
    timeout = late or code in (-signal.SIGXCPU, -signal.SIGPROF)
    return Ending("timeout" if timeout else UNNOTICED.get(code, "killed"), seconds, read(reports / str(process)))
