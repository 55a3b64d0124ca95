"""Gradients of our own, in graphs that can be forgotten."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import tensorflow as tf


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """`tf.custom_gradient`, which in a graph is traced as a function of its own.

    TensorFlow keeps what computes such a gradient until the process ends, and with it the graph where it stands. In the graph of a
    training step that would be hundreds of megabytes for each network that a process trains; so it stands in a small one.

    Args:
        function: of tensors alone; returns its result and the function of the gradient.
    """
    differentiable = tf.custom_gradient(function)

    @wraps(function)
    def call(*tensors: tf.Tensor) -> Any:
        if tf.executing_eagerly():
            return differentiable(*tensors)
        return tf.function(differentiable, autograph=False)(*tensors)

    return call
