"""Writing files so that a name never stands for half of one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNFINISHED = "unfinished-"


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A path to write to, of the same suffix, which is renamed to `path` at the end, or removed if that is not reached.

    What a killed process leaves is overwritten by the next one.
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
