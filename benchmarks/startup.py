"""What is paid before anything is computed: starting the command line, and training until its first step."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAIN = [sys.executable, "-m", "tf_ssd.train"]
# Full width, batch 8, generated pictures. The run has many steps, so that only the first is made before its row in the table.
TRAINING = ["--recipe", "voc", "--batch-size", "8", "--quiet"]
# A small process starts the command, because Linux counts the memory of the starting process into that of the command.
PEAK = "import os, sys; print(os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)[2].ru_maxrss)"
POLL_SECONDS = 0.02


def measured() -> dict[str, float]:
    """All measurements, by name."""
    return {"help_seconds": help_seconds(), "help_peak_mb": help_peak_mb(), "first_step_seconds": first_step_seconds()}


def help_seconds() -> float:
    """Seconds until the command line has answered --help, the median of five."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([*TRAIN, "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def help_peak_mb() -> float:
    """Peak memory of the command line while it answers --help, in megabytes."""
    run = subprocess.run([sys.executable, "-c", PEAK, *TRAIN, "--help"], check=True, capture_output=True, text=True)
    return int(run.stdout.splitlines()[-1]) / 1024


def first_step_seconds() -> float:
    """Seconds from the command to the first training step's result, once: imports, network, data, compilation and the step."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "run")
        return seconds_until_row([*TRAIN, *TRAINING, "--output", str(output)], output / "loss.csv")


def seconds_until_row(command: list[str], table: Path) -> float:
    """Seconds until a command has written a row under the header of a table; it is then killed.

    Raises:
        RuntimeError: the command ends before that.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=said, stderr=said) as process:
            try:
                while not _has_row(table):
                    if process.poll() is not None:
                        said.seek(0)
                        raise RuntimeError(f"{' '.join(command)} has ended:\n{said.read()}")
                    time.sleep(POLL_SECONDS)
                return time.perf_counter() - start
            finally:
                process.kill()


def _has_row(table: Path) -> bool:
    return table.exists() and table.read_bytes().count(b"\n") > 1
