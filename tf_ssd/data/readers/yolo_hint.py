"""YOLO's text files, which are recognised, also where another layout was expected."""

import os
import re
from itertools import islice
from pathlib import Path

from tf_ssd.data.ground_truth import parse
from tf_ssd.system.files import require_file

LOOKED_AT = 20  # files of a folder
NO_LABELS = ("classes.txt", "readme.txt", "train.txt", "val.txt", "test.txt")


def yolo_hint(*folders: Path) -> str:
    """The end of a message where one of the folders holds YOLO's text files: what they are, and what to do; else empty."""
    for folder in folders:
        if is_yolo(folder):
            what = "YOLO's text files (class number, centre, width and height as fractions)"
            return f"; {folder} holds {what}: give --dataset yolo"
    return ""


def is_yolo(folder: Path) -> bool:
    """Whether the first rows of a folder's text files are a class number and four or more fractions between spaces."""
    if not folder.is_dir():
        return False
    with os.scandir(folder) as entries:
        texts = (entry for entry in entries if entry.name.lower().endswith(".txt") and entry.is_file())
        first = [first_row(Path(entry.path)) for entry in islice(texts, LOOKED_AT) if entry.name.lower() not in NO_LABELS]
    rows = [row for row in first if row]
    return bool(rows) and all(map(_is_row, rows))


def is_yolo_file(path: Path) -> bool:
    """Whether the first row of a text file is one of YOLO's."""
    return _is_row(first_row(path))


def first_row(path: Path) -> str:
    """The first line of a text file, without spaces around it; "?" if it cannot be read."""
    try:
        with require_file(path).open("rb") as file:
            return file.readline(1000).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return "?"


def _is_row(row: str) -> bool:
    number, *values = re.split(r"\s+", row)
    fractions = [parse(value) for value in values]
    return number.isdecimal() and len(values) >= 4 and all(value is not None and 0 <= value <= 1 for value in fractions)
