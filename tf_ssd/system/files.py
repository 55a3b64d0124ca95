"""Files opened by name, and written so that none is ever seen half written."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tf_ssd.errors import ConfigError, TfSsdError

UNFINISHED = "unfinished-"


def require_file(path: Path) -> Path:
    """The path, to be opened; raises OSError if it is a named pipe, a socket or a device, which may block whoever opens it."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "a named pipe, a socket or a device, not a file", str(path))
    return path


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a path of the same suffix to write to, which is renamed to `path` at the end, or removed after an exception.

    A file that a killed process left unfinished is overwritten by the next process.
    """
    unfinished = path.with_name(f"{UNFINISHED}{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people to read; what JSON does not know, such as paths, becomes text."""
    with written_beside(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, default=str) + "\n", encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file beside `path` and rename it, so that it is never half there; raises OSError if it cannot be written."""
    with written_beside(path) as unfinished:
        unfinished.write_bytes(content)


def write_whole(path: Path, content: bytes) -> None:
    """The same as `write_bytes`, but raises ConfigError."""
    with writing(path):
        write_bytes(path, content)


@contextmanager
def writing(place: Path | str, error: type[TfSsdError] = ConfigError) -> Iterator[None]:
    """Inside, an OSError becomes an `error` about `place`: a file, or a flag and its value."""
    try:
        yield
    except OSError as reason:
        raise error(unwritable(place, reason)) from reason


def unwritable(place: Path | str, reason: Exception, *, advice: str = "choose another place") -> str:
    """The message about a file that could not be written: which, why, and what to do."""
    return f"{place}: cannot be written ({getattr(reason, 'strerror', None) or reason}); {advice}"
