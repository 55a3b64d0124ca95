"""The exponential moving average of the weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf


class WeightAverage(tf.Module):
    """A running average of the weights, which is evaluated and saved in their place: the noise of single steps cancels in it.

        average <- d * average + (1 - d) * weight,    d = min(decay, (1 + t) / (10 + t)) at update t = 0, 1, ...

    The decay rises, so that the random weights of the start are forgotten early (the rule of tf.train.ExponentialMovingAverage's
    `num_updates`). Averages have the dtype of the weights, and `tf.train.Checkpoint` saves them with the number of updates. What is
    not trained, such as the moving statistics of batch normalisation, is not averaged: the model keeps the latest values.

    To be made in the scope of a `tf.distribute` strategy, if there is one, and updated on its replicas or outside of them.

    Args:
        variables: the trainable variables of a model, which all methods take in the same order.
        decay: what d rises to, at least 0 and below 1.
    """

    def __init__(self, variables: Sequence[keras.Variable], *, decay: float = 0.9998) -> None:
        super().__init__(name="weight_average")
        self.decay = decay
        # All replicas hold the same weights, so that one of them is enough.
        kind = {"trainable": False, "aggregation": "only_first_replica"}
        self.updates = keras.Variable(0, dtype="int64", name="updates", **kind)
        self.averages = [
            keras.Variable(tf.convert_to_tensor(variable), dtype=variable.dtype, name=variable.path.replace("/", "_"), **kind)
            for variable in variables
        ]

    @property
    def variables(self) -> tuple[keras.Variable, ...]:
        """The number of updates, and the averages."""
        return self.updates, *self.averages

    def update(self, variables: Sequence[keras.Variable]) -> None:
        """Move the averages towards the weights, once per step that was applied."""
        done = tf.cast(self.updates, tf.float64)
        share = 1 - tf.minimum(tf.constant(self.decay, tf.float64), (1 + done) / (10 + done))
        for average, variable in zip(self.averages, variables, strict=True):
            average.assign_add(tf.cast(share, average.dtype) * (tf.convert_to_tensor(variable) - average))
        self.updates.assign_add(1)

    @contextmanager
    def in_place_of(self, variables: Sequence[keras.Variable]) -> Iterator[None]:
        """Inside, the model has the averaged weights, to be evaluated or saved; afterwards it has its own again, to the bit."""
        trained = [tf.convert_to_tensor(variable) for variable in variables]
        try:
            _assign(variables, self.averages)
            yield
        finally:
            _assign(variables, trained)


def _assign(variables: Sequence[keras.Variable], values: Sequence[tf.Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
