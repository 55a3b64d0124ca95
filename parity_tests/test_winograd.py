"""Winograd's convolution against that of torch: value and both gradients, in float64 as well when tf_ssd computes in float32."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.adapters import TensorFlow, weights_like
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import SIDES_AND_DTYPES, tenth
from parity_tests.strategies import seeds

OPERATION = "network.kernels.winograd.convolve"
WHAT = ("value", "gradient by pixels", "gradient by kernel")
# (images, height, width, channels, filters), each compiled anew: whole tiles alone, and tiles that reach over the borders.
SHAPES = pytest.mark.parametrize("shape", [(2, 4, 2, 3, 5), (1, 1, 7, 8, 1)], ids=str)


@st.composite
def convolutions(draw: Any, *, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Pixels of any size, of which a ReLU may have made some or all 0, and a kernel."""
    *pixels_shape, filters = shape
    rng = np.random.default_rng(draw(seeds))
    pixels = draw(st.sampled_from([1e-6, 1.0, 1e6])) * rng.normal(size=pixels_shape)
    zero = rng.uniform(size=pixels_shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    return [np.where(zero, 0, pixels), rng.normal(size=(3, 3, pixels_shape[-1], filters))]


@SIDES_AND_DTYPES
@SHAPES
@tenth
@given(data=st.data())
def test_values_and_gradients(side: TensorFlow, dtype: type, shape: tuple[int, ...], data: Any) -> None:
    inputs = [array.astype(dtype) for array in data.draw(convolutions(shape=shape))]
    value, gradients = side.value_and_gradients(OPERATION, *inputs, wrt=(0, 1))
    for what, actual, expected, scale in zip(WHAT, value + gradients, *witness(*inputs), strict=True):
        assert_agree(operation=OPERATION, actual=actual, expected=expected, inputs=inputs, scale=scale, what=what)


def witness(pixels: np.ndarray, kernel: np.ndarray) -> tuple[list[np.ndarray], list[float]]:
    """Value and gradients by torch in float64, and for each of them the largest sum of the magnitudes of what is added up."""
    results = []
    for arrays in ((pixels, kernel), (np.abs(pixels), np.abs(kernel))):
        x, k = (torch.from_numpy(array.astype(np.float64)).requires_grad_() for array in arrays)
        y = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2).contiguous(), k.permute(3, 2, 0, 1).contiguous(), padding=1).permute(
            0, 2, 3, 1
        )
        total = (y * torch.from_numpy(weights_like(tuple(y.shape)))).sum()
        results.append([tensor.detach().numpy() for tensor in (y, *torch.autograd.grad(total, (x, k)))])
    values, magnitudes = results
    return values, [float(array.max()) or 1.0 for array in magnitudes]
