"""The constants of the network and of its kernels."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import tensorflow as tf
import torch
from torch.nn import functional

import reference_torch.layers
from parity_tests import test_pooling, test_winograd
from parity_tests.adapters import EAGER
from parity_tests.parametrize import DTYPES
from parity_tests.pins import pins
from parity_tests.test_options import around
from tf_ssd.network import layers


@contextmanager
def eagerly() -> Iterator[None]:
    """Compiled functions run operation by operation, which for a few numbers is faster than to compile them."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@DTYPES
@pytest.mark.parametrize("options", [{}, {"initial_scale": 3.0}], ids=" ".join)
@pins("network.layers.L2Normalize", "initial_scale")
def test_the_scale_that_normalised_pixels_start_with(dtype: type, options: dict[str, float]) -> None:
    pixels = np.random.default_rng(0).normal(size=(2, 1, 3, 4)).astype(dtype)
    actual = layers.L2Normalize(dtype=np.dtype(dtype).name, **options)(tf.constant(pixels))
    unit = reference_torch.layers.l2_normalize(torch.from_numpy(pixels).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(actual, unit * (options or {"initial_scale": 20.0})["initial_scale"], rtol=8 * np.finfo(dtype).eps)


@DTYPES
def test_l2_normalisation_divides_by_no_less_than_its_epsilon(dtype: type) -> None:
    """Two channels of lengths around 1e-12, of 1 and of 0: value and gradient, in the reference as here."""
    lengths = np.array([*around(1e-12), 0.5e-12, 2e-12, 1, 0])
    pixels = (lengths[:, None] * (0.6, 0.8)).astype(dtype)[None, None]  # (1, 1, 6, 2)
    layer = layers.L2Normalize(dtype=np.dtype(dtype).name)
    x, y = tf.constant(pixels), torch.from_numpy(pixels).permute(0, 3, 1, 2).requires_grad_()
    with tf.GradientTape() as tape:
        tape.watch(x)
        actual = layer(x)
    expected = reference_torch.layers.l2_normalize(y) * 20
    (slope,) = torch.autograd.grad(expected.sum(), y)
    units = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(actual, expected.permute(0, 2, 3, 1).detach(), rtol=units)
    np.testing.assert_allclose(tape.gradient(actual, x), slope.permute(0, 2, 3, 1), rtol=units, atol=units * 2e13)


def eager_convolution(channels: int, filters: int, training: bool | None) -> tuple[np.ndarray, np.ndarray]:
    """Of 2x3 pixels, by the layer and by torch."""
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(1, 2, 3, channels)).astype(np.float32)
    layer = layers.FastConv2D(filters, 3, padding="same")
    layer.build(pixels.shape)
    layer.set_weights([np.resize(rng.normal(size=997), weight.shape) for weight in layer.weights])
    kernel, bias = (torch.from_numpy(weight.numpy()) for weight in layer.weights)
    expected = functional.conv2d(torch.from_numpy(pixels).permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, padding=1)
    return layer(tf.constant(pixels), training=training).numpy(), expected.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("channels", [255, 256])
@pytest.mark.parametrize("training", [True, False])
@pins("network.kernels.winograd", "CHANNELS")
@pins("network.kernels.parts", "MANY_RESULTS", "RESULTS_OF_PART")
def test_a_convolution_is_one_whichever_way_it_is_computed(channels: int, training: bool | None) -> None:
    """Around the numbers of channels from which on Winograd's algorithm, or parts, take over."""
    with eagerly():
        actual, expected = eager_convolution(channels, channels, training)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pins("network.kernels.pooling", "SIZE", "PLACES")
def test_a_pooled_window() -> None:
    pixels = np.random.default_rng(0).integers(-3, 4, (1, 3, 4, 2)).astype(np.float64)
    with eagerly():
        results = EAGER.call(test_pooling.OPERATION, pixels) + EAGER.gradients(test_pooling.OPERATION, pixels)
    for actual, expected in zip(results, test_pooling.witness(pixels), strict=True):
        np.testing.assert_array_equal(actual, expected)


@pins("network.kernels.winograd", "STEP", "TILE", "CHUNK", "PIXELS", "KERNEL", "RESULT")
def test_a_tile_of_winograds() -> None:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(1, 4, 4, 2)), rng.normal(size=(3, 3, 2, 1))]
    with eagerly():
        results = EAGER.call(test_winograd.OPERATION, *inputs) + EAGER.gradients(test_winograd.OPERATION, *inputs, wrt=(0, 1))
    for actual, expected in zip(results, test_winograd.witness(*inputs)[0], strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-13)
