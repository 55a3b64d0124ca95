"""What the benchmarks have in common: candidates take turns, the last one is tf_ssd's, and it is judged against the best other."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from benchmarks.timing import interleaved, ratios, summary

Candidates = dict[str, Callable[[], object]]
Sections = dict[str, Callable[[], Candidates]]
CALLS_FOR_MEMORY = 3  # of a candidate, when its memory is measured


class Row(NamedTuple):
    """One comparison.

    Attributes:
        section: what was done.
        subject: tf_ssd's candidate.
        rival: the fastest of the others.
        seconds: the subject's median for a call.
        ratios: seconds of the rival / seconds of the subject, turn by turn.
        peak_mb, rival_peak_mb: peak memory of each, less what was held before the first call; for a pipeline, all that it holds.
    """

    section: str
    subject: str
    rival: str
    seconds: float
    ratios: list[float]
    peak_mb: float
    rival_peak_mb: float


Measures = dict[str, Callable[[str, int], Row]]  # from the name of a section and the number of turns


def measure(section: str, repeats: int, *, make: Callable[[], Candidates]) -> Row:
    """Run one section in this process, and each candidate in another for its memory."""
    return compared(section, interleaved(make(), repeats=repeats), partial(peak_mb, section))


def measures(sections: Sections) -> Measures:
    """`measure` for each section."""
    return {section: partial(measure, make=make) for section, make in sections.items()}


def compared(section: str, times: dict[str, list[float]], peak: Callable[[str], float]) -> Row:
    """Compare the last candidate with the fastest of the others.

    Args:
        section: what was done.
        times: seconds of every turn of each candidate.
        peak: megabytes of a candidate.
    """
    *others, subject = times
    rival = min(others, key=lambda other: statistics.median(times[other]))
    seconds, faster_by = statistics.median(times[subject]), ratios(times[rival], times[subject])
    return Row(section, subject, rival, seconds, faster_by, peak(subject), peak(rival))


def table(rows: Iterable[Row]) -> Table:
    """The comparisons as a table to print."""
    shown = Table("", "faster by (range)", "memory, of the rival's", "against")
    for row in rows:
        memory = f"{row.peak_mb:.0f} of {row.rival_peak_mb:.0f} MB"
        shown.add_row(row.section, summary(row.ratios), memory, row.rival)
    return shown


def peak_mb(section: str, candidate: str, *, module: str = "benchmarks") -> float:
    """`measure_peak` in a process of its own, by a module that prints it."""
    command = [sys.executable, "-m", module, "--peak", section, candidate]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} has failed:\n{result.stderr}")
    return float(result.stdout.splitlines()[-1])


def measure_peak(run: Callable[[], object]) -> float:
    """Peak memory of this process during a few calls, in megabytes more than before the first (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = _status_mb("VmRSS")
    for _ in range(CALLS_FOR_MEMORY):
        run()
    return _status_mb("VmHWM") - before


def _status_mb(entry: str) -> float:
    """Resident memory now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(entry)) / 1024
