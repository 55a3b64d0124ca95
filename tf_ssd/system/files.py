"""Files opened by name, and written so that none is ever seen half written and none that somebody else wrote is replaced."""

import errno
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tf_ssd.errors import ConfigError, TfSsdError

UNFINISHED = "unfinished-"
LONGEST_NAME = 255  # bytes, on nearly every disk


def require_file(path: Path) -> Path:
    """The path, to be opened; raises OSError if it is a named pipe, a socket or a device, which may block whoever opens it."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "a named pipe, a socket or a device, not a file", str(path))
    return path


@contextmanager
def written_beside(path: Path, *, new: bool = False) -> Iterator[Path]:
    """Give a path of the same suffix to write to, which is renamed to `path` at the end, or removed after an exception.

    It is no other file's: "unfinished-NAME", or a random name if that exists or is too long. A process that is killed leaves it.

    Args:
        path: where the content goes; what is there is replaced.
        new: True raises FileExistsError instead if anything is there, as it must be for a file that a user asked for by name.
    """
    unfinished = path.with_name(f"{UNFINISHED}{path.name}")
    if os.path.lexists(unfinished) or len(os.fsencode(unfinished.name)) > LONGEST_NAME:
        unfinished = path.with_name(f"{UNFINISHED}{secrets.token_hex(4)}{path.suffix}")
    try:
        yield unfinished
        if new:
            move_to_new(unfinished, path)
        else:
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def move_to_new(source: Path, path: Path) -> None:
    """Rename a file or folder on the same disk; raises FileExistsError if anything has the name `path` already."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "it exists already, nothing was overwritten", str(path))
    source.rename(path)


def check_free(folder: Path, names: Iterable[str], setting: str) -> None:
    """Raise ConfigError if something in `folder` has one of the names; `setting` is the flag that named the folder."""
    taken = [name for name in names if os.path.lexists(folder / name)]
    if taken:
        more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        advice = "choose another folder, or give --overwrite to replace them; nothing was overwritten"
        raise ConfigError(f"{setting} {folder}: the folder holds {taken[0]}{more} already; {advice}")


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people to read over what is at `path`."""
    write_bytes(path, json_bytes(value))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file beside `path` and rename it, so that it is never half there; raises OSError if it cannot be written."""
    with written_beside(path) as unfinished:
        unfinished.write_bytes(content)


def json_bytes(value: Any) -> bytes:
    """JSON for people to read; what JSON does not know, such as paths, becomes text."""
    return (json.dumps(value, indent=2, default=str) + "\n").encode()


def write_new(path: Path, content: bytes) -> None:
    """Write a file that a user asked for, beside `path`, and rename it; raises ConfigError if it exists or cannot be written."""
    with writing(path), written_beside(path, new=True) as unfinished:
        unfinished.write_bytes(content)


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
