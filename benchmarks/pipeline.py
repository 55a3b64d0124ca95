"""JPEG files to augmented, padded batches of 32 at 300 x 300: tf_ssd against torchvision's pipeline for its SSD in the same run.

    python -m benchmarks.pipeline

A ratio above 1 means that tf_ssd is faster. torchvision runs the transforms of its references/detection for SSD and resizes, in a
`DataLoader` with a worker for each core, on tensors or on Pillow's images, whichever is faster for it. Each side lives in a process
of its own, on the same cores; they take turns, and nothing runs while the other does.
"""

import argparse
import itertools
import multiprocessing
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import parity_tests  # noqa: F401  so that each process holds the same libraries
from benchmarks.photos import Photos
from benchmarks.report import Measures, Row, compared
from benchmarks.streams import BATCH, PIPELINES, Pipeline
from benchmarks.timing import ratio

UNTIMED = 4  # batches at the beginning, while workers start and buffers fill
BATCHES = 8  # timed in each round
SIZES = ((320, 240), (640, 480), (1280, 960), (2560, 1920))
ORDINARY, CORES = (640, 480), 2

Turn = Callable[[], tuple[float, float]]
Measured = dict[str, tuple[list[float], float]]


def serve(pipeline: Pipeline, photos: Photos, cores: int, batches: int, connection: Connection) -> None:
    """Whenever asked, send the seconds that some batches take, and the megabytes that are held then."""
    os.setpgrp()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])  # before any library starts its threads
    stream = pipeline(photos, cores)
    connection.send("ready")
    while connection.recv() == "go":
        for _ in itertools.islice(stream, UNTIMED):
            pass
        start = time.perf_counter()
        for _ in itertools.islice(stream, batches):
            pass
        connection.send((time.perf_counter() - start, _megabytes()))


def _megabytes() -> float:
    """Memory that this process and its children hold: shared memory counts once, code and other mapped files do not count."""
    processes = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
    texts = [Path(f"/proc/{process}/smaps_rollup").read_text() for process in processes]
    lines = [line for text in texts for line in text.splitlines() if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return sum(int(line.split()[1]) for line in lines) / 1000


@contextmanager
def server(name: str, photos: Photos, *, cores: int, batches: int) -> Iterator[Turn]:
    """A process with a pipeline, which is stopped, with all its threads and workers, when it is not its turn."""
    context = multiprocessing.get_context("spawn")
    connection, remote = context.Pipe()
    process = context.Process(target=serve, args=(PIPELINES[name], photos, cores, batches, remote))
    process.start()
    group = process.pid
    assert group is not None

    def turn() -> tuple[float, float]:
        os.killpg(group, signal.SIGCONT)
        connection.send("go")
        result = connection.recv()
        os.killpg(group, signal.SIGSTOP)
        return result

    try:
        connection.recv()  # until it is ready
        yield turn
    finally:
        os.killpg(group, signal.SIGKILL)


def measure(turns: dict[str, Turn], *, rounds: int) -> Measured:
    """For each pipeline the seconds of every round, after one to warm up, and the largest number of megabytes."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in turns}
    names = list(turns)
    for number in range(rounds + 1):
        for name in names if number % 2 else names[::-1]:
            results[name].append(turns[name]())
    return {name: ([seconds for seconds, _ in each[1:]], max(held for _, held in each)) for name, each in results.items()}


def measure_all(photos: Photos, *, cores: int, batches: int, rounds: int) -> Measured:
    """`measure` of all pipelines."""
    with ExitStack() as stack:
        servers = {name: server(name, photos, cores=cores, batches=batches) for name in PIPELINES}
        return measure({name: stack.enter_context(each) for name, each in servers.items()}, rounds=rounds)


def row(section: str, rounds: int) -> Row:
    """The row for the table of all comparisons: photos of ordinary size. Memory is all that the processes of a pipeline hold."""
    with tempfile.TemporaryDirectory() as folder:
        results = measure_all(Photos(Path(folder, "photos"), ORDINARY), cores=CORES, batches=BATCHES, rounds=rounds)
    return compared(section, {name: seconds for name, (seconds, _) in results.items()}, lambda name: results[name][1])


def report(results: Measured, *, images: int, cores: int) -> None:
    """Print images/s and memory of each pipeline, and how many times faster tf_ssd is than torchvision's faster one."""
    rates = {name: images / statistics.median(seconds) for name, (seconds, _) in results.items()}
    for name, (_, held) in results.items():
        print(f"    {name:20} {rates[name]:7.1f} images/s  {rates[name] / cores:7.1f} per core  {held:6.0f} MB")
    fastest = max(results.keys() - {"tf_ssd"}, key=lambda name: rates[name])
    print(f"    {ratio(results[fastest][0], results['tf_ssd'][0])} against {fastest}", flush=True)


def main() -> None:
    """Print the ratio for each size of photo, and for one core and two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=BATCHES, help="timed in each round")
    arguments = parser.parse_args()
    print(f"batch {BATCH}, load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores")
    with tempfile.TemporaryDirectory() as folder:
        for number, (size, cores) in enumerate(itertools.chain(((size, CORES) for size in SIZES), [(ORDINARY, 1)])):
            photos = Photos(Path(folder, str(number)), size)
            print(f"{size[0]} x {size[1]}, {photos.kilobytes:.0f} KB a file, cores: {cores}")
            results = measure_all(photos, cores=cores, batches=arguments.batches, rounds=arguments.rounds)
            report(results, images=BATCH * arguments.batches, cores=cores)


MEASURES: Measures = {f"input pipeline, {ORDINARY[0]} x {ORDINARY[1]}, {CORES} cores": row}


if __name__ == "__main__":
    main()
