"""What a detector gets wrong, as one page of HTML."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf_ssd import __version__
from tf_ssd.config import DefaultBoxesConfig
from tf_ssd.drawing.pages import page
from tf_ssd.evaluate.report import numbers
from tf_ssd.evaluate.report.album import STYLES, Album, Images, Side
from tf_ssd.evaluate.report.cells import cell_pictures
from tf_ssd.evaluate.report.chosen import worst_alarms, worst_misses
from tf_ssd.evaluate.report.matrix import matrix, shown_labels
from tf_ssd.evaluate.report.sizes import by_size
from tf_ssd.evaluate.report.thresholds import passed, score_range, stops
from tf_ssd.evaluate.tables import shown
from tf_ssd.metrics.errors import ErrorReport
from tf_ssd.metrics.scores import AveragePrecision


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What a page is about.

    Attributes:
        title: what was evaluated, such as the file of a model.
        facts: short texts about it, which stand below the title.
        rule: of the average precision.
        class_names: the C - 1 classes.
        scores: average precision.
        errors: all that is wrong.
        images: where its pictures come from.
        image_sizes: (images, 2) width and height to which the boxes belong, 0 where they are not known; None if none is.
        boxes: the network's default boxes; None for detections from elsewhere.
        training: of `training_curves`; None if there are none.
    """

    title: str
    facts: Sequence[str]
    rule: str
    class_names: Sequence[str]
    scores: AveragePrecision
    errors: ErrorReport
    images: Images
    image_sizes: np.ndarray | None = None
    boxes: DefaultBoxesConfig | None = None
    training: dict[str, Any] | None = None


def html_report(about: Evaluated) -> str:
    """The text of the page.

    Cost: a few seconds for its pictures, of which there are `album.MOST_PICTURES` at most; all else is linear in the detections.
    """
    errors, names, best = about.errors, about.class_names, about.errors.thresholds.overall
    thresholds = stops(best, errors.judged.detections.scores)
    passes: dict[Side, np.ndarray] = {
        "found": passed(errors.judged.detections.scores, thresholds),
        "truth": passed(errors.judged.ground_truth.found_scores, thresholds),
    }
    album = Album(about.images, errors.judged, names, passes)
    labels = shown_labels(errors.confusion.counts)
    data = {
        "classes": list(names),
        "styles": STYLES,
        "stops": thresholds.tolist(),
        "range": score_range(errors.judged.detections.scores),
        "start": 0 if math.isnan(best) else int(np.searchsorted(thresholds, best)),
        **numbers.counts(errors.judged, passes["found"], len(thresholds)),
        "sizes": by_size(errors.judged.ground_truth, passes["truth"], len(thresholds), about.image_sizes, about.boxes),
        "scores": numbers.histogram(errors.judged),
        "calibration": numbers.reliability(errors.calibration),
        "training": about.training,
        "alarms": worst_alarms(album),
        "misses": worst_misses(album, errors.confusion.threshold),
        "cells": cell_pictures(album, errors.confusion, labels),
        "pictures": album.pictures,
    }
    return page(
        "tf_ssd.evaluate.report",
        "report",
        version=__version__,
        ap=shown(about.scores.mean),
        about=about,
        data=data,
        sentences=list(numbers.sentences(errors.lost, errors.confusion, names)),
        costs=numbers.costs(errors.lost),
        classes=numbers.class_rows(about.scores, errors, names),
        sizes=numbers.size_rows(errors.sizes),
        crowds=numbers.crowd_rows(errors.crowding),
        labels=labels.tolist(),
        matrix=matrix(errors.confusion.counts, labels, names),
        unreadable=list(album.unreadable.values()),
    )
