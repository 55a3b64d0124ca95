import numpy as np
import pytest
import tensorflow as tf

from tests.train.rewriting import after_rewriting
from tf_ssd.network.kernels.pooling import relu_max_pool


@pytest.fixture(scope="module", autouse=True)
def graphs_as_traced():
    """They are not: what TensorFlow runs in the end is what keeps pixels."""


def apart(pixels):
    return tf.nn.max_pool2d(tf.nn.relu(pixels), 2, 2, "SAME")


def with_gradient(pool):
    def value_and_gradient(pixels):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            results = pool(pixels)
            total = tf.reduce_sum(results * results)
        return results, tape.gradient(total, pixels)

    return value_and_gradient


def test_the_largest_pixel_alone_takes_the_gradient():
    pixels = tf.reshape(tf.constant([1.0, 3, -1, -2, 2, 0, -3, -4]), [1, 2, 4, 1])
    results, gradient = with_gradient(relu_max_pool)(pixels)
    np.testing.assert_array_equal(results[0, :, :, 0], [[3, 0]])
    np.testing.assert_array_equal(gradient[0, :, :, 0], [[0, 6, 0, 0], [0, 0, 0, 0]])


def test_of_equal_pixels_the_first_takes_it():
    _, gradient = with_gradient(relu_max_pool)(tf.ones([1, 2, 2, 1]))
    np.testing.assert_array_equal(gradient[0, :, :, 0], [[2, 0], [0, 0]])


@pytest.mark.parametrize("wrap", [lambda function: function, tf.function], ids=["eager", "graph"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("size", [(1, 1), (4, 6), (5, 3)], ids=str)
def test_it_is_relu_and_pooling(size, dtype, wrap):
    pixels = tf.cast(np.random.default_rng(0).normal(size=(3, *size, 2)), dtype)
    actual = wrap(with_gradient(relu_max_pool))(pixels)
    expected = with_gradient(apart)(tf.cast(pixels, tf.float64))
    assert actual[0].dtype == actual[1].dtype == dtype
    np.testing.assert_array_equal(tf.cast(actual[0], tf.float64), expected[0])
    np.testing.assert_array_equal(tf.cast(actual[1], tf.float64), expected[1])


def test_the_number_of_images_may_be_unknown_when_it_is_traced():
    traced = tf.function(with_gradient(relu_max_pool), input_signature=[tf.TensorSpec([None, 3, 4, 2])])
    for images in (1, 3):
        pixels = tf.constant(np.random.default_rng(images).normal(size=(images, 3, 4, 2)), tf.float32)
        for actual, expected in zip(traced(pixels), with_gradient(apart)(pixels), strict=True):
            np.testing.assert_array_equal(actual, expected)


def test_nan_stays():
    results, gradient = with_gradient(relu_max_pool)(tf.constant([[[[np.nan], [1]], [[2], [3]]]]))
    assert np.isnan(results).all()
    assert not gradient.numpy().any()


def test_pixels_are_not_kept_for_the_gradient():
    """What reads them is there to pool them; of ReLU and pooling apart each gradient reads them once more."""

    def readers(pool):
        nodes = after_rewriting(tf.function(with_gradient(pool)), tf.ones([1, 4, 4, 2]))
        pixels = [name for name, node in nodes.items() if node.op in {"_Arg", "Relu"}]
        return sorted(node.op for node in nodes.values() for name in node.input if name.split(":")[0] in pixels)

    assert readers(relu_max_pool) == ["PartitionedCall"]
    assert readers(apart) == ["MaxPool", "MaxPoolGrad", "Relu", "ReluGrad"]
