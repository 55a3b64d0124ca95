import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.network.noise import drawn
from tf_ssd.network.kernels import parts, pooling, winograd
from tf_ssd.network.kernels.choice import plain_kernels
from tf_ssd.network.layers import FastConv2D, L2Normalize, ReLUMaxPooling2D


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


def value_and_gradients(layer, x, **options):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **options)
        total = tf.reduce_sum(tf.sin(y))
    return y, *tape.gradient(total, [x, *layer.trainable_weights])


def with_the_same_weights(x, filters, **options):
    """Keras' own layer and FastConv2D."""
    theirs, ours = (make(filters, 3, dtype=x.dtype, **options) for make in (keras.layers.Conv2D, FastConv2D))
    for layer in (theirs, ours):
        layer.build(x.shape)
        layer.set_weights(theirs.get_weights())
    return theirs, ours


def assert_like_keras(x, filters, *, wrap=tf.function, training=False, **options):
    """Value and gradients."""
    theirs, ours = with_the_same_weights(x, filters, **options)
    results = []
    for layer, arguments in ((theirs, {}), (ours, {"training": training})):
        results.append(wrap(lambda layer=layer, arguments=arguments: value_and_gradients(layer, x, **arguments))())
    epsilon = 1e-12 if x.dtype == "float64" else 1e-5
    for expected, actual in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=epsilon, atol=epsilon * np.abs(expected).max())


@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "no kernels"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wrap", [lambda function: function, tf.function], ids=["eager", "graph"])
def test_a_dilated_convolution_is_that_of_keras(monkeypatch, wrap, dtype, kernels):
    if not kernels:
        monkeypatch.setattr("tf_ssd.network.kernels.dilation.has_kernels", lambda dtype: False)
    assert_like_keras(drawn(2, 19, 19, 8, dtype=dtype), 4, wrap=wrap, padding="same", dilation_rate=6)


def test_tensorflow_dilates_in_prediction_where_it_is_said_to_have_kernels(monkeypatch):
    """As any CPU has those, and some lack those of the gradient."""
    monkeypatch.setattr("tf_ssd.network.kernels.dilation.has_kernels", lambda dtype: True)
    x = drawn(1, 9, 8, 3)
    theirs, ours = with_the_same_weights(x, 2, padding="same", dilation_rate=2)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-6)


@pytest.fixture
def convolved(monkeypatch):
    """The shapes of the kernels that Winograd's algorithm has been asked to convolve with, from two channels on."""
    shapes, convolve = [], winograd.convolve

    def recorded(pixels, kernel):
        shapes.append(tuple(kernel.shape))
        return convolve(pixels, kernel)

    monkeypatch.setattr(winograd, "convolve", recorded)
    monkeypatch.setattr(winograd, "CHANNELS", 2)
    return shapes


@pytest.mark.parametrize("use_bias", [True, False])
def test_training_by_winograds_algorithm_is_that_of_keras(convolved, use_bias):
    assert_like_keras(drawn(2, 5, 4, 2), 3, training=True, padding="same", use_bias=use_bias)
    assert convolved == [(3, 3, 2, 3)]


PLAIN = {"channels": 2, "filters": 2, "dtype": "float32", "training": True, "padding": "same"}


@pytest.mark.parametrize(
    "other",
    [{"channels": 1}, {"filters": 1}, {"dtype": "float16"}, {"training": False}, {"padding": "valid"}, {"strides": 2}],
    ids=str,
)
def test_other_convolutions_are_left_to_tensorflow(convolved, other):
    channels, filters, dtype, training, *_ = (PLAIN | other).values()
    options = {name: value for name, value in (PLAIN | other).items() if name in {"padding", "strides"}}
    FastConv2D(filters, 3, dtype=dtype, **options)(drawn(1, 6, 6, channels, dtype=dtype), training=training)
    assert not convolved


def test_a_gpu_chooses_by_itself(convolved, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"] if kind == "GPU" else [])
    FastConv2D(2, 3, padding="same")(drawn(1, 6, 6, 2), training=True)
    assert not convolved


@pytest.fixture
def split(monkeypatch):
    """The numbers of channels of the parts that have been convolved, of two each from four on."""
    numbers, convolution_op = [], FastConv2D.convolution_op

    def recorded(self, inputs, kernel):
        numbers.append(kernel.shape[-1])
        return convolution_op(self, inputs, kernel)

    monkeypatch.setattr(FastConv2D, "convolution_op", recorded)
    monkeypatch.setattr(parts, "MANY_RESULTS", 4)
    monkeypatch.setattr(parts, "RESULTS_OF_PART", 2)
    monkeypatch.setattr("tf_ssd.network.kernels.dilation.has_kernels", lambda dtype: True)
    return numbers


@pytest.mark.parametrize(
    "options",
    [{"padding": "same"}, {"padding": "valid", "strides": 2}, {"padding": "same", "use_bias": False}],
    ids=str,
)
def test_prediction_in_parts_is_that_of_keras(split, options):
    assert_like_keras(drawn(2, 5, 4, 3), 6, training=False, **options)
    assert split == [2, 2, 2]


def test_a_dilated_prediction_in_parts_is_that_of_keras():
    assert_like_keras(drawn(2, 19, 19, 8), 256, training=False, padding="same", dilation_rate=6)


@pytest.mark.parametrize(
    ("other", "numbers"),
    [
        ({"filters": 2}, [2]),
        ({"filters": 5}, [5]),
        ({"kernel": 1}, [6]),
        ({"dtype": "float64"}, [6]),
        ({"training": True}, [6]),
        ({"training": None}, [2, 2, 2]),  # as in Keras, what is not training is prediction
    ],
    ids=str,
)
def test_other_convolutions_are_in_one_and_what_is_not_training_in_parts(split, other, numbers):
    plain = {"filters": 6, "kernel": 3, "dtype": "float32", "training": False}
    filters, kernel, dtype, training = (plain | other).values()
    FastConv2D(filters, kernel, dtype=dtype)(drawn(1, 6, 6, 2, dtype=dtype), training=training)
    assert split == numbers


@pytest.mark.parametrize("kernels", [True, False])
def test_neither_a_gpu_nor_another_library_gets_parts(split, monkeypatch, kernels):
    monkeypatch.setattr("tf_ssd.network.kernels.dilation.has_kernels", lambda dtype: kernels)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"] if kernels else [])
    FastConv2D(6, 3)(drawn(1, 6, 6, 2), training=False)
    assert split == [6]


@pytest.mark.parametrize(("training", "gpus", "by_us"), [(True, [], True), (False, [], False), (True, ["a GPU"], False)])
def test_pooling(monkeypatch, training, gpus, by_us):
    calls, pool = [], pooling.relu_max_pool
    monkeypatch.setattr(pooling, "relu_max_pool", lambda pixels: calls.append(pixels) or pool(pixels))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
    x = drawn(2, 5, 4, 3)
    expected = keras.layers.MaxPooling2D(2, padding="same")(keras.layers.ReLU()(x))
    np.testing.assert_array_equal(ReLUMaxPooling2D()(x, training=training), expected)
    assert bool(calls) == by_us


def test_keras_loops_use_the_kernels_of_what_they_do(convolved, split):
    model = keras.Sequential([keras.Input((6, 6, 2)), FastConv2D(6, 3, padding="same")])
    model.compile("sgd", "mse")
    x, y = np.ones((2, 6, 6, 2), np.float32), np.ones((2, 6, 6, 6), np.float32)
    model.fit(x, y, verbose=0)
    assert (convolved, split) == ([(3, 3, 2, 6)], [])
    model.evaluate(x, y, verbose=0)
    assert split == [2, 2, 2]
    model.predict(x, verbose=0)
    assert split == [2, 2, 2] * 2
    assert len(convolved) == 1


@pytest.mark.parametrize("training", [True, False, None])
def test_plain_kernels_are_one_operation(convolved, split, monkeypatch, training):
    monkeypatch.setattr(pooling, "relu_max_pool", pytest.fail)
    x = drawn(1, 6, 6, 2)
    with plain_kernels():
        FastConv2D(6, 3, padding="same")(x, training=training)
        ReLUMaxPooling2D()(x, training=training)
    assert not convolved
    assert split == [6]
