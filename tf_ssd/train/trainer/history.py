"""What happened at each step, in a CSV file that a resumed run continues as if it had never been stopped."""

import csv
import os
from pathlib import Path
from typing import Any

from tf_ssd.system.files import written_beside


class History:
    """A table with a row per step, complete up to the last one at any moment.

    Args:
        path: the CSV file; it is continued if it exists.
        columns: names of the columns, of which the first is the step.
        step: the step that the run continues after; rows beyond it, which a run had written before it was killed, are removed.

    Attributes:
        kept: the rows that were in the file already and stay, as texts.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], *, step: int = 0) -> None:
        self.kept = _rows_up_to(path, step, len(columns)) if path.exists() else []
        with written_beside(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *self.kept])
        self._file = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)

    def append(self, row: tuple[Any, ...]) -> None:
        """Write one row, and hand it to the operating system."""
        self._writer.writerow(row)
        self._file.flush()

    def sync(self) -> None:
        """Wait until all rows are on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _rows_up_to(path: Path, step: int, length: int) -> list[list[str]]:
    """The rows of the steps up to `step`; the last row of a killed run may be cut short."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [row for row in rows if len(row) == length and row[0].isdecimal() and int(row[0]) <= step]
