import collections

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from tests.train.rewriting import after_rewriting
from tf_ssd.train.trainer.ordered_sums import ordered_sums


@pytest.fixture(scope="module")
def terms():
    """Three tensors of 64 MB: a function that adds them needs more than the 200 MB from which TensorFlow looks at memory."""
    x = tf.random.stateless_uniform([4096, 4096], (1, 2))
    return tf.function(lambda: tf.add_n([tf.sin(x), tf.sqrt(x) * 1e3, tf.exp(x) * 1e-3]), autograph=False)


def kernels(function):
    """How many of each kind ran, after all rewriting."""
    return collections.Counter(node.op for node in after_rewriting(function).values())


def test_sums_stay_sums(terms):
    with ordered_sums():
        ran = kernels(terms)
    assert ran["AddN"] == 1
    assert not ran["TemporaryVariable"]


def test_they_would_not_otherwise(terms):
    """Should this fail, TensorFlow has changed: see whether `ordered_sums` is still needed."""
    ran = kernels(terms)
    assert ran["TemporaryVariable"] == 1
    assert not ran["AddN"]


def test_each_call_gives_the_same_bits(terms):
    with ordered_sums():
        first, *others = [terms() for _ in range(6)]
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_afterwards_all_is_as_before():
    before = context.context().function_call_options
    with pytest.raises(ZeroDivisionError), ordered_sums():
        1 / 0  # noqa: B018
    assert context.context().function_call_options is before
