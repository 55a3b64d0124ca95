"""The optimizer and its rates over a small training run: linear regression with kernels, biases and scales."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import strategies
from parity_tests.asserts import record_error
from parity_tests.tolerance import TOLERANCES
from tf_ssd.optimizer import CaffeSGD, WarmupAndDrops

STEPS, WARMUP, DROP = 30, 5, 15
OPERATION = "optimizer.CaffeSGD"
KINDS = ("kernel", "bias", "scale")
decays = st.sampled_from([0.0, 5e-4, 0.1])


def rate_at(step: int, peak: float) -> float:
    """The rate of each step (from 0), by hand: up, level, then a tenth."""
    return peak * min(1, (step + 1) / WARMUP) * (1 if step < DROP else 0.1)


def gradients(weights: dict[str, np.ndarray], target: np.ndarray) -> dict[str, np.ndarray]:
    """Of the squared distance of kernel @ scale + bias from a target."""
    error = weights["kernel"] @ weights["scale"] + weights["bias"] - target
    return {"kernel": np.outer(error, weights["scale"]), "bias": error, "scale": weights["kernel"].T @ error}


def start(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Weights and target in float64."""
    rng = np.random.default_rng(seed)
    return {"kernel": rng.normal(size=(4, 3)), "bias": rng.normal(size=4), "scale": rng.normal(size=3)}, rng.normal(size=4)


def production_steps(seed: int, peak: float, decay: float) -> dict[str, np.ndarray]:
    """Weights after STEPS of tf_ssd's optimizer."""
    weights, target = start(seed)
    variables = {kind: keras.Variable(value, dtype="float64", name=kind) for kind, value in weights.items()}
    optimizer = CaffeSGD(WarmupAndDrops(peak, drops=(DROP,), warmup=WARMUP), decay=decay)
    for _ in range(STEPS):
        slopes = gradients({kind: variable.numpy() for kind, variable in variables.items()}, target)
        optimizer.apply([tf.constant(slopes[kind]) for kind in KINDS], [variables[kind] for kind in KINDS])
    return {kind: variable.numpy() for kind, variable in variables.items()}


def torch_steps(seed: int, peak: float, decay: float) -> dict[str, np.ndarray]:
    """The same with torch.optim.SGD, whose buffer must be rescaled when the rate changes: Caffe's velocity is -rate * buffer."""
    weights, target = start(seed)
    tensors = {kind: torch.tensor(value, requires_grad=True) for kind, value in weights.items()}
    multiplier = {"kernel": 1, "bias": 2, "scale": 1}
    groups = [{"params": [tensors[kind]], "weight_decay": decay if kind == "kernel" else 0} for kind in KINDS]
    optimizer = torch.optim.SGD(groups, lr=peak, momentum=0.9)
    for step in range(STEPS):
        for kind, group in zip(KINDS, optimizer.param_groups, strict=True):
            group["lr"] = rate_at(step, peak) * multiplier[kind]
        for state in optimizer.state.values():
            state["momentum_buffer"] *= rate_at(step - 1, peak) / rate_at(step, peak)
        slopes = gradients({kind: tensor.detach().numpy() for kind, tensor in tensors.items()}, target)
        for kind, tensor in tensors.items():
            tensor.grad = torch.from_numpy(slopes[kind])
        optimizer.step()
    return {kind: tensor.detach().numpy() for kind, tensor in tensors.items()}


@given(seed=strategies.seeds, peak=st.sampled_from([1e-3, 0.02]), decay=decays)
def test_steps(seed: int, peak: float, decay: float) -> None:
    expected = torch_steps(seed, peak, decay)
    for kind, actual in production_steps(seed, peak, decay).items():
        error = np.abs(actual - expected[kind]).max() / np.abs(expected[kind]).max() / np.finfo(np.float64).eps
        assert error <= TOLERANCES[OPERATION].float64, f"{kind} differs by {error:.3g} epsilons"
        record_error(OPERATION, actual.dtype, error)


def test_two_steps_by_hand() -> None:
    """One weight of 1, gradient 1, decay 0.5, momentum 0.9, rate 0.1 then 0.01.

    Kernel: v = -0.1 (1 + 0.5) = -0.15, w = 0.85; v = 0.9 v - 0.01 (1 + 0.425) = -0.14925, w = 0.70075.
    Bias, twice the rate, no decay: v = -0.2, w = 0.8; v = -0.18 - 0.02 = -0.2, w = 0.6.
    Scale: v = -0.1, w = 0.9; v = -0.09 - 0.01 = -0.1, w = 0.8.
    """
    variables = [keras.Variable(1.0, dtype="float64", name=kind) for kind in KINDS]
    optimizer = CaffeSGD(WarmupAndDrops(0.1, drops=(1,), warmup=0), decay=0.5)
    for _ in range(2):
        optimizer.apply([tf.ones([], tf.float64)] * 3, variables)
    np.testing.assert_allclose([variable.numpy() for variable in variables], [0.70075, 0.6, 0.8], rtol=1e-14)


@pytest.mark.parametrize("step", range(20))
def test_the_rate_of_each_step(step: int) -> None:
    schedule = WarmupAndDrops(0.3, drops=(DROP,), warmup=WARMUP)
    assert float(schedule(tf.constant(step))) == pytest.approx(rate_at(step, 0.3), rel=1e-15)
