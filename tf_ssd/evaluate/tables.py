"""What a metric says, as tables for a terminal and as JSON."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Column, Table

from tf_ssd.metrics.scores import AveragePrecision


def tables(scores: AveragePrecision, class_names: Sequence[str]) -> list[Table]:
    """Every class and the mean; where a metric has more means than one, all of them in a second table."""
    columns = _columns(scores)
    table = Table(Column("class", overflow="fold"), Column("boxes", justify="right"), *columns)
    for label, name in enumerate(class_names):
        values = (shown(column[label]) for column in columns.values())
        table.add_row(escape(name), str(scores.ground_truth_counts[label]), *values)
    table.add_section()
    table.add_row("mean", str(scores.ground_truth_counts.sum()), *(shown(_mean(column)) for column in columns.values()))
    return [table, _summary(scores)] if len(scores.summary) > 1 else [table]


def as_json(scores: AveragePrecision, class_names: Sequence[str]) -> dict[str, Any]:
    """The same numbers in full; what is not defined is null."""
    columns = _columns(scores)
    return {
        "ground_truth": int(scores.ground_truth_counts.sum()),
        "summary": {name: or_none(value) for name, value in scores.summary.items()},
        "per_class": {
            name: {"ground_truth": int(scores.ground_truth_counts[label])}
            | {column: or_none(values[label]) for column, values in columns.items()}
            for label, name in enumerate(class_names)
        },
    }


def _columns(scores: AveragePrecision) -> dict[str, np.ndarray]:
    return {"AP": scores.per_class, **scores.details}


def _summary(scores: AveragePrecision) -> Table:
    """All means in two columns, the first half of them on the left."""
    table, names = Table(show_header=False), list(scores.summary)
    half = len(names) // 2
    for left, right in zip(names[:half], names[half:], strict=True):
        table.add_row(left, shown(scores.summary[left]), right, shown(scores.summary[right]))
    return table


def _mean(column: np.ndarray) -> float:
    """Over the classes that have ground truth."""
    defined = column[~np.isnan(column)]
    return float(defined.mean()) if len(defined) else math.nan


def shown(value: float) -> str:
    """Three digits; a dash where it is not defined, as there is nothing to be found."""
    return "-" if math.isnan(value) else f"{value:.3f}"


def or_none(value: float) -> float | None:
    """What is not defined is null in JSON, which knows no NaN."""
    return None if math.isnan(value) else float(value)
