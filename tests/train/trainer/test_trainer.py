from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.small_network import SMALL
from tf_ssd.data.batches.generator import Batch
from tf_ssd.errors import TrainingError
from tf_ssd.model import ssd
from tf_ssd.optimizer import CaffeSGD, WarmupAndCosine, WeightAverage
from tf_ssd.train.trainer.checkpoints import Checkpoints
from tf_ssd.train.trainer.scale import LossScale
from tf_ssd.train.trainer.trainer import NotFiniteError, Trainer

NARROW = replace(SMALL, num_classes=3, width=0.0625, batch_norm=True)
pytestmark = pytest.mark.usefixtures("small_network")


def batch(*, seed=0, spoiled=False):
    images = np.random.default_rng(seed).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    if spoiled:
        images[1, 0, 0, 0] = np.nan
    boxes = np.zeros((2, 8, 4), np.float32)
    boxes[0, 0], labels = (0.1, 0.1, 0.6, 0.7), np.zeros((2, 8), np.int32)
    labels[0, 0] = 1
    return Batch(*map(tf.constant, (images, boxes, labels, labels > 5, labels > 5, np.array([11, 12]))))


def new_trainer(folder, *, seed) -> Trainer:
    """With everything that a run can have."""
    keras.utils.set_random_seed(seed)
    model = ssd(NARROW)
    average = WeightAverage(model.trainable_variables, decay=0.9)
    rate = WarmupAndCosine(1e-3, steps=10, warmup=2)
    return Trainer(model, CaffeSGD(rate), Checkpoints(folder), average=average, scale=LossScale())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def trainer(folder):
    return new_trainer(folder, seed=0)


def test_steps_reduce_the_loss_and_equal_what_fit_would_compute(trainer):
    example = batch()
    predictions = trainer.model(example.images, training=True)
    expected = trainer.model.multibox_loss(example.boxes, example.labels, predictions)
    results = list(trainer.train(iter([example] * 8)))
    assert [result.step for result in results] == list(range(1, 9))
    assert results[0].total == pytest.approx(float(expected.total), rel=1e-4)
    assert results[0].total == pytest.approx(results[0].localization + results[0].confidence, rel=1e-5)
    assert results[0].num_positives == int(expected.num_positives)
    assert [result.learning_rate for result in results[:2]] == pytest.approx([0.5e-3, 1e-3])
    assert results[-1].total < results[0].total


def test_nothing_moves_before_the_update_and_statistics_with_it(trainer):
    model, training_step = trainer.model, trainer._training_step
    before = model.get_weights()
    outcome = training_step.outcome(batch())
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    training_step.update(outcome)
    for variable, expected in zip(model.non_trainable_variables, outcome.statistics, strict=True):
        np.testing.assert_array_equal(variable, expected)
    moved = [not np.array_equal(weight, old) for weight, old in zip(model.get_weights(), before, strict=True)]
    assert np.mean(moved) > 0.9  # a filter whose outputs are all negative has no gradient


def test_a_loss_that_is_not_finite_changes_nothing(trainer):
    before = [weight.numpy() for weight in (*trainer.model.weights, *trainer.optimizer.variables)]
    with pytest.raises(NotFiniteError, match=f"step {trainer.step + 1}: the loss is nan") as caught:
        list(trainer.train(iter([batch(spoiled=True)])))
    assert caught.value.batch.index.numpy().tolist() == [11, 12]
    for weight, expected in zip((*trainer.model.weights, *trainer.optimizer.variables), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_what_is_restored_goes_on_as_if_nothing_had_happened(trainer, folder):
    examples = [batch(seed=seed) for seed in range(3)]
    list(trainer.train(iter(examples[:1])))
    trainer.save()
    step = trainer.step
    expected = list(trainer.train(iter(examples[1:])))
    again = new_trainer(folder, seed=1)  # what is not restored shows
    assert again.restore(pytest.fail)
    assert again.step == step
    assert list(again.train(iter(examples[1:]))) == expected
    states = trainer._state(), again._state()
    assert {name.partition("/")[0] for name in states[0]} == {"model", "optimizer", "average", "scale"}
    for name, value in states[0].items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(states[1][name]), err_msg=name)


def test_a_checkpoint_of_another_optimizer(trainer, tmp_path):
    Trainer(trainer.model, trainer.optimizer, Checkpoints(tmp_path)).save()
    with pytest.raises(TrainingError, match=r"step 0 is of another network or optimizer: \w+/\S+ is in one only"):
        Trainer(trainer.model, keras.optimizers.Adam(), Checkpoints(tmp_path)).restore(pytest.fail)


def test_no_checkpoint(tmp_path):
    assert not new_trainer(tmp_path, seed=0).restore(pytest.fail)


def test_a_request_to_stop_ends_before_the_next_step(trainer):
    step, requests = trainer.step, iter([False, True])
    results = list(trainer.train(iter([batch()] * 5), stop=lambda: next(requests)))
    assert [result.step for result in results] == [step + 1]
    assert trainer.step == step + 1


def test_with_a_loss_scale_an_overflow_is_a_step_that_is_not_made(trainer, monkeypatch):
    scale = LossScale()
    monkeypatch.setattr(trainer, "_scale", scale)
    outcome = trainer._training_step.outcome(batch())
    overflowed = outcome._replace(gradient_norm=tf.constant(np.inf))
    monkeypatch.setattr(trainer._training_step, "outcome", lambda *_, **__: overflowed)
    before, value = [weight.numpy() for weight in trainer.model.weights], scale.value
    (result,) = trainer.train(iter([batch()]))
    assert result.gradient_norm == np.inf
    assert scale.value == value / 2
    for weight, expected in zip(trainer.model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    for _ in range(20):
        scale.update(overflow=True)
    with pytest.raises(NotFiniteError, match="the norm of its gradient inf"):
        list(trainer.train(iter([batch()])))


def test_the_average_is_what_is_evaluated(trainer):
    trained = trainer.model.trainable_variables[0].numpy()
    with trainer.averaged() as model:
        np.testing.assert_array_equal(model.trainable_variables[0], trainer.average.averages[0])
        assert not np.array_equal(model.trainable_variables[0], trained)
    np.testing.assert_array_equal(trainer.model.trainable_variables[0], trained)
