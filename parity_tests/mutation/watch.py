"""A plugin of pytest for one mutant: the likeliest and the cheapest tests first, none longer than it may take, no tidying up."""

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

PATIENCE = 3, 5.0  # a test, and all together, may compute so many times as long as without a change, and so many seconds more


class Costs(NamedTuple):
    """Seconds of computing, which other processes do not change: of each test by its name, and of all together."""

    tests: dict[str, float]
    whole: float


def limit(seconds: float) -> float:
    """How long a test, or all together, may compute that took so many seconds."""
    return PATIENCE[0] * seconds + PATIENCE[1]


class Report(NamedTuple):
    """What a process tells: the test that failed, if one did, and the seconds of computing of each test that ran."""

    failed: str | None
    took: dict[str, float]


class Watch:
    """A plugin of pytest: it chooses the order of the tests, and ends the process if one computes too long.

    So does the last test, without tidying up. Its report is written to a file.
    """

    def __init__(self, costs: Costs, killers: Sequence[str], report: Path) -> None:
        self._expected, self._killers, self._report = costs.tests, list(killers), report
        self._longest = limit(max(costs.tests.values(), default=costs.whole))
        self._begun, self._took = 0.0, dict[str, float]()
        self._failed: str | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Those that killed others come first, then file by file those that cost least."""
        files = list(dict.fromkeys(item.path for item in items))
        place = {name: number for number, name in enumerate(self._killers)}
        last = len(place)
        items.sort(key=lambda item: (place.get(item.nodeid, last), files.index(item.path), self._expected.get(item.nodeid, 0)))

    def pytest_runtest_logstart(self) -> None:
        """The signal ends the process wherever it is: in Python or in a loop of a compiled program."""
        signal.setitimer(signal.ITIMER_PROF, self._longest)
        self._begun = time.process_time()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of setup, test and teardown."""
        if report.failed:
            self._failed = report.nodeid

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """What the test took, with the fixtures that it was the first to ask for."""
        self._took[nodeid] = time.process_time() - self._begun

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Also called if a conftest.py or a test module could not be imported."""
        self._report.write_text(json.dumps([self._failed, self._took]), encoding="utf-8")
        os._exit(exitstatus)


def read(report: Path) -> Report:
    """An empty one of a process that did not get to its end; the file is removed."""
    if not report.exists():
        return Report(None, {})
    said = Report(*json.loads(report.read_text(encoding="utf-8")))
    report.unlink()
    return said
