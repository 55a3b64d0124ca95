"""ReLU and pooling in one against those of torch: value and gradient, equal to the bit."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import max_pool2d

from parity_tests.adapters import TensorFlow, weights_like
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import SIDES_AND_DTYPES, tenth
from parity_tests.strategies import seeds

OPERATION = "network.kernels.pooling.relu_max_pool"
SHAPES = pytest.mark.parametrize("shape", [(2, 4, 2, 3), (1, 5, 7, 2), (3, 1, 1, 1)], ids=str)  # whole windows, and narrower ones


@st.composite
def pixels_of(draw: Any, *, shape: tuple[int, ...]) -> np.ndarray:
    """Small integers, many of them equal, or numbers of any size; some or all may be negative."""
    rng = np.random.default_rng(draw(seeds))
    numbers = rng.integers(-2, 3, shape) if draw(st.booleans()) else rng.normal(size=shape)
    return (numbers + draw(st.sampled_from([-3, 0, 3]))) * draw(st.sampled_from([1e-6, 1.0, 1e6]))


@SIDES_AND_DTYPES
@SHAPES
@tenth
@given(data=st.data())
def test_values_and_gradients(side: TensorFlow, dtype: type, shape: tuple[int, ...], data: Any) -> None:
    pixels = data.draw(pixels_of(shape=shape)).astype(dtype)
    value, gradients = side.value_and_gradients(OPERATION, pixels)
    for what, actual, expected in zip(("value", "gradient"), value + gradients, witness(pixels), strict=True):
        assert_agree(operation=OPERATION, actual=actual, expected=expected, inputs=[pixels], what=what)


def witness(pixels: np.ndarray) -> list[np.ndarray]:
    """Value and gradient by torch."""
    x = torch.from_numpy(pixels).requires_grad_()
    y = max_pool2d(x.permute(0, 3, 1, 2).relu(), 2, ceil_mode=True).permute(0, 2, 3, 1)
    total = (y * torch.from_numpy(weights_like(tuple(y.shape))).to(y.dtype)).sum()
    return [tensor.detach().numpy() for tensor in (y, *torch.autograd.grad(total, x))]
