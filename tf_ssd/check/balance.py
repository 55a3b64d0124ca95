"""What repeat factors do to the classes of a split."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from tf_ssd.check.survey import Survey
from tf_ssd.data.balance import Balance, repeat_factors


class Balancing(NamedTuple):
    """How often the images of each of C - 1 classes come in an epoch.

    Attributes:
        threshold: the share of the images below which a class is rare.
        factors: of images and classes.
        images: (C - 1,) int, that have the class.
        shown: (C - 1,), how many of the images of an epoch have it, on average.
    """

    threshold: float
    factors: Balance
    images: np.ndarray
    shown: np.ndarray

    @property
    def epoch(self) -> int:
        """Images of an epoch."""
        return int(np.ceil(self.factors.images.sum()))


def balancing(survey: Survey, threshold: float) -> Balancing:
    """What `train --balance` does with a split."""
    objects = ~survey.crowd
    numbers = range(len(survey.names) + 1)
    parts = np.searchsorted(survey.image[objects], numbers)  # the boxes lie image by image
    labels = [survey.labels[objects][first:last] for first, last in pairwise(parts)]
    factors = repeat_factors(labels, len(survey.class_names), threshold)
    has = np.zeros((len(labels), len(survey.class_names)), bool)
    for image, row in zip(labels, has, strict=True):
        row[image - 1] = True
    return Balancing(threshold, factors, has.sum(axis=0), factors.images @ has)


def as_json(balance: Balancing, class_names: tuple[str, ...]) -> dict[str, Any]:
    """All numbers."""
    rows = zip(class_names, balance.images.tolist(), balance.factors.classes.tolist(), balance.shown.tolist(), strict=True)
    return {
        "threshold": balance.threshold,
        "images_of_an_epoch": balance.epoch,
        "classes": {name: {"images": images, "factor": factor, "shown": shown} for name, images, factor, shown in rows},
    }
