import numpy as np
import pytest
import tensorflow as tf

from tests.network.noise import drawn
from tf_ssd.network.kernels import winograd


def direct(pixels, kernel):
    return tf.nn.conv2d(pixels, kernel, 1, "SAME")


def with_gradients(convolve):
    def value_and_gradients(pixels, kernel):
        with tf.GradientTape() as tape:
            tape.watch([pixels, kernel])
            results = convolve(pixels, kernel)
            total = tf.reduce_sum(tf.sin(results))
        return results, *tape.gradient(total, [pixels, kernel])

    return value_and_gradients


def test_one_pixel_shows_the_kernel_turned_round():
    pixels = tf.scatter_nd([[0, 1, 2, 0]], [1.0], [1, 3, 5, 1])
    kernel = tf.reshape(tf.range(1.0, 10), [3, 3, 1, 1])
    expected = [[0, 9, 8, 7, 0], [0, 6, 5, 4, 0], [0, 3, 2, 1, 0]]
    np.testing.assert_array_equal(winograd.convolve(pixels, kernel)[0, :, :, 0], expected)


@pytest.mark.parametrize("size", [(1, 1), (3, 6)], ids=str)
def test_it_is_a_convolution_with_its_gradients(size):
    inputs = drawn(2, *size, 3, dtype="float64"), drawn(3, 3, 3, 5, dtype="float64")
    results = [with_gradients(convolve)(*inputs) for convolve in (winograd.convolve, direct)]
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def test_float32_is_nearly_as_exact_as_the_usual_products():
    """With the sums of conv4_2, 512 channels of 9 pixels; how exact the usual ones are depends on the processor."""
    pixels, kernel = drawn(1, 8, 8, 512), drawn(3, 3, 512, 8)
    exact = direct(tf.cast(pixels, tf.float64), tf.cast(kernel, tf.float64))
    errors = [np.abs(tf.cast(convolve(pixels, kernel), tf.float64) - exact).max() for convolve in (winograd.convolve, direct)]
    assert errors[0] < 6 * errors[1]
    magnitudes = direct(tf.abs(tf.cast(pixels, tf.float64)), tf.abs(tf.cast(kernel, tf.float64)))
    assert errors[0] < np.finfo(np.float32).eps * tf.reduce_max(magnitudes)


def test_the_number_of_images_may_be_unknown_when_it_is_traced():
    traced = tf.function(winograd.convolve, input_signature=[tf.TensorSpec([None, 5, 4, 2]), tf.TensorSpec([3, 3, 2, 3])])
    kernel = drawn(3, 3, 2, 3)
    for images in (1, 3):
        pixels = drawn(images, 5, 4, 2)
        np.testing.assert_allclose(traced(pixels, kernel), direct(pixels, kernel), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_shows_wherever_it_should_and_near_it(value):
    pixels = tf.tensor_scatter_nd_update(drawn(1, 9, 9, 1), [[0, 4, 4, 0]], [value])
    results = winograd.convolve(pixels, drawn(3, 3, 1, 1))[0, :, :, 0].numpy()
    assert not np.isfinite(results[3:6, 3:6]).any()
    assert np.isfinite(results[:2]).all()
    assert np.isfinite(results[:, 6:]).all()
