"""Keeping what C++ code and other people's tools print away from the user, unless something fails."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def captured_output() -> Iterator[None]:
    """Inside, nothing reaches stderr, even past Python, nor Python's stdout; an exception shows all of it on stderr."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            with open(os.dup(2), "w", encoding="utf-8") as text, redirect_stdout(text):  # noqa: PTH123  a descriptor
                yield
        except BaseException:
            chatter.seek(0)
            os.write(stderr, chatter.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
