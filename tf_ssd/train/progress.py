"""What a training run shows while it goes on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Generic, TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tf_ssd.data.batches.generator import Batch
from tf_ssd.train.trainer.trainer import StepResult

Item = TypeVar("Item")
Show = Callable[[int, str, float], None]  # step, what to say about it, seconds a step

SECONDS_BETWEEN_LINES = 10.0  # where the output is no terminal


class Waiting(Generic[Item]):
    """An iterator that adds up the time that its items take to come.

    Attributes:
        seconds: the sum so far.
    """

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        start = time.perf_counter()
        try:
            return next(self._items)
        finally:
            self.seconds += time.perf_counter() - start


def with_progress(
    results: Iterator[StepResult], data: Waiting[Batch], *, first: int, steps: int, batch_size: int, console: Console
) -> Iterator[StepResult]:
    """Pass the results on, showing loss, images/s, and the share of the time spent waiting for data.

    A terminal shows them on one line of up to 80 columns, a file or a pipe gets a line every ten seconds. Speed and share leave out
    the first step, which compiles, and everything that is done between steps, such as evaluating. `first` steps have been made
    before; if none is left, nothing is shown.
    """
    if first >= steps:
        return
    shown = _bar if console.is_terminal else _lines
    with shown(console, first, steps) as show:
        making = Waiting(results)
        start, waited, begun = 0.0, 0.0, 0
        for result in making:
            if not start:
                start, waited, begun = making.seconds, data.seconds, result.step
            else:
                elapsed, made = making.seconds - start, result.step - begun
                status = f"loss {result.total:.2f}, {_speed(made * batch_size / elapsed)} images/s"
                show(result.step, f"{status}, {(data.seconds - waited) / elapsed:.0%} waiting for data", elapsed / made)
            yield result


@contextmanager
def _bar(console: Console, first: int, steps: int) -> Iterator[Show]:
    """A line that is drawn again and again."""
    columns = (MofNCompleteColumn(), TextColumn("{task.fields[status]}"), TimeRemainingColumn(), "left")
    with Progress(*columns, console=console, disable=console.quiet) as progress:
        bar = progress.add_task("train", total=steps, completed=first, status="compiling")
        yield lambda step, status, _: progress.update(bar, completed=step, status=status)


@contextmanager
def _lines(console: Console, _first: int, steps: int) -> Iterator[Show]:
    """A line every few seconds."""
    last = time.monotonic()

    def show(step: int, status: str, seconds: float) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            left = timedelta(seconds=round((steps - step) * seconds))
            console.print(f"step {step:6d} of {steps}: {status}, {left} left", soft_wrap=True)

    yield show


def _speed(images: float) -> str:
    return f"{images:.1f}" if images < 100 else f"{images:.0f}"
