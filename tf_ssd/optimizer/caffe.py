"""SGD as Caffe does it: coupled weight decay, and biases at twice the rate."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tf_ssd.optimizer.rates import rate_for

BIAS_RATE = 2.0


@keras.saving.register_keras_serializable(package="tf_ssd")
class CaffeSGD(keras.optimizers.SGD):
    """SGD as Caffe does it (its SGDSolver; the settings of Caffe SSD).

        velocity <- momentum * velocity - rate * (gradient + decay * weight)
        weight   <- weight + velocity

    Kernels decay, biases and scales do not; biases learn at twice the rate. The decay is part of the gradient (*coupled*), while
    Keras' own `weight_decay` bypasses the momentum. The rate is a factor inside the velocity, so that a drop of the rate does not
    shrink the velocity gathered so far; in PyTorch the rate multiplies the whole velocity, and a drop shrinks all of it at once.

    Args:
        learning_rate: a number or a schedule.
        momentum: share of the velocity that is kept.
        decay: factor of the weight in the gradient; the loss term it comes from is decay / 2 * weight^2.
        rates: what the learning rate of each layer is multiplied by, by its name; that of the others stays as it is.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        momentum: float = 0.9,
        decay: float = 5e-4,
        *,
        rates: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, momentum, **kwargs)
        self.decay, self.rates = decay, dict(rates or {})

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Move one variable."""
        index, rate = self._get_variable_index(variable), rate_for(variable, learning_rate, self, self.rates)
        velocity = self.momentums[index]
        # On the second replica of several, the variable itself is called "kernel/replica_1".
        kind = self._trainable_variables[index].name
        # Python numbers become constants of the variable's dtype; Keras' own cast would round them to float32 first.
        if kind == "kernel":
            gradient += tf.constant(self.decay, variable.dtype) * variable
        if kind == "bias":
            rate *= tf.constant(BIAS_RATE, variable.dtype)
        self.assign(velocity, tf.constant(self.momentum, variable.dtype) * velocity - rate * gradient)
        self.assign_add(variable, velocity)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make this optimizer again."""
        return {**super().get_config(), "decay": self.decay, "rates": self.rates}
