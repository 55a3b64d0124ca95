"""tf_ssd against torchvision's SSD300 in one run: python -m benchmarks.

A ratio above 1 means that tf_ssd is faster. Both do the same work with the same weights on as many threads, and take turns. The
input pipeline has a command of its own, python -m benchmarks.pipeline.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
import torchvision
from rich.console import Console

import tensorflow as tf  # isort: skip  after torchvision, whose compiler aborts otherwise

from benchmarks import detection, loss, network
from benchmarks.report import Row, Sections, measure, measure_peak, table

SECTIONS: Sections = {**loss.SECTIONS, **network.SECTIONS, **detection.SECTIONS}
MATRIX = 2048


def main() -> None:
    """Print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--only", default="", help="sections with this in their names")
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
    for row in measure({name: make for name, make in SECTIONS.items() if arguments.only in name}, repeats=arguments.repeats):
        console.print(f"{row.section}: {statistics.median(row.ratios):.2f}x")
        rows.append(row)
    console.print(table(rows))
    extra = {"gemm_gflops": gemm_gflops(), "help_seconds": help_seconds()}
    console.print(f"matrix product: {extra['gemm_gflops']:.0f} GFLOP/s; train --help: {extra['help_seconds']:.2f} s")
    for row in rows:
        if row.section in network.PASSES:
            share = network.PASSES[row.section] * network.gflop() / row.seconds / extra["gemm_gflops"]
            console.print(f"{row.section}: {share:.0%} of that in convolutions")
    if arguments.json:
        _write(arguments.json, rows, extra)


def gemm_gflops() -> float:
    """The machine's speed at what it does best: a product of two large matrices, the best of several."""
    matrix = tf.random.normal([MATRIX, MATRIX])
    product = tf.function(lambda: tf.matmul(matrix, matrix), autograph=False)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        product().numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * MATRIX**3 / min(seconds) / 1e9


def help_seconds() -> float:
    """Until the command line has answered, the median of five."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tf_ssd.train", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _write(path: Path, rows: list[Row], extra: dict[str, float]) -> None:
    path.write_text(json.dumps({"rows": [row._asdict() for row in rows], **extra}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
