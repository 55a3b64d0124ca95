"""Losses and gradients as sums, so that micro-batches and replicas add up to one step; divided by N at its end."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import tensorflow as tf

from tf_ssd.loss import MultiboxLoss, Normalizer

MicroBatch = TypeVar("MicroBatch")
Sums = TypeVar("Sums")  # StepSums, and whatever else is summed beside them


class StepSums(NamedTuple):
    """Losses and gradients before the division by N. Those of micro-batches, or of replicas, are added up element by element.

    Attributes:
        losses: scalars, not yet divided; num_positives int32.
        gradients: of losses.total, one per variable.
        n: int32 scalar. What to divide by: positives, or images with normalizer="image".
    """

    losses: MultiboxLoss
    gradients: list[tf.Tensor]
    n: tf.Tensor


def step_sums(losses: MultiboxLoss, gradients: Sequence[tf.Tensor], *, images: int, normalizer: Normalizer = "batch") -> StepSums:
    """Undo the division of a micro-batch by its own N, since the whole batch is divided by another N.

    The network is differentiated after the division by the micro-batch's own N: the gradients of plain sums grow with the number of
    objects, and overflow in float16.

    Args:
        losses: of `loss.multibox_loss`.
        gradients: of losses.total, one per variable.
        images: B.
        normalizer: what the losses were divided by.
    """
    n = losses.num_positives if normalizer == "batch" else tf.constant(images)
    return StepSums(*_scaled(losses, gradients, tf.multiply, tf.maximum(n, 1)), n)


def accumulate(step: Callable[[MicroBatch], Sums], micro_batches: Iterable[MicroBatch]) -> Sums:
    """Sum what `step` makes of at least one micro-batch, one after the other, so that memory holds one and the sum so far.

    Divided by the N of all of them (`divided`), M micro-batches of b images are one batch of M * b: exactly, but for batch
    normalisation, whose statistics are those of each micro-batch.
    """
    first, *others = micro_batches
    sums = step(first)
    for micro_batch in others:
        # Without control dependencies a graph may run all micro-batches at once. TensorFlow inlines the calls of `step`, and then a
        # dependency on a call does not wait for the values that it returns; a dependency on an identity of each value does.
        with tf.control_dependencies([tf.identity(value) for value in tf.nest.flatten(sums)]):
            sums = tf.nest.map_structure(tf.add, sums, step(micro_batch))
    return sums


def divided(sums: StepSums) -> tuple[MultiboxLoss, list[tf.Tensor]]:
    """Losses and gradients of the whole step: sums divided by max(1, N)."""
    return _scaled(sums.losses, sums.gradients, tf.divide, tf.maximum(sums.n, 1))


def _scaled(
    losses: MultiboxLoss, gradients: Sequence[tf.Tensor], operation: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], n: tf.Tensor
) -> tuple[MultiboxLoss, list[tf.Tensor]]:
    """Everything but the count multiplied or divided by N."""
    values = (*losses[:3], *gradients)
    n_as = {dtype: tf.cast(n, dtype) for dtype in {value.dtype for value in values}}
    total, localization, confidence, *scaled = (operation(value, n_as[value.dtype]) for value in values)
    return MultiboxLoss(total, localization, confidence, losses.num_positives), scaled
