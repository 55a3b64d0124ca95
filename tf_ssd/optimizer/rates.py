"""Layers that learn at rates of their own, such as a pre-trained body under new heads."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import keras
import tensorflow as tf


def factor_of(optimizer: keras.optimizers.Optimizer, variable: tf.Variable, rates: Mapping[str, float]) -> float:
    """The factor on the learning rate of a variable: that of its layer in `rates`, else 1."""
    # On the second replica of several, the variable itself has another name than the layer's.
    path: str = optimizer._trainable_variables[optimizer._get_variable_index(variable)].path
    return rates.get(PurePosixPath(path).parent.name, 1.0)


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
        rate = tf.cast(learning_rate, variable.dtype) * tf.constant(factor_of(self, variable, self.rates), variable.dtype)
        super().update_step(gradient, variable, rate)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make this optimizer again."""
        return {**super().get_config(), "rates": self.rates}
