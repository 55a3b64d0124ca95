"""What a page's tables and charts show of the numbers."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_ssd.evaluate.report.thresholds import above, score_range
from tf_ssd.evaluate.tables import or_none, shown
from tf_ssd.metrics.errors import Calibration, Confusion, ErrorReport, Group, Judged
from tf_ssd.metrics.errors.lost import LostAP
from tf_ssd.metrics.scores import AveragePrecision

BINS = 20  # of the histogram of scores
NOTHING = 0.0005  # average precision that is 0.000 on the page
MEANING = {
    "classification": "in place (IoU 0.5 or more), but of another class",
    "localization": "of the right class, but in a poor place (IoU 0.1 to 0.5)",
    "both": "of another class, and in a poor place",
    "duplicate": "an object that another detection has found",
    "background": "nothing is annotated there",
    "missed": "no detection finds the object or comes near",
}
IN_WORDS = {
    "classification": "objects taken for another class",
    "localization": "boxes in the wrong place",
    "both": "detections wrong in class and place",
    "duplicate": "objects found more than once",
    "background": "detections where nothing is annotated",
    "missed": "objects that are missed",
}


class Cost(NamedTuple):
    """A kind of error: its name, what it is, the average precision it costs, how many there are, its share of the largest cost."""

    name: str
    meaning: str
    lost: str
    errors: int
    share: float


def costs(lost: LostAP) -> list[Cost]:
    """The kinds of error, the most expensive first."""
    most = max(*lost.by_kind.values(), NOTHING)
    by_cost = sorted(lost.by_kind.items(), key=lambda item: -item[1])
    return [Cost(name, MEANING[name], shown(gain), lost.counts[name], gain / most) for name, gain in by_cost]


def sentences(lost: LostAP, confusion: Confusion, class_names: Sequence[str]) -> Iterator[str]:
    """What errors cost most, and which classes are confused most often."""
    name, gain = max(lost.by_kind.items(), key=lambda item: item[1])
    if gain < NOTHING:
        yield "No single kind of error costs average precision."
    else:
        yield (
            f"Most average precision is lost to {IN_WORDS[name]}: "
            f"without these errors it would be {lost.ap + gain:.3f} at IoU 0.5, and is {lost.ap:.3f}."
        )
    between = confusion.counts[1:, 1:] * (1 - np.eye(len(class_names), dtype=int))  # (C - 1, C - 1)
    if between.any():
        true, label = np.unravel_index(between.argmax(), between.shape)
        count = between[true, label]
        times = "once" if count == 1 else f"{count} times"
        yield f"The most frequent confusion: {class_names[true]} found as {class_names[label]}, {times}."


def class_rows(scores: AveragePrecision, errors: ErrorReport, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Each class: objects, average precision, and its own best threshold with what to expect there."""
    best = errors.thresholds.best
    return [
        {
            "name": name,
            "objects": int(scores.ground_truth_counts[place]),
            "ap": shown(scores.per_class[place]),
            "threshold": "-" if math.isnan(best.thresholds[place]) else f"{best.thresholds[place]:.2f}",
            "expected": [shown(column[place]) for column in (best.precision, best.recall, best.f1)],
        }
        for place, name in enumerate(class_names)
    ]


def size_rows(groups: Sequence[Group]) -> list[list[str]]:
    """Groups of areas: name, range of sides, objects, average precision, recall."""
    return [[group.name, _range(group.low**0.5, group.high**0.5, "px"), *_group(group)] for group in groups]


def crowd_rows(groups: Sequence[Group]) -> list[list[str]]:
    """Groups by the number of objects in a picture: name, objects, average precision, recall."""
    return [[group.name, *_group(group)] for group in groups]


def _range(low: float, high: float, unit: str) -> str:
    if math.isinf(high):
        return f"from {low:.0f} {unit}"
    return f"{low:.0f} to {high:.0f} {unit}" if low else f"below {high:.0f} {unit}"


def _group(group: Group) -> list[str]:
    return [f"{group.ground_truth:,}", shown(group.ap), shown(group.recall), shown(group.recall_at_overall)]


def counts(judged: Judged, passes: np.ndarray, stops: int) -> dict[str, Any]:
    """For each class its objects, and how many detections above each threshold are right and wrong; `passes` as for `above`."""
    found = judged.detections
    parts = {"right": found.hits, "wrong": found.counted & ~found.hits}
    shape = (judged.num_classes - 1, stops)
    numbers = {name: above(passes[part], found.labels[part] - 1, shape).tolist() for name, part in parts.items()}
    return {"objects": judged.ground_truth.counts(judged.num_classes).tolist(), **numbers}


def histogram(judged: Judged) -> dict[str, list[int]]:
    """How many detections of each score, in BINS of the range of scores, are right and wrong."""
    found = judged.detections
    parts = {"right": found.hits, "wrong": found.counted & ~found.hits}
    return {name: np.histogram(found.scores[part], BINS, score_range(found.scores))[0].tolist() for name, part in parts.items()}


def reliability(calibration: Calibration) -> dict[str, Any]:
    """Mean score and share of hits in each bin of scores; None in an empty one."""
    columns = {"score": calibration.scores, "precision": calibration.precision}
    return {name: list(map(or_none, values)) for name, values in columns.items()} | {"counts": calibration.counts.tolist()}
