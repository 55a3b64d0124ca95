"""Whole training runs: the same start and the same batches end in the same weights, in tf_ssd and with torch.optim."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import torch

import reference_torch.model
from parity_tests.network import channels_first, photos, production_network, reference_network, variables_of
from parity_tests.strategies import random_boxes
from reference_torch import loss, matcher
from tf_ssd.config import ModelConfig
from tf_ssd.data.batches.generator import Batch
from tf_ssd.default_boxes import default_boxes
from tf_ssd.model import SSD300
from tf_ssd.network.kernels import winograd
from tf_ssd.optimizer import CaffeSGD, WarmupAndDrops
from tf_ssd.train.trainer.checkpoints import Checkpoints
from tf_ssd.train.trainer.trainer import Trainer

NETWORK = ModelConfig(num_classes=4, width=1 / 32)
STEPS, BATCH, ROWS = 5, 2, 8
RATE, MOMENTUM, DECAY = 2e-4, 0.9, 5e-2  # a decay that would show if it were applied wrongly
WARMUP, DROP = 2, 3
RELATIVE = 1e-13  # 1e-15 seen
# From which on layers use Winograd's algorithm: as by default none so narrow, and those of 512 channels at full width.
CHANNELS = (winograd.CHANNELS, int(512 * NETWORK.width))


class Run(NamedTuple):
    """Losses of every step and the weights at the end, by tf_ssd's names: kernels (height, width, in, out)."""

    losses: np.ndarray
    weights: dict[str, np.ndarray]


def batches() -> Iterator[Batch]:
    """STEPS batches in float64; in each, one image has no labels and the other up to ROWS objects."""
    for step in range(STEPS):
        rng = np.random.default_rng(step)
        boxes = random_boxes(step, BATCH, ROWS, smallest=0.1)
        labels = rng.integers(0, NETWORK.num_classes, (BATCH, ROWS)).astype(np.int32)
        labels[step % BATCH] = 0
        none = labels > NETWORK.num_classes
        arrays = (photos(step, BATCH), boxes, labels, none, none, np.arange(BATCH))
        yield Batch(*map(tf.constant, arrays))


def expected_rate(step: int) -> float:
    """The rate of each step (from 0), by hand: two steps up, one level, then a tenth."""
    return RATE * min(1, (step + 1) / WARMUP) * (1 if step < DROP else 0.1)


def reference_run() -> Run:
    """reference_torch and torch.optim.SGD, which needs help at one point: its momentum buffer leaves the rate out.

    Caffe's velocity is -rate * buffer. For it to stay as it is when the rate changes, the buffer must grow by old / new.
    """
    network = reference_network(NETWORK)
    optimizer = torch.optim.SGD(parameter_groups(network), lr=RATE, momentum=MOMENTUM)
    losses, before = [], expected_rate(0)
    for step, batch in enumerate(batches()):
        rate = expected_rate(step)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["multiplier"]
        for state in optimizer.state.values():
            state["momentum_buffer"] *= before / rate
        before = rate
        total = reference_loss(network, batch)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(float(total.detach()))
    return Run(np.array(losses), variables_of(network))


def parameter_groups(network: torch.nn.Module) -> list[dict[str, object]]:
    """Kernels decay, biases learn twice as fast, the scales of conv4_3 do neither."""
    groups = {"weight": {"weight_decay": DECAY, "multiplier": 1}, "bias": {"multiplier": 2}, "scale": {"multiplier": 1}}
    chosen = {kind: [p for name, p in network.named_parameters() if name.split(".")[-1] == kind] for kind in groups}
    assert sum(map(len, chosen.values())) == len(list(network.parameters()))
    return [{"params": chosen[kind], **settings} for kind, settings in groups.items()]


def reference_loss(network: reference_torch.model.SSD, batch: Batch) -> torch.Tensor:
    """The MultiBox loss of a batch, image by image up to the loss itself."""
    predictions = network(channels_first(batch.images.numpy()))
    # The same to the last bit: two boxes placed evenly about an object overlap it equally, and the last bit decides between them.
    defaults = torch.from_numpy(default_boxes(NETWORK.boxes, dtype="float64").numpy())
    truth = zip(*(torch.from_numpy(part.numpy()) for part in (batch.boxes, batch.labels)), strict=True)
    targets = [matcher.targets(*image, defaults) for image in truth]
    offsets, labels = (torch.stack(parts) for parts in zip(*targets, strict=True))
    return loss.multibox_loss(predictions["offsets"], predictions["logits"], offsets, labels).total


def production_run(model: SSD300, folder: Path) -> Run:
    """tf_ssd's own trainer and optimizer."""
    schedule = WarmupAndDrops(RATE, drops=(DROP,), warmup=WARMUP)
    trainer = Trainer(model, CaffeSGD(schedule, MOMENTUM, DECAY), Checkpoints(folder))
    results = list(trainer.train(batches()))
    np.testing.assert_allclose([result.learning_rate for result in results], [*map(expected_rate, range(STEPS))], rtol=1e-14)
    weights = {variable.path: variable.numpy() for variable in model.trainable_variables}
    return Run(np.array([result.total for result in results]), weights)


def largest_difference(actual: Run, expected: Run) -> float:
    """The largest relative difference of any loss, and of any tensor of weights relative to its largest weight."""
    assert actual.weights.keys() == expected.weights.keys()
    differences = [np.abs(actual.losses / expected.losses - 1).max()]
    for name, weights in expected.weights.items():
        differences.append(np.abs(actual.weights[name] - weights).max() / np.abs(weights).max())
    return float(np.max(differences))  # NaN, should there be one, wins


@pytest.fixture(scope="module")
def expected() -> Run:
    return reference_run()


@pytest.mark.parametrize("winograd_channels", CHANNELS)
def test_the_runs_stay_together(expected: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winograd_channels: int) -> None:
    monkeypatch.setattr(winograd, "CHANNELS", winograd_channels)
    actual = production_run(production_network(reference_network(NETWORK), NETWORK), tmp_path)
    assert largest_difference(actual, expected) < RELATIVE
