"""Rows of comma-separated annotations: an image, a class and four pixel corners, in columns of any order."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from tf_ssd.data.ground_truth import CORNERS, parse
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file

DELIMITERS = ",;\t"
FORM = f"name,class,{','.join(CORNERS)}"
# Names of columns, in lower case.
IMAGE_NAMES = (
    "filename",
    "file_name",
    "file",
    "image",
    "image_name",
    "image_path",
    "image_id",
    "imageid",
    "img",
    "img_path",
    "path",
    "name",
)
CLASS_NAMES = (
    "class",
    "class_name",
    "label",
    "label_name",
    "labelname",
    "category",
    "category_name",
    "classid",
    "class_id",
    "name",
)
CORNER_NAMES = (CORNERS, ("x1", "y1", "x2", "y2"), ("x_min", "y_min", "x_max", "y_max"), ("left", "top", "right", "bottom"))
OURS, RETINANET = (0, 1, 2, 3, 4, 5), (0, 5, 1, 2, 3, 4)  # orders of six columns without a header


class Columns(NamedTuple):
    """How the rows of a file are made.

    Attributes:
        delimiter: a comma, a semicolon or a tab.
        header: whether the first row names the columns.
        fields: their number in each row.
        order: where a row has the image's name, the class, xmin, ymin, xmax and ymax.
    """

    delimiter: str
    header: bool
    fields: int
    order: tuple[int, ...]


class CsvRows:
    """The rows of a file; iterating gives the line number and the fields, without spaces around them, of each that is not empty.

    Columns are found by the names in the header, and others, such as width and height, are passed over. Without a header, a row
    is `name,class,xmin,ymin,xmax,ymax`, or, if the first row whose class is no number is so, `name,xmin,ymin,xmax,ymax,class`.

    Raises:
        DatasetError: the file cannot be read, is not UTF-8, or its first row is neither a header nor six fields.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as file:
            self._columns = self._find_columns(file)
        if self._columns is not None and not self._columns.header:
            self._columns = self._columns._replace(order=_order(fields for _, fields in self))

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        if self._columns is None:
            return
        with self._opened() as file:
            before = len(list(_up_to_the_first_row(file))) if self._columns.header else 0
            reader = csv.reader(file, delimiter=self._columns.delimiter, strict=True)
            for row in reader:
                fields = list(map(str.strip, row))
                if any(fields) or len(fields) == self._columns.fields:
                    yield before + reader.line_num, fields

    def six(self, line: int, fields: Sequence[str]) -> list[str]:
        """Name, class, xmin, ymin, xmax, ymax of a row; raises DatasetError if it has another number of fields than the first."""
        assert self._columns is not None
        if len(fields) != self._columns.fields:
            form = "as the header has" if self._columns.header else FORM
            what = f"{len(fields)} fields instead of {self._columns.fields}: {form}; correct the row"
            raise DatasetError.at(Place(self._path, f"line {line}"), what)
        return [fields[position] for position in self._columns.order]

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        try:
            with require_file(self._path).open(encoding="utf-8-sig", newline="") as file:
                yield file
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            what = f"cannot be read as rows of text ({error}); save it as CSV in UTF-8"
            raise DatasetError.at(Place(self._path), what) from error

    def _find_columns(self, file: TextIO) -> Columns | None:
        """None if there is no row."""
        line = "".join(list(_up_to_the_first_row(file))[-1:])
        if not line.strip():
            return None
        rows = {mark: list(map(str.strip, next(csv.reader([line], delimiter=mark), []))) for mark in DELIMITERS}
        named = {mark: order for mark, row in rows.items() if (order := self._named(row)) is not None}
        for mark, order in named.items():
            return Columns(mark, True, len(rows[mark]), order)
        fitting = [mark for mark, row in rows.items() if len(row) == len(OURS)]
        if len(fitting) == 1 and all(field and parse(field) is None for field in rows[fitting[0]]):
            what = f"the header {line.strip()[:80]!r} does not name the columns {', '.join(CORNERS)}; name them"
            raise DatasetError.at(Place(self._path), what)
        if len(fitting) != 1:
            shown = f"the first row {line.strip()[:80]!r} neither names the columns {', '.join(CORNERS)} nor has {len(OURS)} fields"
            what = f"{shown} between commas, semicolons or tabs: {FORM}; correct the file"
            raise DatasetError.at(Place(self._path), what)
        return Columns(fitting[0], False, len(OURS), OURS)

    def _named(self, header: Sequence[str]) -> tuple[int, ...] | None:
        """The order of the columns of a header; None if it does not name all corners, and so is none."""
        names = [name.lower() for name in header]
        corners = next((known for known in CORNER_NAMES if set(known) <= set(names)), None)
        if corners is None:
            return None
        others = [name for name in names if name not in corners]
        image = _first_of(IMAGE_NAMES, others) or (others[0] if len(others) == 2 else None)
        rest = [name for name in others if name != image]
        label = _first_of(CLASS_NAMES, rest) or (rest[0] if len(rest) == 1 else None)
        wanted = [image, label, *corners]
        for what, name in (("image", image), ("class", label)):
            if name is None:
                message = f"the header {', '.join(header)} has no column for the {what}; call it {what}"
                raise DatasetError.at(Place(self._path), message)
        twice = [name for name in wanted if names.count(str(name)) > 1]
        if twice:
            raise DatasetError.at(Place(self._path), f"the header names the column {twice[0]!r} twice; rename one")
        return tuple(names.index(str(name)) for name in wanted)


def _first_of(known: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in known if name in names), None)


def _order(rows: Iterable[Sequence[str]]) -> tuple[int, ...]:
    """The order of the columns by the first row whose class is no number."""
    for fields in rows:
        if len(fields) == len(OURS):
            numbers = [parse(field) is not None for field in fields]
            if all(numbers[2:]) and fields[1] and not numbers[1]:
                return OURS
            if all(numbers[1:5]) and fields[5] and not numbers[5]:
                return RETINANET
    return OURS


def _up_to_the_first_row(file: Iterator[str]) -> Iterator[str]:
    for line in file:
        yield line
        if line.strip():
            return
