"""One mutant put to its tests, in a process that is forked from one in which everything heavy is imported already."""

import gc
import importlib.abc
import importlib.util
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Literal, NamedTuple

from parity_tests.mutation.targets import Target

Outcome = Literal["killed", "survived", "timeout", "broken"]
# Of pytest's exit codes, those that do not say that a change was noticed: all passed, and no test was found.
UNNOTICED: dict[int, Outcome] = {0: "survived", 5: "broken"}
ASLEEP = 20  # a test that waits computes nothing: it is ended after so many times its limit by the clock


class Cost(NamedTuple):
    """Seconds of computing, which other processes do not change: of the test that takes longest, and of all together."""

    slowest: float
    whole: float


class Trial(NamedTuple):
    """A mutant's source and the tests that it is put to; `name` is the mutant's."""

    target: Target
    name: str
    source: str
    limit: Cost


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


def prepare() -> None:
    """Import what takes long and runs nothing yet, so that this process can be forked."""
    import parity_tests  # noqa: F401  torchvision before TensorFlow

    import hypothesis  # isort: skip  # noqa: F401
    import keras  # noqa: F401
    import pytest  # noqa: F401
    import tensorflow as tf  # noqa: F401

    gc.collect()
    gc.freeze()  # so that no process looks through all of it again


class Watch:
    """A plugin of pytest: it ends the process if a test computes too long, and as soon as all are done, without tidying up."""

    def __init__(self, limit: float, told: int) -> None:
        self._limit, self._told = limit, told
        self._slowest = self._begun = 0.0

    def pytest_runtest_logstart(self) -> None:
        """The signal ends the process wherever it is: in Python or in a loop of a compiled program."""
        signal.setitimer(signal.ITIMER_PROF, self._limit)
        self._begun = time.process_time()

    def pytest_runtest_logfinish(self) -> None:
        """What the test took, with the fixtures that it was the first to ask for."""
        self._slowest = max(self._slowest, time.process_time() - self._begun)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Also called if a conftest.py or a test module could not be imported."""
        os.write(self._told, str(self._slowest).encode())
        os._exit(exitstatus)


def unchanged(target: Target) -> tuple[Outcome, Cost]:
    """What becomes of a module as it is, and what its tests cost."""
    told, tell = os.pipe()
    no_limit = Cost(3600, 3600)
    [(_, outcome, seconds)] = tried([Trial(target, "none", target.path.read_text(encoding="utf-8"), no_limit)], 1, told=tell)
    os.close(tell)
    slowest = os.read(told, 100)  # nothing if the process did not get to its end
    os.close(told)
    return outcome, Cost(float(slowest or 0), seconds)


def tried(trials: Iterable[Trial], processes: int, *, told: int | None = None) -> Iterator[tuple[Trial, Outcome, float]]:
    """Each trial with what became of it and its seconds of computing, as they end; so many at once.

    The seconds of the slowest test are written to the file descriptor `told`.
    """
    waiting, running = iter(trials), dict[int, tuple[Trial, float]]()
    while True:
        while len(running) < processes and (trial := next(waiting, None)) is not None:
            running[_start(trial, told)] = trial, time.monotonic()
        if not running:
            return
        time.sleep(0.05)
        for process, (trial, begun) in list(running.items()):
            ending = _ended(process, late=time.monotonic() - begun > ASLEEP * trial.limit.whole)
            if ending is not None:
                del running[process]
                yield trial, *ending


def _start(trial: Trial, told: int | None) -> int:
    process = os.fork()
    if process:
        return process
    try:  # in the new process, which must never return
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(trial.limit.whole), resource.RLIM_INFINITY))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        sys.meta_path.insert(0, Changed(trial.target, trial.source))
        import pytest

        watch = Watch(trial.limit.slowest, null if told is None else told)
        os._exit(pytest.main(["-x", "-q", "-n0", "--assert=plain", "-p", "no:cacheprovider", *trial.target.tests], [watch]))
    finally:
        os._exit(1)


def _ended(process: int, *, late: bool) -> tuple[Outcome, float] | None:
    """What became of it and its seconds of computing; None if it runs."""
    if late:
        os.killpg(process, signal.SIGKILL)
    done, status, usage = os.wait4(process, 0 if late else os.WNOHANG)
    if not done:
        return None
    code, seconds = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
    if code in (-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGPROF):
        return "timeout", seconds
    return UNNOTICED.get(code, "killed"), seconds
