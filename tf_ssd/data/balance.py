"""Repeat factors: how often the images of rare classes come in an epoch (Gupta et al. 2019, "LVIS", section 5.1)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf_ssd.config import Difficult
from tf_ssd.data.records import Dataset
from tf_ssd.data.subset import trained_on


class Balance(NamedTuple):
    """Repeat factors of N images and of C - 1 classes.

    Attributes:
        images: (N,), at least 1: the largest of the classes in an image; 1 without any.
        classes: (C - 1,), max(1, sqrt(threshold / share)).
        shares: (C - 1,), of the images that have the class.
    """

    images: np.ndarray
    classes: np.ndarray
    shares: np.ndarray


def balance_of(dataset: Dataset, threshold: float, *, difficult: Difficult = "train") -> Balance:
    """Repeat factors of a dataset, all annotations of which are read.

    Args:
        dataset: the records.
        threshold: the share of the images below which a class is rare.
        difficult: whether difficult objects count.

    Raises:
        DatasetError: a record cannot be used.
    """
    records = (dataset[index] for index in range(len(dataset)))
    return repeat_factors([record.labels[trained_on(record, difficult)] for record in records], len(dataset.class_names), threshold)


def repeat_factors(labels: Sequence[np.ndarray], classes: int, threshold: float) -> Balance:
    """From the labels (G,), 1..C-1, of each of N images; `classes` is C - 1."""
    distinct = [np.unique(image) for image in labels]
    counts = np.bincount(np.concatenate([np.zeros(0, np.int64), *distinct]), minlength=classes + 1)[1:]  # (C - 1,) images
    shares = counts / max(1, len(labels))
    of_class = np.sqrt(np.maximum(1, threshold / np.where(counts, shares, np.inf)))
    images = np.array([of_class[image - 1].max(initial=1) for image in distinct])
    return Balance(images, of_class, shares)
