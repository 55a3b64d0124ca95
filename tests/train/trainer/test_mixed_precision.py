"""The pieces of a training step with Keras' policies for half precision, and loss scaling for float16."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.network import dtype_policy
from tf_ssd.config import ModelConfig
from tf_ssd.model import ssd300
from tf_ssd.optimizer import CaffeSGD, WeightAverage, clip_by_global_norm
from tf_ssd.train.trainer.scale import LossScale

NARROW = ModelConfig(num_classes=4, width=1 / 32, batch_norm=True)  # CPUs take long for float16
BOXES = [[[0.1, 0.1, 0.6, 0.7], [0.3, 0.5, 0.5, 0.8], [0, 0, 0, 0]]]
LABELS = [[1, 2, 0]]
STEPS = 6


class Run:
    """A small network, its optimizer and its steps."""

    def __init__(self, policy):
        keras.utils.set_random_seed(0)
        with dtype_policy(policy):
            self.model = ssd300(NARROW)
        self.optimizer = CaffeSGD(1e-3)
        self.optimizer.build(self.model.trainable_variables)
        self.average = WeightAverage(self.model.trainable_variables)
        self.outcome = tf.function(self.outcome, autograph=False)

    def outcome(self, images, scale):
        with tf.GradientTape() as tape:
            predictions = self.model(images, training=True)
            losses = self.model.multibox_loss(tf.constant(BOXES), tf.constant(LABELS), predictions)
            scaled = losses.total * scale
        gradients = [gradient / scale for gradient in tape.gradient(scaled, self.model.trainable_variables)]
        return predictions, losses, *clip_by_global_norm(gradients, 10.0)

    def losses(self, steps, scale=None):
        """Of two images in turn."""
        for step in range(steps):
            images = tf.constant(np.random.default_rng(step % 2).uniform(0, 255, (1, 300, 300, 3)), tf.float32)
            _, losses, gradients, norm = self.outcome(images, tf.constant(scale.value if scale else 1024.0))
            overflow = not tf.math.is_finite(norm)
            if not overflow:
                self.optimizer.apply(gradients)
                self.average.update(self.model.trainable_variables)
            if scale:
                scale.update(overflow=overflow)
            yield float(losses.total)


@pytest.fixture(scope="module")
def full():
    return list(Run("float32").losses(STEPS))


@pytest.fixture(scope="module", params=["mixed_bfloat16", "mixed_float16"])
def half(request):
    """A run that has made its steps."""
    run = Run(request.param)
    run.start = run.model.get_weights()
    run.history = list(run.losses(STEPS))
    return run


def test_steps_stay_close_to_those_in_float32(half, full):
    assert full[-1] < 0.95 * full[0]
    np.testing.assert_allclose(half.history, full, rtol=0.03)


def test_the_network_computes_in_half_precision_and_the_loss_in_float32(half):
    assert half.model.get_layer("fc7").compute_dtype in ("float16", "bfloat16")
    predictions, losses, gradients, norm = half.outcome(tf.zeros([1, 300, 300, 3]), tf.constant(1.0))
    assert {tensor.dtype for tensor in (*predictions.values(), *losses[:3], *gradients, norm)} == {tf.float32}


def test_weights_optimizer_and_average_stay_float32(half):
    adam = keras.optimizers.Adam()
    adam.build(half.model.trainable_variables)
    kept = [*half.model.weights, *half.optimizer.variables, *adam.variables, *half.average.variables]
    assert {variable.dtype for variable in kept} == {"float32", "int64"}  # the latter count steps


@pytest.mark.parametrize("half", ["mixed_float16"], indirect=True)
def test_an_overflow_skips_the_step_and_halves_the_scale_until_training_goes_on(half):
    half.model.set_weights(half.start)  # where the gradients are largest
    scale, made = LossScale(), int(half.optimizer.iterations)
    start = scale.value
    kept = [*half.model.trainable_variables, *half.average.variables]
    before = [variable.numpy() for variable in kept]
    [first] = half.losses(1, scale)
    assert scale.value == start / 2
    assert int(half.optimizer.iterations) == made
    for variable, expected in zip(kept, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), expected)
    *_, last = half.losses(STEPS - 1, scale)
    more = int(half.optimizer.iterations) - made
    assert 1 < more < STEPS
    assert int(half.average.updates) == made + more
    assert scale.value == start / 2 ** (STEPS - more)
    assert last < first
