"""Micro-batches of a step against the whole batch at once, through the whole network: tf_ssd's own and that of reference_torch."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.network import photos, production_network, reference_network, variables_of
from parity_tests.strategies import random_boxes
from parity_tests.test_training import NETWORK, reference_loss
from tf_ssd import loss
from tf_ssd.loss import MultiboxLoss
from tf_ssd.model import SSD300
from tf_ssd.train.trainer.sums import StepSums, accumulate, divided, step_sums

IMAGES, ROWS = 4, 8
RELATIVE = 1e-12
Step = tuple[MultiboxLoss, dict[str, np.ndarray]]


class Batch(NamedTuple):
    """Images and ground truth."""

    images: tf.Tensor
    boxes: tf.Tensor
    labels: tf.Tensor


def whole_batch() -> Batch:
    """In float64: two crowded images, one with a single object and one without labels."""
    boxes = random_boxes(0, IMAGES, ROWS, smallest=0.1)
    labels = np.random.default_rng(0).integers(1, NETWORK.num_classes, (IMAGES, ROWS)).astype(np.int32)
    labels[2, 1:] = labels[3] = 0
    return Batch(*map(tf.constant, (photos(0, IMAGES), boxes, labels)))


def part_of_a_step(model: SSD300, batch: Batch) -> StepSums:
    """The network on one micro-batch."""
    with tf.GradientTape() as tape:
        losses = model.multibox_loss(batch.boxes, batch.labels, model(batch.images, training=True))
    gradients = tape.gradient(losses.total, model.trainable_variables)
    normalizer = model.config.loss.normalizer
    return step_sums(losses, gradients, images=batch.images.shape[0], normalizer=normalizer)


def step(micro_batches: list[Batch], *, as_graph: bool = False) -> Step:
    """Losses and gradients by the names of variables."""
    model = production_network(reference_network(NETWORK), NETWORK)
    compiled = partial(tf.function, autograph=False) if as_graph else lambda function: function
    part = compiled(lambda batch: part_of_a_step(model, batch))
    losses, gradients = compiled(lambda batches: divided(accumulate(part, batches)))(micro_batches)
    names = [variable.path for variable in model.trainable_variables]
    return losses, {name: gradient.numpy() for name, gradient in zip(names, gradients, strict=True)}


def split(batch: Batch, size: int) -> list[Batch]:
    return [Batch(*(part[first : first + size] for part in batch)) for first in range(0, IMAGES, size)]


def assert_together(actual: Step, expected: Step) -> None:
    np.testing.assert_allclose([float(part) for part in actual[0]], [float(part) for part in expected[0]], rtol=RELATIVE)
    for name, gradient in expected[1].items():
        assert np.abs(actual[1][name] - gradient).max() <= RELATIVE * np.abs(gradient).max(), name


@pytest.fixture(scope="module")
def at_once() -> Step:
    return step([whole_batch()])


@pytest.mark.parametrize(("size", "as_graph"), [(1, False), (2, True)])
def test_micro_batches_are_the_whole_batch(size: int, as_graph: bool, at_once: Step) -> None:
    """Images one by one, the last of which has no positives, and in pairs, of which the second has few."""
    assert_together(step(split(whole_batch(), size), as_graph=as_graph), at_once)


def test_the_whole_batch_is_that_of_the_reference(at_once: Step) -> None:
    network = reference_network(NETWORK)
    total = reference_loss(network, whole_batch())
    total.backward()
    for parameter in network.parameters():
        parameter.data = parameter.grad
    assert_together((at_once[0][:1], at_once[1]), ([total.detach()], variables_of(network)))


def test_images_that_count_alike_do_so_in_micro_batches() -> None:
    """normalizer="image", from losses of drawn predictions: the network adds nothing to this."""
    rng = np.random.default_rng(0)
    inputs: list[Any] = [rng.normal(size=(IMAGES, 20, 4)), rng.normal(size=(IMAGES, 20, 3)), rng.normal(size=(IMAGES, 20, 4))]
    inputs.append(rng.integers(0, 3, (IMAGES, 20)))
    expected = loss.multibox_loss(*map(tf.constant, inputs), normalizer="image")

    def part(first: int) -> StepSums:
        losses = loss.multibox_loss(*(tf.constant(array[first : first + 2]) for array in inputs), normalizer="image")
        return step_sums(losses, [], images=2, normalizer="image")

    np.testing.assert_allclose(divided(accumulate(part, [0, 2]))[0], expected, rtol=RELATIVE)
