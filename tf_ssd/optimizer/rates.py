"""Layers that learn at rates of their own, such as a pre-trained body under new heads."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import keras
import tensorflow as tf


def rate_for(
    variable: tf.Variable, learning_rate: tf.Tensor, optimizer: keras.optimizers.Optimizer, rates: Mapping[str, float]
) -> tf.Tensor:
    """The learning rate of a variable, in its dtype: times the factor of its layer in `rates`, if there is one."""
    # On the second replica of several, the variable itself has another name than the layer's.
    path: str = optimizer._trainable_variables[optimizer._get_variable_index(variable)].path
    rate, factor = tf.cast(learning_rate, variable.dtype), rates.get(PurePosixPath(path).parent.name, 1.0)
    return rate if factor == 1 else rate * tf.constant(factor, variable.dtype)


@keras.saving.register_keras_serializable(package="tf_ssd")
class Adam(keras.optimizers.Adam):
    """Keras' Adam, with factors on the learning rate of some layers.

    Args:
        learning_rate: a number or a schedule.
        rates: what the learning rate of each layer is multiplied by, by its name; that of the others stays as it is.
    """

    def __init__(self, learning_rate: Any = 1e-3, *, rates: Mapping[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rates = dict(rates or {})

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Move one variable."""
        super().update_step(gradient, variable, rate_for(variable, learning_rate, self, self.rates))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make this optimizer again."""
        return {**super().get_config(), "rates": self.rates}
