import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.layers import L2Normalize


def test_normalises_over_channels():
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 8)).astype(np.float32)
    y = L2Normalize()(x).numpy()
    np.testing.assert_allclose(np.linalg.norm(y, axis=-1), 20, rtol=1e-6)
    np.testing.assert_allclose(y, 20 * x / np.linalg.norm(x, axis=-1, keepdims=True), rtol=1e-6)


def test_every_channel_has_its_own_factor():
    layer = L2Normalize()
    layer.build((None, None, None, 2))
    layer.scale.assign([1, 3])
    np.testing.assert_allclose(layer(np.float32([[[[3, 4]]]])), [[[[0.6, 2.4]]]], rtol=1e-6)


def test_zero_stays_zero_with_finite_gradient():
    layer, x = L2Normalize(), tf.Variable(tf.zeros([1, 1, 1, 4]))
    with tf.GradientTape() as tape:
        y = layer(x)
    assert not y.numpy().any()
    assert np.isfinite(tape.gradient(y, x)).all()


@pytest.mark.parametrize("value", [1e-4, 1, 3e4])
def test_half_precision_neither_overflows_nor_vanishes(value):
    y = L2Normalize(dtype="mixed_float16")(np.full((1, 1, 1, 4), value, np.float16))
    assert y.dtype == "float16"
    np.testing.assert_allclose(y, 10, rtol=1e-2)


def test_config_round_trip():
    layer = L2Normalize(initial_scale=7.0, name="norm")
    assert keras.layers.deserialize(keras.layers.serialize(layer)).initial_scale == 7
