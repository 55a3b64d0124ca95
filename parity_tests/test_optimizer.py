"""The optimizer and its rates over a small training run: linear regression with kernels, biases and scales.

And what stands around it, against what torch has for it: clipping, averaged weights, cosine, loss scaling.
"""

from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from parity_tests import strategies
from parity_tests.asserts import assert_agree, record_error
from parity_tests.tolerance import TOLERANCES
from tf_ssd.optimizer import CaffeSGD, WarmupAndCosine, WarmupAndDrops, WeightAverage, clip_by_global_norm
from tf_ssd.train.trainer import scale

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
    """The error is relative to the largest weight before or after: steps that end near 0 have rounded larger ones on their way."""
    (before, _), expected = start(seed), torch_steps(seed, peak, decay)
    for kind, actual in production_steps(seed, peak, decay).items():
        largest = max(np.abs(before[kind]).max(), np.abs(expected[kind]).max())
        error = np.abs(actual - expected[kind]).max() / largest / np.finfo(np.float64).eps
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


def torch_clipped(arrays: list[np.ndarray], max_norm: float) -> tuple[list[np.ndarray], np.ndarray]:
    """clip_grad_norm_, whose limit is raised to make up for the 1e-6 that it adds to the length it divides by."""
    tensors = [torch.zeros(array.shape, dtype=torch.float64, requires_grad=True) for array in arrays]
    for tensor, array in zip(tensors, arrays, strict=True):
        tensor.grad = torch.from_numpy(array.copy())
    length = np.sqrt(sum((array**2).sum() for array in arrays))
    norm = torch.nn.utils.clip_grad_norm_(tensors, max_norm * (length + 1e-6) / length if length else max_norm)
    return [tensor.grad.numpy() for tensor in tensors], norm.numpy()


@given(seed=strategies.seeds, size=st.sampled_from([0.0, 1e-3, 1.0, 1e3]), max_norm=st.sampled_from([0.1, 1.0, 35.0]))
def test_clipping(seed: int, size: float, max_norm: float) -> None:
    rng = np.random.default_rng(seed)
    arrays = [size * rng.normal(size=shape) for shape in ((3, 3, 2, 5), (5,), (1,))]
    clipped, norm = clip_by_global_norm([tf.constant(array) for array in arrays], max_norm)
    expected, expected_norm = torch_clipped(arrays, max_norm)
    for actual, array in zip([*clipped, norm], [*expected, expected_norm], strict=True):
        # No snippet can call it, for it takes a list; the inputs follow from the seed.
        assert_agree(operation="optimizer.clip_by_global_norm", actual=actual.numpy(), expected=array, inputs=[], scale=size or 1)


def test_torch_clips_to_less_than_it_is_told() -> None:
    """Gradient 3, 4, limit 1e-6: factor 1e-6 / 5 here, 1e-6 / (5 + 1e-6) there; gradient 3e-6, 4e-6: 1/5 here, 1/6 there."""
    for size, limit, share in ((1.0, 1e-6, 5 / (5 + 1e-6)), (1e-6, 1e-6, 5 / 6)):
        gradient = np.array([3.0, 4.0]) * size
        [ours], _ = clip_by_global_norm([tf.constant(gradient)], limit)
        tensor = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        tensor.grad = torch.from_numpy(gradient)
        torch.nn.utils.clip_grad_norm_([tensor], limit)
        np.testing.assert_allclose(tensor.grad.numpy(), ours.numpy() * share, rtol=1e-14)


def test_torch_steps_on_when_a_gradient_is_infinite() -> None:
    """It scales by 1 / inf: finite gradients become 0, the infinite one NaN. Here all stay, and the length says that it is inf."""
    arrays = [np.array([1.0, np.inf]), np.array([2.0])]
    tensors = [torch.zeros(array.shape, dtype=torch.float64, requires_grad=True) for array in arrays]
    for tensor, array in zip(tensors, arrays, strict=True):
        tensor.grad = torch.from_numpy(array.copy())
    torch.nn.utils.clip_grad_norm_(tensors, 1.0)
    np.testing.assert_array_equal(np.concatenate([tensor.grad.numpy() for tensor in tensors]), [0, np.nan, 0])
    clipped, norm = clip_by_global_norm([tf.constant(array) for array in arrays], 1.0)
    np.testing.assert_array_equal(np.concatenate(clipped), np.concatenate(arrays))
    assert norm.numpy() == np.inf


def averaged(seed: int, decay: float, reference: AveragedModel, *, updates: int) -> tuple[np.ndarray, np.ndarray]:
    """Averages of thirty drawn weights, ours and torch's; torch's first update is a copy, which ours begins with."""
    weights = np.random.default_rng(seed).normal(size=(STEPS, 4, 3))
    variable = keras.Variable(weights[0], dtype="float64")
    average = WeightAverage([variable], decay=decay)
    average.updates.assign(updates)
    module = torch.nn.Linear(3, 4, bias=False, dtype=torch.float64)
    for step, weight in enumerate(weights):
        module.weight.data = torch.from_numpy(weight)
        reference.update_parameters(module)
        if step:
            variable.assign(weight)
            average.update([variable])
    return average.averages[0].numpy(), reference.module.weight.detach().numpy()


@given(seed=strategies.seeds, decay=st.sampled_from([0.0, 0.3, 0.9, 0.9998]))
def test_averaged_weights(seed: int, decay: float) -> None:
    """With the decay risen, torch's own exponential average; and from the start, torch's average with the decay by hand."""
    module = torch.nn.Linear(3, 4, bias=False, dtype=torch.float64)

    def rising(average: torch.Tensor, weight: torch.Tensor, done: torch.Tensor) -> torch.Tensor:
        kept = min(decay, int(done) / (9 + int(done)))  # t is one less than torch's count, which includes the copy
        return kept * average + (1 - kept) * weight

    risen = averaged(seed, decay, AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay)), updates=10**9)
    start = averaged(seed, decay, AveragedModel(module, avg_fn=rising), updates=0)
    for actual, expected in (risen, start):
        assert_agree(operation="optimizer.WeightAverage", actual=actual, expected=expected, inputs=[])


def test_a_cosine_after_a_warmup() -> None:
    """LinearLR, then CosineAnnealingLR, which goes from rate to rate: 1e-12 of the peak in forty steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    up = lr_scheduler.LinearLR(optimizer, start_factor=1 / WARMUP, total_iters=WARMUP - 1)
    down = lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS + 10 - WARMUP)
    both = lr_scheduler.SequentialLR(optimizer, [up, down], milestones=[WARMUP])
    schedule = WarmupAndCosine(0.3, steps=STEPS + 10, warmup=WARMUP)
    for step in range(STEPS + 10):
        assert float(schedule(step)) == pytest.approx(both.get_last_lr()[0], abs=3e-13)
        optimizer.step()
        both.step()


@given(finite=st.lists(st.booleans(), min_size=1, max_size=12))
def test_loss_scaling(finite: list[bool]) -> None:
    """The scale after each step, against torch's GradScaler and Keras' LossScaleOptimizer on a single device."""
    ours, weight = scale.LossScale(), keras.Variable([0.0], dtype="float32")
    settings = {"initial_scale": ours.value, "dynamic_growth_steps": 3}
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), **settings)
    theirs.build([weight])
    tensor = torch.zeros(1, requires_grad=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=ours.value, growth_interval=3)
    descent = torch.optim.SGD([tensor], lr=1.0)
    for good in finite:
        slope = 1.0 if good else float("inf")
        with mock.patch.object(scale, "PATIENCE", 3):
            ours.update(overflow=not good)
        theirs.apply([tf.constant([slope])])
        descent.zero_grad()
        scaler.scale(tensor * slope).backward()
        scaler.step(descent)
        scaler.update()
        assert ours.value == float(theirs.dynamic_scale) == scaler.get_scale()
