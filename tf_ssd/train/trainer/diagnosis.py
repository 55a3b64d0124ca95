"""Where a number that is not finite came from: which term, which image, which box."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tf_ssd.config import DefaultBoxesConfig
from tf_ssd.data.batches.generator import Batch
from tf_ssd.loss import smooth_l1
from tf_ssd.model import SSD
from tf_ssd.scores import cross_entropy

SHOWN = 3  # of each kind of fault


def diagnose(model: SSD, batch: Batch, names: Sequence[str]) -> list[str]:
    """Sentences on what is not finite, from the cause to the effect; empty if the loss of this batch and its gradient are finite.

    Args:
        model: with the weights it had before the step.
        batch: what the step was made on.
        names: of the B images, for the sentences.
    """
    values, statistics = ([v.value for v in kind] for kind in (model.trainable_variables, model.non_trainable_variables))
    faults = [f"the weights {variable.path} hold {_first_bad(variable.numpy())}" for variable in model.weights if _bad(variable)]
    faults += _per_image(names, "pixel", batch.images)
    faults += _per_image(names, "ground-truth box", batch.boxes)
    with tf.GradientTape() as tape:
        tape.watch(values)
        predictions, _ = model.stateless_call(values, statistics, batch.images, training=True)
        total = model.multibox_loss(batch.boxes, batch.labels, predictions).total
    faults += _terms(model, batch, predictions, names)
    paths, gradients = [variable.path for variable in model.trainable_variables], tape.gradient(total, values)
    bad = [(path, value.numpy()) for path, value in zip(paths, gradients, strict=True) if _bad(value)]
    faults += [f"the gradient of {path} holds {_first_bad(value)}" for path, value in bad]
    return list(_shortened(faults)) or _too_large(paths, gradients)


def _too_large(paths: Sequence[str], gradients: Sequence[tf.Tensor]) -> list[str]:
    """A sentence on a gradient that is finite, but the squares of which overflow; none for any other gradient."""
    if np.isfinite(tf.linalg.global_norm(gradients)):
        return []
    largest, path = max((float(tf.reduce_max(tf.abs(value))), path) for path, value in zip(paths, gradients, strict=True))
    reason = f"the gradient is finite, but too large for its norm to be: up to {largest:.3g}, in {path}"
    return [f"{reason}; a lower --learning-rate keeps it small"]


def _terms(model: SSD, batch: Batch, predictions: dict[str, tf.Tensor], names: Sequence[str]) -> list[str]:
    """Default boxes whose predictions, targets or losses are not finite."""
    targets = model.targets(batch.boxes, batch.labels)
    offsets, logits = predictions["offsets"], predictions["logits"]
    positive = (targets.labels > 0)[..., None]
    error = tf.where(positive, offsets - tf.cast(targets.offsets, offsets.dtype), 0)
    terms = {
        "predicted offsets": tf.where(positive, offsets, 0),
        "logits": logits,
        "target offsets": tf.where(positive, targets.offsets, 0),
        "localization loss": tf.reduce_sum(smooth_l1(error), axis=-1),
        "confidence loss": cross_entropy(logits, tf.maximum(targets.labels, 0), scores=model.config.scores),
    }
    faults = []
    for term, value in terms.items():
        for image, box in np.argwhere(_bad_rows(value.numpy(), 2)).tolist():
            place = describe_box(model.config.boxes, box)
            faults.append(f"{term} of {names[image]}, {place}: {_first_bad(value.numpy()[image, box])}")
    return faults


def describe_box(config: DefaultBoxesConfig, index: int) -> str:
    """A default box by its number and its place: feature map, row, column, box in the cell."""
    first = 0
    for level, (cells, boxes) in enumerate(zip(config.feature_maps, config.boxes_per_cell, strict=True)):
        if index < first + cells**2 * boxes:
            cell, box = divmod(index - first, boxes)
            row, column = divmod(cell, cells)
            return f"default box {index} (feature map {level}, row {row}, column {column}, box {box})"
        first += cells**2 * boxes
    raise IndexError(f"default box {index} of {config.num_boxes}")


def _per_image(names: Sequence[str], what: str, values: tf.Tensor) -> list[str]:
    array = values.numpy()
    return [f"a {what} of {names[image]} is {_first_bad(array[image])}" for image in np.flatnonzero(_bad_rows(array, 1)).tolist()]


def _bad_rows(array: np.ndarray, axes: int) -> np.ndarray:
    """Whether anything is not finite at each index of the first `axes` axes: bool, of their shape."""
    return ~np.isfinite(array).reshape(*array.shape[:axes], -1).all(axis=-1)


def _bad(value: tf.Tensor) -> bool:
    return not np.isfinite(np.asarray(value)).all()


def _first_bad(array: np.ndarray) -> float:
    return float(array[~np.isfinite(array)][0])


def _shortened(faults: Sequence[str]) -> Iterator[str]:
    """The first few faults of each kind, a kind being what the sentence begins with."""
    seen: dict[str, int] = {}
    for fault in faults:
        kind = " ".join(fault.split()[:2])
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= SHOWN:
            yield fault
    for kind, count in seen.items():
        if count > SHOWN:
            yield f"... {count - SHOWN} more: {kind}"
