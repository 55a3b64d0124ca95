"""The confusion matrix as a page shows it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MOST_CLASSES = 24  # in rows and columns, those with the most errors
HEATS = 8  # shades


class Cell(NamedTuple):
    """A cell: its key, the number in it, how dark it is (0..HEATS), what it means, and whether it is on the diagonal."""

    key: str
    number: int
    heat: int
    words: str
    same: bool


class Row(NamedTuple):
    """The cells of a true class, or of what is annotated nowhere."""

    name: str
    cells: list[Cell]


def shown_labels(counts: np.ndarray) -> np.ndarray:
    """The labels 1..C-1 that the matrix shows, ascending; of more than MOST_CLASSES those with the most errors."""
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)  # (C,)
    return np.sort(np.argsort(-errors[1:], kind="stable")[:MOST_CLASSES] + 1)


def matrix(counts: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> list[Row]:
    """The rows of the true classes, then that of what is annotated nowhere; columns in the same order, the last is what is missed.

    Args:
        counts: (C, C) of `Confusion`.
        labels: those that are shown.
        class_names: the C - 1 classes.
    """
    order = [*labels.tolist(), 0]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (C, C), of each row
    heats = np.ceil(shares * HEATS).astype(int)

    def cell(true: int, label: int) -> Cell:
        words = _words(true, label, class_names)
        return Cell(key_of(true, label), int(counts[true, label]), int(heats[true, label]), words, true == label)

    return [Row(class_names[true - 1] if true else "nothing there", [cell(true, label) for label in order]) for true in order]


def key_of(true: int, label: int) -> str:
    """What a page calls a cell."""
    return f"{true}-{label}"


def _words(true: int, label: int, class_names: Sequence[str]) -> str:
    if true == label:
        return f"{class_names[true - 1]} found as such" if true else "nothing there, and nothing found"
    if not true:
        return f"{class_names[label - 1]} found where there is none"
    return f"{class_names[true - 1]} found as {class_names[label - 1]}" if label else f"{class_names[true - 1]} missed"
