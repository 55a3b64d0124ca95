"""Batch normalisation by one operation is Keras' own, but for rounding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.network.layers import BatchNormalization

MOMENTUM = 0.97


def results(kind, x, *, epsilon, dtype="float32", training=True):
    """Outputs, gradients for pixels, scale and offset, and the moving statistics afterwards."""
    layer = kind(momentum=MOMENTUM, epsilon=epsilon, dtype=dtype)
    layer.build(x.shape)
    layer.gamma.assign(np.linspace(0.5, 2, x.shape[-1]))
    layer.beta.assign(np.linspace(-1, 2, x.shape[-1]))
    layer.moving_mean.assign(np.linspace(0.01, 0.03, x.shape[-1]))
    layer.moving_variance.assign(np.linspace(1e-4, 2e-4, x.shape[-1]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
        total = tf.reduce_mean(tf.cos(tf.cast(y, tf.float32)))
    gradients = tape.gradient(total, [x, layer.gamma.value, layer.beta.value])
    return [y, *gradients, layer.moving_mean.value, layer.moving_variance.value]


@pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-3], ids=str)
@pytest.mark.parametrize("shape", [(8, 5, 3, 4), (2, 1, 1, 3), (1, 1, 1, 3)], ids=str)
def test_outputs_gradients_and_moving_statistics(shape, epsilon, training):
    """Small pixels, so that an epsilon that is raised to 1.001e-5 would show; and one value a channel, whose variance is 0."""
    x = tf.constant(np.random.default_rng(0).normal(0.02, 0.01, shape), tf.float32)
    ours, theirs = (
        results(kind, x, epsilon=epsilon, training=training) for kind in (BatchNormalization, keras.layers.BatchNormalization)
    )
    double = results(keras.layers.BatchNormalization, tf.cast(x, tf.float64), epsilon=epsilon, dtype="float64", training=training)
    for our, their, exact in zip(ours, theirs, double, strict=True):
        assert our.dtype == their.dtype
        np.testing.assert_allclose(our, exact, rtol=1e-4, atol=1e-4 * np.abs(exact).max())


@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16", "mixed_float16"])
def test_other_precisions(dtype):
    half = dtype != "float64"
    x = tf.constant(np.random.default_rng(1).normal(2, 3, (4, 6, 5, 3)), dtype.removeprefix("mixed_"))
    ours, theirs = (results(kind, x, epsilon=1e-3, dtype=dtype) for kind in (BatchNormalization, keras.layers.BatchNormalization))
    for our, their in zip(ours, theirs, strict=True):
        assert our.dtype == their.dtype
        np.testing.assert_allclose(np.float64(our), np.float64(their), rtol=1e-2 if half else 0, atol=1e-4 if half else 0)


def test_a_frozen_layer_keeps_its_statistics():
    layer = BatchNormalization()
    layer.trainable = False
    x = tf.fill((2, 3, 3, 4), 5.0)
    np.testing.assert_allclose(layer(x, training=True), x, rtol=1e-3)
    np.testing.assert_array_equal(layer.moving_mean, 0)


def test_not_a_number_is_loud():
    """In the channel that has it, and in no other."""
    x = np.ones((2, 3, 3, 2), np.float32)
    x[1, 2, 0, 1] = np.nan
    y = BatchNormalization()(x, training=True).numpy()
    assert np.isnan(y[..., 1]).all()
    assert np.isfinite(y[..., 0]).all()


@pytest.mark.parametrize("shape", [(2, 2, 1, 3), (1, 1, 1, 3)], ids=str)
def test_the_number_of_images_may_be_unknown_when_it_is_traced(shape):
    x = tf.constant(np.random.default_rng(2).normal(size=shape), tf.float32)
    known, unknown = BatchNormalization(momentum=0.5), BatchNormalization(momentum=0.5)
    known(x, training=True)
    unknown.build(shape)
    tf.function(lambda x: unknown(x, training=True), input_signature=[tf.TensorSpec((None, *shape[1:]))])(x)
    np.testing.assert_allclose(unknown.moving_mean, known.moving_mean, rtol=1e-6)
    np.testing.assert_allclose(unknown.moving_variance, known.moving_variance, rtol=1e-6)
