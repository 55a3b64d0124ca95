import gc
import weakref

import numpy as np
import tensorflow as tf

from tf_ssd.numerics.custom_gradient import custom_gradient


@custom_gradient
def doubled(x, factor):
    """With a gradient that is not its own, and none for the factor."""
    return 2 * x * factor, lambda upstream: (upstream * factor * 10, None)


def value_and_gradient(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = doubled(x, tf.constant(3.0))
    return y, tape.gradient(y, x)


def test_eagerly_and_in_a_graph_the_gradient_is_the_given_one():
    for function in (value_and_gradient, tf.function(value_and_gradient), tf.function(value_and_gradient, jit_compile=True)):
        y, gradient = function(tf.constant([1.0, 2.0]))
        np.testing.assert_array_equal(y, [6, 12])
        np.testing.assert_array_equal(gradient, [30, 30])


def graph_of(function):
    """A reference to it that does not keep it."""
    return weakref.ref(tf.function(function).get_concrete_function(tf.TensorSpec([2])).graph)


def test_a_graph_is_forgotten_with_its_function():
    graph = graph_of(value_and_gradient)
    gc.collect()
    assert graph() is None


def test_with_the_gradient_of_tensorflow_it_is_not():
    """Should this fail, TensorFlow has changed: see whether `custom_gradient` is still needed."""
    kept = graph_of(tf.custom_gradient(lambda x: (2 * x, lambda upstream: upstream)))
    gc.collect()
    assert kept() is not None
