"""Checks of the ground truth that Keras' `fit` gets, before anything is compiled: what is wrong would cost nothing, or NaN."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_ssd.matcher import IGNORED

FURTHEST = 2.0  # fractions of the image: an object that reaches further out is taken for one in pixels
FORM = 'ground truth is {"boxes": (B, G, 4) xyxy fractions, "labels": (B, G), 0 for padding}'


def check_given(x: Any, y: Any, num_classes: int) -> None:
    """Check what `fit`, `evaluate` and their like are given: arrays whole, and of a dataset the first batch.

    A generator is not looked at, because that would take a batch from it.

    Raises:
        ValueError: as for `check_truth`.
    """
    if isinstance(x, tf.data.Dataset):
        first = next(iter(x), None)
    elif isinstance(x, keras.utils.PyDataset):
        first = x[0] if x.num_batches else None
    else:
        first = None if y is None else (x, y)
    if isinstance(first, tuple | list) and len(first) > 1:
        check_truth(first[1], num_classes)


def check_truth(y: Any, num_classes: int) -> None:
    """Check the form of ground truth, and its values where they are known.

    Raises:
        ValueError: it has another form; a label is not in 0..C-1; or boxes are in pixels, inverted or NaN, and so overlap nothing.
    """
    check_form(y)
    if any(tf.is_tensor(part) and not hasattr(part, "numpy") for part in y.values()):  # in a graph
        return
    boxes, labels = np.asarray(y["boxes"]), np.asarray(y["labels"])
    wrong = labels[((labels < 0) & (labels != IGNORED)) | (labels >= num_classes)]
    if wrong.size:
        raise ValueError(
            f"labels: {wrong.size} out of 0..{num_classes - 1}, the first is {wrong[0]}; the model has {num_classes} classes, "
            "background included: number yours from 1, or build it with more"
        )
    boxes = boxes[labels > 0]  # (N, 4)
    furthest = np.abs(boxes).max(initial=0)
    if furthest > FURTHEST:
        raise ValueError(
            f"boxes: fractions of the image are expected, not pixels ({furthest:g}); divide them by its width and height"
        )
    unusable = boxes[~np.all(boxes[:, :2] <= boxes[:, 2:], axis=-1)]  # NaN too
    if len(unusable):
        shown = ", ".join(f"{corner:g}" for corner in unusable[0])
        raise ValueError(
            f"boxes: {len(unusable)} other than xmin, ymin, xmax, ymax with min up to max, the first is {shown}; correct them, or "
            "give them the label 0, which is padding"
        )


def check_form(y: Any) -> None:
    """Check names and shapes; raises ValueError."""
    if not isinstance(y, Mapping) or not {"boxes", "labels"} <= y.keys():
        given = f"a dictionary of {', '.join(map(repr, y))}" if isinstance(y, Mapping) else f"something of type {type(y).__name__}"
        raise ValueError(f"{FORM}, not {given}")
    boxes, labels = (
        tf.TensorShape(y[name].shape if hasattr(y[name], "shape") else np.shape(y[name])) for name in ("boxes", "labels")
    )
    if not (labels.is_compatible_with([None, None]) and boxes.is_compatible_with([*labels, 4])):
        raise ValueError(f"{FORM}, not boxes {tuple(boxes)} and labels {tuple(labels)}")
