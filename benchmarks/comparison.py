"""All sections of `python -m benchmarks`, and what is printed and written of them."""

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torchvision
from rich.console import Console

import tensorflow as tf  # isort: skip  after torchvision: the process aborts otherwise

from benchmarks import detection, loss, matching, network, pipeline, startup
from benchmarks.report import Measures, Row, Sections, measure_peak, measures, table

SECTIONS: Sections = {**matching.SECTIONS, **loss.SECTIONS, **network.SECTIONS, **detection.SECTIONS}
MEASURES: Measures = {**measures(SECTIONS), **pipeline.MEASURES}
MATRIX = 2048


def compare(*, repeats: int, only: str, json_file: Path | None) -> None:
    """Measure the sections with `only` in their names, print a table of ratios, and write them to a file if one is named."""
    console = Console(highlight=False)
    versions = f"TensorFlow {tf.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}"
    console.print(f"{versions}, {torch.get_num_threads()} threads")
    rows = []
    for name in (name for name in MEASURES if only in name):
        rows.append(MEASURES[name](name, repeats))
        console.print(f"{name}: {statistics.median(rows[-1].ratios):.2f}x")
    console.print(table(rows))
    extra = {"gemm_gflops": gemm_gflops(), **({} if only else startup.measured())}
    console.print(*_footer(rows, extra), sep="\n")
    if json_file:
        write_json(json_file, rows, extra)


def peak(section: str, candidate: str) -> float:
    """The memory of one candidate, in MB."""
    return measure_peak(SECTIONS[section]()[candidate])


def _footer(rows: list[Row], extra: dict[str, float]) -> Iterator[str]:
    """Lines on what is not compared with anything."""
    yield f"matrix product: {extra['gemm_gflops']:.0f} GFLOP/s"
    for row in rows:
        if row.section in network.PASSES:
            share = network.PASSES[row.section] * network.gflop() / row.seconds / extra["gemm_gflops"]
            yield f"{row.section}: {share:.0%} of that in convolutions, each counted as a plain one"
    if "help_seconds" in extra:
        yield f"train --help: {extra['help_seconds']:.2f} s, {extra['help_peak_mb']:.0f} MB"
        yield f"first training step after: {extra['first_step_seconds']:.0f} s"


def gemm_gflops() -> float:
    """The machine's speed in a product of two large matrices, which it computes fastest of all; the best of several."""
    matrix = tf.random.normal([MATRIX, MATRIX])
    product = tf.function(lambda: tf.matmul(matrix, matrix), autograph=False)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        product().numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * MATRIX**3 / min(seconds) / 1e9


def write_json(path: Path, rows: list[Row], extra: dict[str, float]) -> None:
    """Write all that was measured."""
    path.write_text(json.dumps({"rows": [row._asdict() for row in rows], **extra}, indent=2) + "\n", encoding="utf-8")
