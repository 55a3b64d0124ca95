"""A polite request to stop: SIGTERM, which a scheduler sends before it kills."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")


class Stopped(Exception):  # noqa: N818  not an error
    """What was being done has been given up, because the process was asked to stop."""


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM does not end the process; what is given says whether one has come."""
    asked = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGTERM, before)


def until_stopped(items: Iterable[Item], stop: Callable[[], bool]) -> Iterator[Item]:
    """Pass the items on; raises Stopped at the first one that comes after `stop` says so."""
    for item in items:
        if stop():
            raise Stopped
        yield item
