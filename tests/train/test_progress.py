import io
import re
import time
from itertools import islice

import pytest
from rich.console import Console

from tf_ssd.train import progress
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


def shown(*, steps, first=0, wait=0.0, make=0.0, between=0.0, terminal=True):
    """The lines that were printed in the end, and the results that came through."""
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, no_color=True)
    data = Waiting(slow(range(steps - first), wait))
    made, through = results(data, first=first + 1, seconds=make), []
    for result in with_progress(made, data, first=first, steps=steps, batch_size=8, console=console):
        through.append(result.step)
        time.sleep(between)
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue()).replace("\r", "\n").splitlines()
    return [line for line in lines if line.strip()], through


def test_results_pass_through():
    lines, through = shown(steps=5)
    assert through == [1, 2, 3, 4, 5]
    assert lines[-1].startswith("5/5 ")


def test_it_begins_where_the_run_goes_on():
    lines, _ = shown(steps=5, first=3)
    assert lines[0].startswith("3/5 compiling")


@pytest.mark.parametrize("terminal", [True, False])
def test_when_no_step_is_left_nothing_is_shown(terminal):
    assert shown(steps=5, first=5, terminal=terminal) == ([], [])


def test_it_fits_on_80_columns_and_nothing_is_cut():
    lines, _ = shown(steps=120_000, first=119_997)
    assert len(lines[-1].rstrip()) <= 80
    assert re.search(r"120000/120000 loss 1234\.57, [\d.]+ images/s, \d+% waiting for data \d+:\d\d:\d\d left", lines[-1])


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [2, 3, 4, 5]), (10.0, [])])
def test_a_pipe_gets_a_line_every_few_seconds(monkeypatch, seconds, expected):
    """None for the first step, which compiles."""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", seconds)
    lines, through = shown(steps=5, make=0.01, terminal=False)
    assert through == [1, 2, 3, 4, 5]
    line = r"step +(\d) of 5: loss 1234\.57, [\d.]+ images/s, \d+% waiting for data, 0:00:00 left"
    assert [int(re.fullmatch(line, text)[1]) for text in lines] == expected


def test_waiting_is_what_the_data_take():
    share = int(re.search(r"(\d+)% waiting for data", shown(steps=6, wait=0.03, make=0.01)[0][-1])[1])
    assert 60 < share < 90


def test_evaluations_between_steps_do_not_slow_it_down():
    speed = float(re.search(r"([\d.]+) images/s", shown(steps=6, make=0.01, between=0.1)[0][-1])[1])
    assert speed > 8 / 0.1


def test_quiet_shows_nothing():
    console = Console(file=io.StringIO(), quiet=True, force_terminal=True)
    data = Waiting(iter(range(3)))
    assert len(list(with_progress(results(data), data, first=0, steps=3, batch_size=1, console=console))) == 3
    assert console.file.getvalue() == ""


def test_waiting_adds_up_over_items():
    data = Waiting(slow("abc", 0.02))
    assert list(islice(data, 2)) == ["a", "b"]
    assert 0.04 <= data.seconds < 0.2
