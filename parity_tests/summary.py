"""What a run adds up to, printed at its end: the largest error of each operation against its tolerance, and the mutation score.

A pytest plugin. Errors travel from the test processes to the one that prints in the reports of the tests.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable
from typing import Any

import pytest

from parity_tests import asserts
from parity_tests.tolerance import EXACT, TOLERANCES

ERRORS = "largest errors"
MUTANT = "test_mutant_is_noticed"
SMALL_WORLD = "small world"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Attach the largest errors that a test has seen to its report; tests of the suite itself plant errors and do not count."""
    asserts.largest_errors.clear()
    try:
        return (yield)
    finally:
        if asserts.largest_errors and "meta" not in item.path.parts:
            item.user_properties.append((ERRORS, dict(asserts.largest_errors)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table and the score."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    rows = error_table(properties for report in reports for name, properties in report.user_properties if name == ERRORS)
    if rows:
        terminalreporter.section("largest errors, in epsilons (tolerance)")
        for row in rows:
            terminalreporter.write_line(row)
    mutants = [report.passed for report in reports if f"::{MUTANT}[" in report.nodeid]
    if mutants:
        score = 100 * sum(mutants) / len(mutants)
        terminalreporter.write_line(f"mutation score: {sum(mutants)} of {len(mutants)} mutants noticed, {score:.0f} %")
    for line in small_worlds(reports):
        terminalreporter.write_line(line)


def small_worlds(reports: Iterable[Any]) -> list[str]:
    """A line per operation that was tried in every case of a small world."""
    cases: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    for report in reports:
        for number, (name, value) in enumerate(report.user_properties):
            if name == SMALL_WORLD:
                operation, count = value
                cases[operation] += count
                seconds[operation] += 0 if number else report.duration
    return [f"small world: {name}, all {cases[name]:,} cases in {seconds[name]:.0f} s" for name in sorted(cases)]


def error_table(errors: Iterable[dict[str, float]]) -> list[str]:
    """A line per operation, from dictionaries of "operation dtype" to an error."""
    largest: dict[str, float] = {}
    for seen in errors:
        for key, error in seen.items():
            largest[key] = max(error, largest.get(key, 0))
    rows = []
    for operation in sorted({key.split()[0] for key in largest}):
        tolerance = TOLERANCES[operation]
        if tolerance is EXACT:
            rows.append(f"{operation:40}equal")
            continue
        cells = [
            f"{dtype} {largest[key]:8.2f} ({limit:g})" if (key := f"{operation} {dtype}") in largest else ""
            for dtype, limit in (("float32", tolerance.float32), ("float64", tolerance.float64))
        ]
        rows.append(f"{operation:40}" + "".join(f"{cell:28}" for cell in cells).rstrip())
    return rows
