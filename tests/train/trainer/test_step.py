import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.data.batches.generator import Batch
from tf_ssd.model import ssd300
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.train.trainer.step import TrainingStep

BOXES = [[(0.1, 0.1, 0.6, 0.7)], [], [(0.3, 0.2, 0.9, 0.9), (0.0, 0.5, 0.2, 0.8)], [(0.4, 0.4, 0.6, 0.6)]]


def batch():
    """Four images: one without labels, one with two."""
    images = np.random.default_rng(0).uniform(0, 255, (4, 300, 300, 3)).astype(np.float32)
    boxes, labels = np.zeros((4, 8, 4), np.float32), np.zeros((4, 8), np.int32)
    for image, rows in enumerate(BOXES):
        for row, box in enumerate(rows):
            boxes[image, row], labels[image, row] = box, 1 + row
    return Batch(*map(tf.constant, (images, boxes, labels, labels > 5, labels > 5, np.arange(4))))


def step(**options):
    keras.utils.set_random_seed(0)
    model = ssd300(ModelConfig(num_classes=3, width=0.0625))
    return model, TrainingStep(model, CaffeSGD(1e-3), **options)


@pytest.fixture(scope="module")
def plain():
    return step()


@pytest.fixture(scope="module")
def whole(plain):
    return plain[1].outcome(batch())


@pytest.fixture(scope="module")
def in_parts():
    """One image after another, with a limit on the norm of the gradient of all."""
    return step(micro_batches=4, clip_norm=1.0)[1].outcome(batch())


def test_it_is_the_loss_of_the_model_and_its_gradient(plain, whole):
    model, _ = plain
    example = batch()
    with tf.GradientTape() as tape:
        losses = model.multibox_loss(example.boxes, example.labels, model(example.images, training=True))
    expected = tape.gradient(losses.total, model.trainable_variables)
    np.testing.assert_allclose(whole.losses, losses, rtol=1e-5)
    np.testing.assert_allclose(whole.gradient_norm, tf.linalg.global_norm(expected), rtol=1e-4)
    for ours, theirs in zip(whole.gradients, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())


def test_three_mined_negatives_for_each_positive(whole):
    assert int(whole.num_negatives) == 3 * int(whole.losses.num_positives) > 0


def test_micro_batches_change_nothing(whole, in_parts):
    assert int(in_parts.losses.num_positives) == int(whole.losses.num_positives)
    assert int(in_parts.num_negatives) == int(whole.num_negatives)
    np.testing.assert_allclose(in_parts.losses.total, whole.losses.total, rtol=1e-5)


def test_the_norm_is_that_before_clipping(whole, in_parts):
    np.testing.assert_allclose(in_parts.gradient_norm, whole.gradient_norm, rtol=1e-4)
    np.testing.assert_allclose(tf.linalg.global_norm(in_parts.gradients), 1, rtol=1e-5)


def test_a_loss_scale_changes_nothing_in_float32(plain, whole):
    scaled = plain[1].outcome(batch(), scale=1024.0)
    np.testing.assert_allclose(scaled.losses.total, whole.losses.total, rtol=1e-6)
    np.testing.assert_allclose(scaled.gradient_norm, whole.gradient_norm, rtol=1e-5)


@pytest.mark.parametrize("layer", ["conv1_1", "conv1_2", "logits_5"])
def test_a_weight_that_is_nan_shows_in_the_loss_wherever_it_is(plain, layer):
    """One that a fused ReLU makes 0, and one that meets nothing but padding."""
    model, training_step = plain
    kernel = model.get_layer(layer).kernel
    before = kernel.numpy()
    kernel.assign(tf.tensor_scatter_nd_update(kernel, [[0, 0, 0, 0]], [np.nan]))
    losses = training_step.outcome(batch()).losses
    kernel.assign(before)
    assert np.isnan(losses.total)
