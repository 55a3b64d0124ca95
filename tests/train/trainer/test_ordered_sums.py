import collections

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2
from tensorflow.python.eager import context

from tests.train.rewriting import after_rewriting
from tf_ssd.train.trainer.ordered_sums import _warn_once, ordered_sums


@pytest.fixture(scope="module", autouse=True)
def graphs_as_traced():
    """They are not: what rewriting does to them is tested here."""


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


@pytest.fixture
def warn_anew():
    """As in a process in which nothing has been warned of."""
    _warn_once.cache_clear()
    yield
    _warn_once.cache_clear()


def inside(number):
    with ordered_sums():
        return number


@pytest.mark.parametrize(
    ("place", "name", "missing"),
    [
        (context, "context", "no attribute 'context'"),
        (context, "FunctionCallOptions", "no attribute 'FunctionCallOptions'"),
        (context.Context, "function_call_options", "no attribute 'function_call_options'"),
        (config_pb2, "ConfigProto", "cannot import name 'ConfigProto'"),
        (rewriter_config_pb2, "RewriterConfig", "cannot import name 'RewriterConfig'"),
    ],
)
def test_a_tensorflow_without_the_switch_is_warned_of_once(monkeypatch, warn_anew, place, name, missing):
    monkeypatch.delattr(place, name)
    with pytest.warns(UserWarning, match=f"cannot be switched off .*{missing}.*: gradients") as warned:
        assert [inside(number) for number in range(3)] == [0, 1, 2]
    assert len(warned) == 1


def test_options_of_another_kind_are_warned_of(monkeypatch, warn_anew):
    monkeypatch.setattr(context, "FunctionCallOptions", lambda **_: None)
    with pytest.warns(UserWarning, match="cannot be switched off"), ordered_sums():
        pass


def test_errors_inside_are_not_taken_for_a_missing_switch():
    with pytest.raises(AttributeError, match="mine"), ordered_sums():
        raise AttributeError("mine")
