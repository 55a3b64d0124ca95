import io
import re
import time
from itertools import islice

from rich.console import Console

from tf_ssd.train.progress import Waiting, with_progress
from tf_ssd.train.trainer.trainer import StepResult


def slow(items, seconds):
    for item in items:
        time.sleep(seconds)
        yield item


def results(data, *, first=1, seconds=0.0):
    for step, _ in enumerate(data, start=first):
        time.sleep(seconds)
        yield StepResult(step, 1e-3, 1234.5678, 1.0, 2.0, 3, 9, 4.0)


def shown(*, steps, first=1, wait=0.0, make=0.0, between=0.0):
    """The last line of the progress bar after all steps, and the results that came through."""
    console = Console(file=io.StringIO(), width=80, force_terminal=True, no_color=True)
    data = Waiting(slow(range(steps + 1 - first), wait))
    through = []
    for result in with_progress(results(data, first=first, seconds=make), data, steps=steps, batch_size=8, console=console):
        through.append(result.step)
        time.sleep(between)
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue()).replace("\r", "\n").splitlines()
    return [line for line in lines if line.strip()][-1], through


def test_results_pass_through():
    line, through = shown(steps=5)
    assert through == [1, 2, 3, 4, 5]
    assert line.startswith("5/5 ")


def test_it_fits_on_80_columns_and_nothing_is_cut():
    line, _ = shown(steps=120_000, first=119_998)
    assert len(line.rstrip()) <= 80
    assert re.search(r"120000/120000 \S+ loss 1234\.57, [\d.]+ images/s, \d+% waiting \d+:\d\d:\d\d left", line)


def test_waiting_is_what_the_data_take():
    share = int(re.search(r"(\d+)% waiting", shown(steps=6, wait=0.03, make=0.01)[0])[1])
    assert 60 < share < 90


def test_evaluations_between_steps_do_not_slow_it_down():
    speed = float(re.search(r"([\d.]+) images/s", shown(steps=6, make=0.01, between=0.1)[0])[1])
    assert speed > 8 / 0.1


def test_quiet_shows_nothing():
    console = Console(file=io.StringIO(), quiet=True, force_terminal=True)
    data = Waiting(iter(range(3)))
    assert len(list(with_progress(results(data), data, steps=3, batch_size=1, console=console))) == 3
    assert console.file.getvalue() == ""


def test_waiting_adds_up_over_items():
    data = Waiting(slow("abc", 0.02))
    assert list(islice(data, 2)) == ["a", "b"]
    assert 0.04 <= data.seconds < 0.2
