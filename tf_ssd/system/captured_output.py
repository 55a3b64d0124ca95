"""Keeping what C++ code and other people's tools print away from the user, unless something fails."""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

# Shows the file if this process ends without a word: then the pipe is closed, and nothing has been written to it.
WATCHER = ("/bin/sh", "-c", 'read -r _ || { PATH=/usr/bin:/bin; cat "$0" >&2; rm -f "$0"; }')


@contextmanager
def captured_stderr() -> Iterator[TextIO]:
    """Inside, nothing reaches stderr, not even what C++ code writes past Python; gives a text stream that does.

    All that was written is shown on stderr after an exception, and, where there is a shell, if the process is aborted or killed.
    """
    with ExitStack() as stack:
        shown = _kept_stderr(stack)
        stderr = os.dup(2)
        stack.callback(os.close, stderr)
        chatter = stack.enter_context(tempfile.NamedTemporaryFile(prefix="tf_ssd-", delete=False))
        stack.callback(Path(chatter.name).unlink, missing_ok=True)
        with suppress(OSError):  # not every system has a shell
            watcher = subprocess.Popen((*WATCHER, chatter.name), stdin=subprocess.PIPE, start_new_session=True)
            stack.callback(watcher.communicate, b"all is well\n")
        os.dup2(chatter.fileno(), 2)
        stack.callback(os.dup2, stderr, 2)
        try:
            yield shown
        except BaseException:
            os.write(stderr, Path(chatter.name).read_bytes())
            raise


@contextmanager
def captured_output() -> Iterator[None]:
    """`captured_stderr`, and the same for Python's stdout."""
    with captured_stderr(), open(os.dup(2), "w", encoding="utf-8") as text, redirect_stdout(text):  # noqa: PTH123  a descriptor
        yield


def _kept_stderr(stack: ExitStack) -> TextIO:
    """Python's stderr, or, where that writes to descriptor 2, a stream to the same place that will go on doing so."""
    try:
        if sys.stderr.fileno() != 2:
            return sys.stderr
    except (io.UnsupportedOperation, AttributeError):  # it is in memory, or there is none
        return sys.stderr
    kept = open(os.dup(2), "w", encoding=sys.stderr.encoding, errors="backslashreplace", buffering=1)  # noqa: PTH123, SIM115
    return stack.enter_context(kept)
