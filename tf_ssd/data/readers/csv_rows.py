"""Rows of comma-separated annotations: six fields, the last four of them pixel corners."""

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tf_ssd.data.ground_truth import CORNERS, parse
from tf_ssd.data.notes import Notes
from tf_ssd.errors import DatasetError, Place

HEADERS = (CORNERS, ("x1", "y1", "x2", "y2"))
DELIMITERS = ",;\t"
FIELDS = 2 + len(CORNERS)
FORM = f"name,class,{','.join(CORNERS)}"


def read_rows(path: Path, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    """Line number and six fields, without spaces around them, of each row of a file; a header and empty rows are passed over.

    The delimiter is the one of comma, semicolon and tab that makes six fields of the first row. A later row with another number of
    fields is a fault, for `notes`.

    Raises:
        DatasetError: the file cannot be read, is not UTF-8, or its first row has another number of fields.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = list(_up_to_the_first_row(file))
            if not "".join(first[-1:]).strip():
                return
            delimiter, header = _first_row(first[-1], path)
            before = len(first) if header else 0
            reader = csv.reader(file if header else chain(first, file), delimiter=delimiter, strict=True)
            for row in reader:
                if len(row) == FIELDS:
                    yield before + reader.line_num, list(map(str.strip, row))
                elif any(map(str.strip, row)):
                    where = Place(path, f"line {before + reader.line_num}")
                    what = f"{len(row)} fields instead of {FIELDS}: {FORM}; correct the row"
                    notes.fault(DatasetError.at(where, what))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError.at(Place(path), f"cannot be read as rows of text ({error}); save it as CSV in UTF-8") from error


def _up_to_the_first_row(file: Iterator[str]) -> Iterator[str]:
    for line in file:
        yield line
        if line.strip():
            return


def _first_row(line: str, path: Path) -> tuple[str, bool]:
    """The delimiter, and whether the row is a header."""
    rows = {delimiter: next(csv.reader([line], delimiter=delimiter), []) for delimiter in DELIMITERS}
    fitting = {delimiter: row for delimiter, row in rows.items() if len(row) == FIELDS}
    if len(fitting) != 1:
        shown = f"the first row {line.strip()[:80]!r} does not have {FIELDS} fields"
        raise DatasetError.at(Place(path), f"{shown} between commas, semicolons or tabs: {FORM}; correct the file")
    [(delimiter, row)] = fitting.items()
    return delimiter, _is_header([field.strip() for field in row], path)


def _is_header(fields: list[str], path: Path) -> bool:
    """A row of words is a header, and must name the corners in the order in which they are read."""
    ending = fields[2:]
    if not any(ending) or any(parse(field) is not None for field in ending):
        return False
    if tuple(field.lower() for field in ending) not in HEADERS:
        what = f"the header ends in {', '.join(ending)}, not in {', '.join(CORNERS)}; put the columns in order"
        raise DatasetError.at(Place(path), what)
    return True
