"""What a start is worth: networks trained on the same data for as many steps, from random weights and from given ones.

    python -m benchmarks.starts --output runs/starts --steps 1000                 every network, on generated pictures
    python -m benchmarks.starts --output runs/cells --dataset voc --data FOLDER --network --start imagenet=vgg16.keras

Flags that are not listed here go to each `python -m tf_ssd.train` as they are. Each training is a process of its own. The same
command once more trains nothing that is finished, and goes on with what was stopped.
"""

import argparse
import json
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from benchmarks.arguments import new_file
from benchmarks.photos import Photos
from benchmarks.timing import interleaved
from tf_ssd.cli import quiet_start
from tf_ssd.config import NETWORKS
from tf_ssd.system.files import json_bytes, write_json, write_new
from tf_ssd.train.output import RESULTS, RUN
from tf_ssd.weights.places import MODEL

ROW, MINUTES = "start.json", "minutes.txt"  # in a run's folder: its row, and what each command took that worked on it: both minutes
PHOTO, REPEATS = (640, 480), 9
RANDOM = "random"


class Row(NamedTuple):
    """What became of one training.

    Attributes:
        network, start: which network, and the name of the weights that it was trained from, or "random".
        command: what a user types.
        ap50: on the held-out data; None if they have no boxes.
        minutes: of the whole command: imports, compilation, steps and evaluation.
        cpu_minutes: of all its threads together, which other processes change little.
        megabytes, parameters: of the .keras file.
        milliseconds: from a file of 640 x 480 to its detections, the median.
    """

    network: str
    start: str
    command: str
    ap50: float | None
    minutes: float
    cpu_minutes: float
    megabytes: float
    parameters: int
    milliseconds: float


def row(name: str, flags: Sequence[str], output: Path) -> Row | None:
    """Train in a folder of that name, unless this command has finished already, and measure; None if the training does not end."""
    folder = output / name
    arguments = ["-m", "tf_ssd.train", "--output", str(folder), *flags]
    command = shlex.join(["python", *arguments])
    print(command, flush=True)
    if (folder / ROW).exists() and (found := Row(**_read(folder / ROW))).command == command:
        return found
    _train(arguments, folder)
    if not (folder / RESULTS).exists():
        return None
    minutes, cpu_minutes = np.loadtxt(folder / MINUTES, ndmin=2).sum(axis=0).tolist()
    made = Row(
        _read(folder / RUN)["network"]["name"],
        name if "--weights" in flags else RANDOM,
        command,
        _read(folder / RESULTS)["mean"],
        minutes=minutes,
        cpu_minutes=cpu_minutes,
        megabytes=(folder / MODEL).stat().st_size / 1e6,
        **_timed_apart(folder),
    )
    write_json(folder / ROW, made._asdict())
    return made


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _train(arguments: Sequence[str], folder: Path) -> None:
    begun, used = time.perf_counter(), _cpu_seconds()
    try:
        subprocess.run([sys.executable, *arguments], check=False)
    finally:  # it may have been stopped
        if folder.exists():
            with (folder / MINUTES).open("a", encoding="ascii") as file:
                file.write(f"{(time.perf_counter() - begun) / 60} {(_cpu_seconds() - used) / 60}\n")


def _cpu_seconds() -> float:
    """Of all processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _timed_apart(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.starts", "--photo", str(folder)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def timed(folder: Path) -> dict[str, Any]:
    """Parameters of a run's network, and milliseconds that its detector takes for a photo."""
    with quiet_start():
        from tf_ssd.predict.detector import Detector
        from tf_ssd.weights.trained import load_trained

    model, class_names = load_trained(folder)
    detector = Detector(model, class_names)
    with tempfile.TemporaryDirectory() as temporary:
        photo = str(Photos(Path(temporary, "photos"), PHOTO)[0].image)
        (seconds,) = interleaved({"": lambda: detector(photo)}, repeats=REPEATS).values()
    return {"parameters": model.count_params(), "milliseconds": 1000 * statistics.median(seconds)}


def table(rows: Iterable[Row]) -> Table:
    """The rows as a table to print."""
    names = (Column(name, overflow="fold") for name in ("network", "start"))
    shown = Table(*names, "AP50", "minutes", "CPU minutes", "parameters", ".keras", "a photo")
    for each in rows:
        ap50 = "-" if each.ap50 is None else f"{each.ap50:.3f}"
        sizes = f"{each.parameters / 1e6:.2f} M", f"{each.megabytes:.1f} MB"
        shown.add_row(
            each.network, each.start, ap50, f"{each.minutes:.1f}", f"{each.cpu_minutes:.1f}", *sizes, f"{each.milliseconds:.0f} ms"
        )
    return shown


def _named_file(text: str) -> tuple[str, str]:
    name, _, file = text.partition("=")
    if not name or Path(name).name != name or not Path(file).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE.keras, or there is no such file")
    return name, file


def _parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks.starts", description=__doc__, formatter_class=style, allow_abbrev=False)
    folders = parser.add_mutually_exclusive_group(required=True)
    folders.add_argument("--output", type=Path, help="folder of the runs")
    folders.add_argument("--photo", type=Path, metavar="RUN", help="time the detector of one run and do nothing else")
    known = f"from random weights: {', '.join(NETWORKS)}; default: all of them; without a name: none"
    parser.add_argument("--network", nargs="*", choices=NETWORKS, default=list(NETWORKS), metavar="NAME", help=known)
    parser.add_argument("--start", nargs="+", type=_named_file, default=[], metavar="NAME=FILE.keras", help="from given weights")
    parser.add_argument("--random-flags", default="", help='for random weights alone, such as --random-flags="--width 0.5"')
    parser.add_argument("--start-flags", default="--recipe finetune", help="for given weights alone; default: %(default)s")
    parser.add_argument("--json", type=new_file, help="write all rows to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train from every start and print a table; returns 1 if a training did not end."""
    parser = _parser()
    given, shared = parser.parse_known_args(arguments)
    if given.photo:
        print(json.dumps(timed(given.photo)))
        return 0
    flags = {name: ["--network", name, *shlex.split(given.random_flags), *shared] for name in given.network}
    flags |= {name: ["--weights", file, *shlex.split(given.start_flags), *shared] for name, file in given.start}
    if len(flags) < len(given.network) + len(given.start):
        parser.error("two starts have the same name")
    rows = {name: row(name, each, given.output) for name, each in flags.items()}
    finished = [each for each in rows.values() if each]
    Console(highlight=False).print(table(finished))
    if given.json:
        write_new(given.json, json_bytes([each._asdict() for each in finished]))
    for name in (name for name, each in rows.items() if each is None):
        print(f"not finished: {name}", file=sys.stderr)
    return 0 if len(finished) == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
