"""A polite request to stop: a signal, such as SIGTERM, which a scheduler sends before it kills, or SIGINT, which is Ctrl-C."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")


class Stopped(Exception):  # noqa: N818  not an error
    """What was being done has been given up, because the process was asked to stop."""


@contextmanager
def stop_requests(*numbers: signal.Signals, answer: str = "") -> Iterator[Callable[[], bool]]:
    """Inside, these signals do not end the process; what is given says whether one has come.

    A second SIGINT ends the process at once: whoever presses Ctrl-C again does not want to wait. Python lets only the main thread
    handle signals: in another thread the signals do what they did before, and none is noticed.

    Args:
        numbers: the signals.
        answer: a line that is printed on stderr at the first SIGINT, so that nobody thinks that it was not noticed.
    """
    asked = False

    def note(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        if number == signal.SIGINT:
            # No handler in Python could end a long call of TensorFlow.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if answer:
                os.write(2, f"\n{answer}\n".encode())  # print may be at work already, and cannot be interrupted by itself

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def until_stopped(items: Iterable[Item], stop: Callable[[], bool]) -> Iterator[Item]:
    """Pass the items on; raises Stopped at the first one that comes after `stop` says so."""
    for item in items:
        if stop():
            raise Stopped
        yield item
