"""Every option and constant of optimizer, rates, averages, loss scale and training step, by default and at other values."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from parity_tests.parametrize import DTYPES
from parity_tests.pins import pins
from parity_tests.shallow import (
    IMAGES,
    LOSS,
    ROWS,
    SCORES,
    pictures,
    predictions,
    reference_targets,
    reference_weights,
    shallow_network,
)
from parity_tests.strategies import random_boxes
from parity_tests.test_constants_of_network import eagerly
from reference_torch import loss
from tf_ssd.data.batches.generator import Batch
from tf_ssd.loss import MultiboxLoss
from tf_ssd.model import SSD300
from tf_ssd.optimizer import Adam, CaffeSGD, Restarted, WarmupAndCosine, WarmupAndDrops, WeightAverage, clip_by_global_norm
from tf_ssd.train.trainer import scale, sums
from tf_ssd.train.trainer.checkpoints import Checkpoints
from tf_ssd.train.trainer.step import TrainingStep
from tf_ssd.train.trainer.trainer import Trainer

Options = dict[str, Any]
NOWHERE = Path("nowhere")  # where nothing is saved


# Optimizer, rates, averages, clipping


@pytest.mark.parametrize(
    "options",
    [{}, {"learning_rate": 0.25}, {"momentum": 0.5}, {"decay": 0.125}, {"rates": {"layer": 0.25, "other": 2.0}}],
    ids=" ".join,
)
@pins("optimizer.caffe.CaffeSGD", "learning_rate", "momentum", "decay", "rates")
@pins("optimizer.caffe", "BIAS_RATE")
def test_optimizer(options: Options) -> None:
    """Three steps at one rate, at which torch's momentum is Caffe's: a kernel, and a bias at twice the rate and without decay.

    The weights are so large that the decay counts; Keras holds the rate in float32.
    """
    settings = {"learning_rate": 1e-3, "momentum": 0.9, "decay": 5e-4, **options}
    variables = weights_of_a_layer()
    tensors = [torch.tensor(1000.0, dtype=torch.float64, requires_grad=True) for _ in variables]
    rate, decay = float(np.float32(settings["learning_rate"])), settings["decay"]
    rate *= options.get("rates", {}).get("layer", 1)
    groups = [{"params": [tensors[0]], "lr": rate, "weight_decay": decay}, {"params": [tensors[1]], "lr": 2 * rate}]
    theirs, ours = torch.optim.SGD(groups, momentum=settings["momentum"]), CaffeSGD(**options)
    for slope in (1.0, 2.0, -3.0):
        ours.apply([tf.constant(slope, tf.float64)] * 2, variables)
        for tensor in tensors:
            tensor.grad = torch.tensor(slope, dtype=torch.float64)
        theirs.step()
    moved = [
        [float(weight.numpy()) - 1000 for weight in weights] for weights in (variables, [tensor.detach() for tensor in tensors])
    ]
    np.testing.assert_allclose(*moved, rtol=1e-9)


def weights_of_a_layer() -> list[keras.Variable]:
    with keras.name_scope("layer"):
        return [keras.Variable(1000.0, dtype="float64", name=kind) for kind in ("kernel", "bias")]


@pytest.mark.parametrize("options", [{}, {"learning_rate": 0.25}, {"rates": {"layer": 0.25, "other": 2.0}}], ids=" ".join)
@pins("optimizer.rates.Adam", "learning_rate", "rates")
def test_adam(options: Options) -> None:
    """Three steps at one rate. Without an epsilon, as torch adds it after another correction; Keras takes 0.999 in float32."""
    rate = float(np.float32(options.get("learning_rate", 1e-3)))
    factor = options.get("rates", {}).get("layer", 1)
    variables, alone = weights_of_a_layer(), keras.Variable(1000.0, dtype="float64", name="kernel")
    tensors = [torch.tensor(1000.0, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    groups = [{"params": tensors[:2], "lr": rate * factor}, {"params": tensors[2:], "lr": rate}]
    theirs, ours = torch.optim.Adam(groups, eps=0.0), Adam(**options, epsilon=0.0)
    for slope in (1.0, 2.0, -3.0):
        ours.apply([tf.constant(slope, tf.float64)] * 3, [*variables, alone])
        for tensor in tensors:
            tensor.grad = torch.tensor(slope, dtype=torch.float64)
        theirs.step()
    moved = [float(weight.numpy()) - 1000 for weight in (*variables, alone)]
    np.testing.assert_allclose(moved, [tensor.item() - 1000 for tensor in tensors], rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rate": 0.5},
        {"drops": (7, 11)},
        {"factor": 0.25},
        {"warmup": 0},
        {"warmup": 4},
        {"rate": 0.5, "drops": (2,), "warmup": 1},
    ],
    ids=str,
)
@pins("optimizer.schedules.WarmupAndDrops", "rate", "drops", "factor", "warmup")
def test_drops(options: Options) -> None:
    """Caffe's recipe for VOC by default: 1e-3 from step 500 on, a tenth of it from step 80 000 and from 100 000 on."""
    rate, drops, factor, warmup = {"rate": 1e-3, "drops": (80_000, 100_000), "factor": 0.1, "warmup": 500, **options}.values()
    schedule = WarmupAndDrops(**options)
    edges = [edge + near for edge in (0, warmup, *drops, 10**6) for near in (-2, -1, 0, 1) if edge + near >= 0]
    for step in edges:
        warm = min(1, (step + 1) / warmup) if warmup else 1
        expected = rate * warm * factor ** sum(step >= drop for drop in drops)
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-14)


@pins("optimizer.schedules.Restarted", "restarts")
def test_restarts() -> None:
    """Torch's cosine of four steps, again and again."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=4)
    schedule = Restarted([WarmupAndCosine(0.3, steps=4)] * 3, restarts=(4, 8))
    for step in range(12):
        assert float(schedule(step)) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("options", [{"steps": 20}, {"steps": 20, "warmup": 5}, {"steps": 31, "warmup": 5}], ids=str)
@pins("optimizer.schedules.WarmupAndCosine", "steps", "warmup")
def test_cosine(options: Options) -> None:
    """Torch's in closed form, once the warm-up is over, and 0 after the last step."""
    warmup, steps = options.get("warmup", 0), options["steps"]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - warmup)
    schedule = WarmupAndCosine(0.3, **options)
    for step in range(steps):
        cosine.last_epoch = max(0, step - warmup)
        expected = cosine._get_closed_form_lr()[0] * (min(1, (step + 1) / warmup) if warmup else 1)
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-13)
    assert float(schedule(steps)) == float(schedule(steps + 1)) == pytest.approx(0, abs=1e-16)


@DTYPES
@pytest.mark.parametrize("options", [{}, {"decay": 0.5}, {"decay": 0.0}], ids=str)
@pins("optimizer.average.WeightAverage", "decay")
def test_average(dtype: type, options: Options) -> None:
    """D = min(decay, (1 + t) / (10 + t)): early, where the two cross, and late."""
    decay = options.get("decay", 0.9998)
    crossing = math.ceil((10 * decay - 1) / (1 - decay))  # (1 + t) / (10 + t) >= decay
    for t in (0, 1, max(0, crossing - 1), max(0, crossing), 10**9):
        variable = keras.Variable([2.0], dtype=np.dtype(dtype).name)
        average = WeightAverage([variable], **options)
        average.updates.assign(t)
        variable.assign([1.0])
        average.update([variable])
        d = min(decay, (1 + t) / (10 + t))
        np.testing.assert_allclose(average.averages[0], [2 * d + (1 - d)], rtol=4 * np.finfo(dtype).eps)
        assert int(average.updates) == t + 1


@DTYPES
def test_clipping_begins_above_the_limit(dtype: type) -> None:
    """A length of 5 under limits of just more, of 5 and of just less; torch agrees where it clips."""
    gradients = [np.array([3.0], dtype), np.array([[0.0, -4.0]], dtype)]
    for limit, clips in ((5.001, False), (5.0, False), (4.999, True)):
        clipped, norm = clip_by_global_norm([tf.constant(gradient) for gradient in gradients], limit)
        assert norm == 5
        for actual, gradient in zip(clipped, gradients, strict=True):
            np.testing.assert_allclose(
                actual, gradient * limit / 5 if clips else gradient, rtol=4 * np.finfo(dtype).eps if clips else 0
            )


# Loss scale


@pins("train.trainer.scale", "START", "SMALLEST", "PATIENCE")
def test_loss_scale() -> None:
    """From 2^15; halved by an overflow, to no less than 1; doubled by the 2000th good step in a row, as by torch's GradScaler."""
    ours = scale.LossScale()
    assert ours.value == 2**15
    theirs = torch.amp.GradScaler("cpu", init_scale=2.0**15)
    assert theirs.get_growth_interval() == 2000
    good_steps, factor = ours.variables
    for before, after in ((1998, 2**15), (1999, 2**16)):
        factor.assign(2**15)
        good_steps.assign(before)
        ours.update(overflow=False)
        assert ours.value == after
    assert int(good_steps) == 0
    for start, after, falls in ((4, 2, True), (2, 1, False), (1, 1, False)):
        factor.assign(start)
        ours.update(overflow=True)
        assert (ours.value, ours.can_fall) == (after, falls)


# Sums of a step


@pytest.mark.parametrize("options", [{}, {"normalizer": "image"}], ids=str)
@pytest.mark.parametrize("positives", [0, 1, 3])
@pytest.mark.parametrize("images", [1, 2])
@pins("train.trainer.sums.step_sums", "images", "normalizer")
def test_sums(options: Options, positives: int, images: int) -> None:
    """Losses and gradients times what they were divided by: the positives, at least 1, or the images."""
    losses = MultiboxLoss(*map(tf.constant, (2.0, 3.0, 5.0)), tf.constant(positives))
    n = images if options else positives
    undivided = sums.step_sums(losses, [tf.constant([7.0])], images=images, **options)
    assert int(undivided.n) == n
    assert [float(part) for part in undivided.losses] == [2 * max(1, n), 3 * max(1, n), 5 * max(1, n), positives]
    assert float(undivided.gradients[0][0]) == 7 * max(1, n)
    again, gradients = sums.divided(undivided)
    assert [float(part) for part in again] == [2, 3, 5, positives]
    assert float(gradients[0][0]) == 7


# Training step


def batch() -> Batch:
    """An image of four objects and one of none, at which each option of matching and loss counts."""
    boxes = random_boxes(3, IMAGES, ROWS, smallest=0.3).astype(np.float32)
    labels = np.array([[1, 2, 3, 1], [0, 0, 0, 0]], np.int32)
    none = np.zeros(labels.shape, bool)
    arrays = (pictures().astype(np.float32), boxes, labels, none, none, np.arange(IMAGES))
    return Batch(*map(tf.constant, arrays))


def reference_step(model: SSD300) -> tuple[loss.MultiboxLoss, list[np.ndarray]]:
    """Losses of the batch and their gradients, one for each weight, with the settings of the model."""
    weights = reference_weights(model)
    predicted = predictions(model, batch().images.numpy(), weights)
    truth = batch().boxes.numpy(), batch().labels.numpy()
    losses = loss.multibox_loss(predicted["offsets"], predicted["logits"], *reference_targets(*truth), **LOSS, scores=SCORES)
    return losses, [gradient.numpy() for gradient in torch.autograd.grad(losses.total, weights)]


def clipped(gradients: list[np.ndarray], limit: float | None) -> list[np.ndarray]:
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    return [gradient * (limit / norm if limit else 1) for gradient in gradients]


def counting_images(model: SSD300) -> list[int]:
    """How many images the model computes the loss of at a time, to be filled in as it does."""
    counted, original = [], model.multibox_sums

    def count(gt_boxes: tf.Tensor, *rest: Any) -> Any:
        counted.append(len(gt_boxes))
        return original(gt_boxes, *rest)

    object.__setattr__(model, "multibox_sums", count)
    return counted


def assert_close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=1e-6)


def step_options() -> Iterator[Options]:
    yield from ({}, {"micro_batches": 2, "clip_norm": 0.5})


@pins("train.trainer.step.TrainingStep", "micro_batches", "clip_norm", "average")
@pins("train.trainer.step.TrainingStep")
def test_training_step() -> None:
    """Losses, gradients and the update of plain descent, in one part or in two, clipped or not, with an average or without."""
    expected_losses, expected = reference_step(shallow_network())
    for options in step_options():
        model = shallow_network()
        parts, average = counting_images(model), WeightAverage(model.trainable_variables, decay=0.5)
        before = [variable.numpy() for variable in model.trainable_variables]
        with eagerly():
            step = TrainingStep(model, keras.optimizers.SGD(1.0), average=average, **options)
            outcome = step.outcome(batch())
            step.update(outcome)
        assert parts == [IMAGES // options.get("micro_batches", 1)] * options.get("micro_batches", 1)
        assert_close(outcome.losses, [float(part.detach()) for part in expected_losses])
        moves = clipped(expected, options.get("clip_norm"))
        for variable, gradient, move, start, moved in zip(
            model.trainable_variables, outcome.gradients, moves, before, average.averages, strict=True
        ):
            assert_close(gradient, move)
            assert_close(variable, start - move)
            assert_close(moved, start - 0.9 * move)  # at its first update an average keeps a tenth


@pins("train.trainer.trainer.Trainer", "average", "scale", "micro_batches", "clip_norm")
@pins("train.trainer.trainer.Trainer")
def test_trainer() -> None:
    """A step of the trainer is one of its training step with the same options; a scale counts the steps that went well."""
    _, expected = reference_step(shallow_network())
    for options in step_options():
        model = shallow_network()
        parts, average, loss_scale = counting_images(model), WeightAverage(model.trainable_variables), scale.LossScale()
        before = [variable.numpy() for variable in model.trainable_variables]
        with eagerly():
            extras = {"average": average, "scale": loss_scale, **options}
            trainer = Trainer(model, keras.optimizers.SGD(1.0), Checkpoints(NOWHERE), **extras)
            (result,) = trainer.train([batch()])
        assert len(parts) == options.get("micro_batches", 1)
        assert_close(result.gradient_norm, np.sqrt(sum((gradient**2).sum() for gradient in expected)))
        for variable, move, start in zip(
            model.trainable_variables, clipped(expected, options.get("clip_norm")), before, strict=True
        ):
            assert_close(variable, start - move)
        assert int(average.updates) == 1
        assert int(loss_scale.variables[0]) == 1
