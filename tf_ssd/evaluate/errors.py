"""What a detector does wrong, as tables for a terminal and as JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Column, Table

from tf_ssd.evaluate.tables import or_none, shown
from tf_ssd.metrics.errors import Calibration, ErrorReport, Group, OperatingPoints, Thresholds
from tf_ssd.metrics.errors.lost import LostAP

MEANING = {
    "classification": "another class, IoU 0.5 or more",
    "localization": "its class, IoU 0.1 to 0.5",
    "both": "another class and a poor place",
    "duplicate": "found already",
    "background": "nothing is there",
    "missed": "not found, not nearly",
}
POINT = ("threshold", "precision", "recall", "f1")


def error_tables(report: ErrorReport, class_names: Sequence[str]) -> list[Table]:
    """The best threshold of each class and of all, with what to expect there, and what each kind of error costs."""
    return [_threshold_table(report.thresholds, class_names), _lost_table(report.lost)]


def _threshold_table(thresholds: Thresholds, class_names: Sequence[str]) -> Table:
    right = (Column(name, justify="right") for name in ("threshold", "precision", "recall", "F1"))
    table = Table(Column("class", overflow="fold"), *right, title="Best score threshold by F1, at IoU 0.5", title_justify="left")
    best, at_overall = thresholds.best, thresholds.at_overall
    for label, name in enumerate(class_names):
        values = (best.precision[label], best.recall[label], best.f1[label])
        table.add_row(escape(name), _decimal(best.thresholds[label]), *map(shown, values))
    table.add_section()
    means = (at_overall.mean_precision, at_overall.mean_recall, at_overall.mean_f1)
    table.add_row("one for all, mean", _decimal(thresholds.overall), *map(shown, means))
    return table


def _lost_table(lost: LostAP) -> Table:
    right = (Column(name, justify="right") for name in ("AP lost", "errors"))
    table = Table(
        "kind of error", *right, "what is wrong", title=f"What costs AP, {shown(lost.ap)} at IoU 0.5", title_justify="left"
    )
    for name, gain in lost.by_kind.items():
        table.add_row(name, shown(gain), str(lost.counts[name]), MEANING[name])
    return table


def _decimal(threshold: float) -> str:
    """A threshold in all its digits, so that it can be given as it is; a dash if there is none."""
    return "-" if np.isnan(threshold) else f"{threshold:.12g}"


def errors_json(report: ErrorReport, class_names: Sequence[str]) -> dict[str, Any]:
    """The same numbers in full, and all others; what is not defined is null."""
    lost = report.lost
    return {
        "iou": 0.5,
        "thresholds": thresholds_json(report.thresholds, class_names) | {"curves": _curves(report.thresholds, class_names)},
        "confusion": {
            "threshold": or_none(report.confusion.threshold),
            "classes": ["background", *class_names],
            "counts": report.confusion.counts.tolist(),
        },
        "lost_ap": {
            "AP": or_none(lost.ap),
            "kinds": {name: {"AP": or_none(gain), "errors": lost.counts[name]} for name, gain in lost.by_kind.items()},
            "false_positives": or_none(lost.false_positives),
            "false_negatives": or_none(lost.false_negatives),
        },
        "sizes": list(map(_group, report.sizes)),
        "crowding": list(map(_group, report.crowding)),
        "calibration": _calibration(report.calibration, class_names),
    }


def thresholds_json(thresholds: Thresholds, class_names: Sequence[str]) -> dict[str, Any]:
    """The best threshold for all classes with the means there, and for each class its own best threshold with what is there."""
    at_overall = thresholds.at_overall
    overall = (thresholds.overall, at_overall.mean_precision, at_overall.mean_recall, at_overall.mean_f1)
    per_class = {
        name: {"best": _point(thresholds.best, label), "at_overall": _point(at_overall, label)}
        for label, name in enumerate(class_names)
    }
    return {"overall": dict(zip(POINT, map(or_none, overall), strict=True)), "per_class": per_class}


def _point(points: OperatingPoints, label: int) -> dict[str, float | None]:
    values = (points.thresholds, points.precision, points.recall, points.f1)
    return {name: or_none(column[label]) for name, column in zip(POINT, values, strict=True)}


def _curves(thresholds: Thresholds, class_names: Sequence[str]) -> dict[str, Any]:
    columns = {"precision": thresholds.precision, "recall": thresholds.recall, "f1": thresholds.f1}
    per_class = {
        name: {column: list(map(or_none, values[label])) for column, values in columns.items()}
        for label, name in enumerate(class_names)
    }
    return {"threshold": thresholds.grid.tolist(), "per_class": per_class}


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "from": group.low,
        "below": group.high if np.isfinite(group.high) else None,
        "ground_truth": group.ground_truth,
        "AP": or_none(group.ap),
        "recall": or_none(group.recall),
        "recall_at_overall": or_none(group.recall_at_overall),
    }


def _calibration(calibration: Calibration, class_names: Sequence[str]) -> dict[str, Any]:
    columns = {
        "from": calibration.edges[:-1],
        "to": calibration.edges[1:],
        "detections": calibration.counts,
        "mean_score": calibration.scores,
        "precision": calibration.precision,
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return {
        "expected_calibration_error": or_none(calibration.error),
        "per_class": dict(zip(class_names, map(or_none, calibration.per_class), strict=True)),
        "bins": [{name: or_none(value) for name, value in zip(columns, row, strict=True)} for row in rows],
    }
