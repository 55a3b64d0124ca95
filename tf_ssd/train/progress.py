"""What a training run shows while it goes on."""

import time
from collections.abc import Iterator
from typing import Generic, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tf_ssd.data.batches.generator import Batch
from tf_ssd.train.trainer.trainer import StepResult

Item = TypeVar("Item")


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
    results: Iterator[StepResult], data: Waiting[Batch], *, steps: int, batch_size: int, console: Console
) -> Iterator[StepResult]:
    """Pass the results on, showing them in a progress bar of 80 columns: loss, images/s, share of the time spent waiting for data.

    Speed and share leave out the first step, which compiles, and everything that is done between steps, such as evaluating.
    """
    columns = (MofNCompleteColumn(), BarColumn(bar_width=8), TextColumn("{task.fields[status]}"), TimeRemainingColumn())
    with Progress(*columns, "left", console=console, disable=console.quiet) as progress:
        bar = progress.add_task("train", total=steps, status="compiling")
        making = Waiting(results)
        start, waited, first = 0.0, 0.0, 0
        for result in making:
            if not start:
                start, waited, first = making.seconds, data.seconds, result.step
            else:
                elapsed = making.seconds - start
                speed, share = (result.step - first) * batch_size / elapsed, (data.seconds - waited) / elapsed
                progress.update(bar, status=f"loss {result.total:.2f}, {speed:.1f} images/s, {share:.0%} waiting")
            progress.update(bar, completed=result.step)
            yield result
