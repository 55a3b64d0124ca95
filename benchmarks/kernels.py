"""What each kernel of the network saves by itself, at full width: python -m benchmarks.kernels.

The network with all kernels and the network without one of them take turns. A kernel that saves less than a tenth of the time and
of the peak memory of a whole step is not worth its lines.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

from benchmarks.network import our_forward, our_step  # isort: skip  torchvision before TensorFlow

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.arguments import new_file
from benchmarks.report import Row, compared, measure_peak, peak_mb
from benchmarks.timing import interleaved
from tf_ssd.network.kernels import dilation, parts, pooling, winograd

ALL = "all kernels"


class Section(NamedTuple):
    """What is measured: makes a call whose first time traces the network, and the kernels that it uses."""

    make: Callable[[], Callable[[], object]]
    kernels: tuple[str, ...]


SECTIONS = {
    "training step, 8 images": Section(partial(our_step, 8), ("winograd", "pooling", "dilation")),
    "prediction, 1 image": Section(partial(our_forward, 1), ("parts", "dilation")),
    "prediction, 8 images": Section(partial(our_forward, 8), ("parts", "dilation")),
}


def switched_off(kernel: str) -> AbstractContextManager[object]:
    """Networks traced inside do without a kernel; without none, if it is `ALL`."""
    switches: dict[str, Callable[[], AbstractContextManager[object]]] = {
        ALL: nullcontext,
        "winograd": lambda: patch.object(winograd, "suits", return_value=False),
        "pooling": lambda: patch.object(pooling, "relu_max_pool", lambda x: tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "SAME")),
        "dilation": lambda: patch.object(dilation, "suits", return_value=False),
        "parts": lambda: patch.object(parts, "suits", return_value=False),
    }
    return switches[kernel]()


def main() -> None:
    """Print a table of what is saved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9, help="turns")
    parser.add_argument(
        "--peaks", type=int, default=3, help="processes for the memory of each candidate, of which the median counts"
    )
    parser.add_argument("--only", default="", help="sections with this in their names")
    parser.add_argument("--json", type=new_file, help="write all ratios to this file")
    parser.add_argument("--peak", nargs=2, metavar=("SECTION", "KERNEL"), help="print the memory without one kernel, in MB")
    arguments = parser.parse_args()
    if arguments.peak:
        section, kernel = arguments.peak
        with switched_off(kernel):
            print(measure_peak(SECTIONS[section].make()))
        return
    console, rows = Console(highlight=False), []
    for name in (name for name in SECTIONS if arguments.only in name):
        for row in measured(name, arguments.repeats, arguments.peaks):
            rows.append(row)
            console.print(f"{name}, {row.rival}: {_time_saved(row)} of the time")
    console.print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([row._asdict() for row in rows], indent=2) + "\n", encoding="utf-8")


def measured(section: str, repeats: int, peaks: int) -> Iterator[Row]:
    """All kernels against all but one, for each kernel of a section."""
    names = (*SECTIONS[section].kernels, ALL)
    times = interleaved({name: _traced(section, name) for name in names}, repeats=repeats)
    held = {name: statistics.median(peak_mb(section, name, module="benchmarks.kernels") for _ in range(peaks)) for name in names}
    for kernel in SECTIONS[section].kernels:
        yield compared(section, {kernel: times[kernel], ALL: times[ALL]}, held.__getitem__)


def _traced(section: str, kernel: str) -> Callable[[], object]:
    with switched_off(kernel):
        run = SECTIONS[section].make()
        run()
    return run


def table(rows: list[Row]) -> Table:
    """For people: shares of what a step takes without the kernel."""
    shown = Table("", "kernel", "time saved (range)", "peak memory saved", "with, without")
    for row in rows:
        memory = f"{row.peak_mb:.0f}, {row.rival_peak_mb:.0f} MB"
        shown.add_row(row.section, row.rival, _time_saved(row), f"{1 - row.peak_mb / row.rival_peak_mb:.1%}", memory)
    return shown


def _time_saved(row: Row) -> str:
    saved = [1 - 1 / ratio for ratio in row.ratios]
    return f"{statistics.median(saved):.1%} ({min(saved):.1%}..{max(saved):.1%})"


if __name__ == "__main__":
    main()
