"""tf_ssd against torchvision's SSD300 in one run: python -m benchmarks.

A ratio above 1 means that tf_ssd is faster. Both do the same work with the same weights on as many threads, and take turns. The
input pipeline with photos of other sizes: python -m benchmarks.pipeline. How costs grow: python -m benchmarks.scaling. Each
kernel of the network by itself: python -m benchmarks.kernels.
"""

import argparse
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


def main() -> None:
    """Print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--only", default="", help="sections with this in their names, and not what starting costs")
    parser.add_argument("--json", type=Path, help="write all ratios to this file")
    parser.add_argument("--peak", nargs=2, metavar=("SECTION", "CANDIDATE"), help="print the memory of one candidate, in MB")
    arguments = parser.parse_args()
    if arguments.peak:
        section, candidate = arguments.peak
        print(measure_peak(SECTIONS[section]()[candidate]))
        return
    console = Console(highlight=False)
    versions = f"TensorFlow {tf.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}"
    console.print(f"{versions}, {torch.get_num_threads()} threads")
    rows = []
    for name in (name for name in MEASURES if arguments.only in name):
        rows.append(MEASURES[name](name, arguments.repeats))
        console.print(f"{name}: {statistics.median(rows[-1].ratios):.2f}x")
    console.print(table(rows))
    extra = {"gemm_gflops": gemm_gflops(), **({} if arguments.only else startup.measured())}
    console.print(*_footer(rows, extra), sep="\n")
    if arguments.json:
        write_json(arguments.json, rows, extra)


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


if __name__ == "__main__":
    main()
