"""Readers that work ahead in threads end before Python does."""

import atexit
from collections.abc import Generator
from contextlib import suppress
from typing import TypeVar
from weakref import WeakSet

T = TypeVar("T")

_open: WeakSet[Generator] = WeakSet()


def closed_at_exit(generator: Generator[T, None, None]) -> Generator[T, None, None]:
    """The same generator, which is closed when the process ends if nobody did it before.

    That is for iterators of TensorFlow whose threads run Python functions. One that is still open when Python has shut down, as
    after an error that nobody caught, waits for its threads then, and these wait for Python: the process would never end.
    """
    _open.add(generator)
    return generator


@atexit.register
def _close_all() -> None:
    for generator in tuple(_open):
        with suppress(ValueError):  # another thread is within it
            generator.close()
