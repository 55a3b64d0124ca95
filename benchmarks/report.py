"""What the benchmarks have in common: candidates take turns, the last one is tf_ssd's, and it is judged against the best other."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from benchmarks.timing import interleaved, ratios, summary

Candidates = dict[str, Callable[[], object]]
Sections = dict[str, Callable[[], Candidates]]
CALLS_FOR_MEMORY = 3


class Row(NamedTuple):
    """One comparison.

    Attributes:
        section: what was done.
        subject: which candidate of ours.
        rival: the fastest of the others.
        seconds: of a call, the median of the subject.
        ratios: seconds of the rival / seconds of the subject, turn by turn.
        peak_mb, rival_peak_mb: how much more memory than before its first call each has held.
    """

    section: str
    subject: str
    rival: str
    seconds: float
    ratios: list[float]
    peak_mb: float
    rival_peak_mb: float


def measure(sections: Sections, *, repeats: int) -> Iterator[Row]:
    """Run each section."""
    for name, make in sections.items():
        candidates = make()
        times = interleaved(candidates, repeats=repeats)
        *others, subject = candidates
        rival = min(others, key=lambda other: statistics.median(times[other]))
        seconds, compared = statistics.median(times[subject]), ratios(times[rival], times[subject])
        yield Row(name, subject, rival, seconds, compared, peak_mb(name, subject), peak_mb(name, rival))


def table(rows: Iterable[Row]) -> Table:
    """For people."""
    shown = Table("", "faster by (range)", "memory, of the rival's", "against")
    for row in rows:
        memory = f"{row.peak_mb:.0f} of {row.rival_peak_mb:.0f} MB"
        shown.add_row(row.section, summary(row.ratios), memory, row.rival)
    return shown


def peak_mb(section: str, candidate: str) -> float:
    """`measure_peak` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks", "--peak", section, candidate]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} has failed:\n{result.stderr}")
    return float(result.stdout.splitlines()[-1])


def measure_peak(run: Callable[[], object]) -> float:
    """How many megabytes more than before its first call this process ever holds in a few calls (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = _status_mb("VmRSS")
    for _ in range(CALLS_FOR_MEMORY):
        run()
    return _status_mb("VmHWM") - before


def _status_mb(entry: str) -> float:
    """Resident memory now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(entry)) / 1024
