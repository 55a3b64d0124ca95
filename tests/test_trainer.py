import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import ModelConfig, TrainConfig
from tf_ssd.data.generator import Batch
from tf_ssd.errors import TrainingError
from tf_ssd.model import ssd300
from tf_ssd.trainer import History, StepResult, Trainer, adam

SMALL = ModelConfig(num_classes=3, width=0.0625)


def batch(*, seed=0, spoiled=False):
    images = np.random.default_rng(seed).uniform(0, 255, (2, 300, 300, 3)).astype(np.float32)
    if spoiled:
        images[1, 0, 0, 0] = np.nan
    boxes = np.zeros((2, 8, 4), np.float32)
    boxes[0, 0], labels = (0.1, 0.1, 0.6, 0.7), np.zeros((2, 8), np.int32)
    labels[0, 0] = 1
    return Batch(*map(tf.constant, (images, boxes, labels, labels > 5, np.array([11, 12]))))


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    keras.utils.set_random_seed(0)
    model = ssd300(SMALL)
    return Trainer(model, adam(TrainConfig(steps=10, learning_rate=1e-3)), tmp_path_factory.mktemp("run") / "checkpoints")


def test_learning_rate_warms_up_and_follows_a_cosine():
    rate = adam(TrainConfig(steps=100, learning_rate=1.0)).learning_rate
    schedule = adam(TrainConfig(steps=100, learning_rate=1.0))._learning_rate
    assert float(rate) == 0
    assert float(schedule(5)) == pytest.approx(0.5)
    assert float(schedule(10)) == pytest.approx(1)
    assert float(schedule(55)) == pytest.approx(0.5)
    assert float(schedule(100)) == pytest.approx(0, abs=1e-6)


def test_a_single_step_can_be_trained():
    assert float(adam(TrainConfig(steps=1, learning_rate=0.5)).learning_rate) == pytest.approx(0.5)


def test_steps_reduce_the_loss_and_equal_what_fit_would_compute(trainer):
    example = batch()
    predictions = trainer.model(example.images, training=True)
    expected = trainer.model.multibox_loss(example.boxes, example.labels, predictions)
    results = list(trainer.train(iter([example] * 8)))
    assert [result.step for result in results] == list(range(1, 9))
    assert results[0].total == pytest.approx(float(expected.total), rel=1e-4)
    assert results[0].total == pytest.approx(results[0].localization + results[0].confidence, rel=1e-5)
    assert results[0].num_positives == int(expected.num_positives)
    assert results[0].learning_rate == 0
    assert results[-1].total < results[0].total


def test_a_loss_that_is_not_finite_stops_before_it_spoils_the_weights(trainer):
    before = [weight.numpy() for weight in trainer.model.weights]
    with pytest.raises(TrainingError, match=r"step 9: the loss is nan.*records \[11, 12\]"):
        list(trainer.train(iter([batch(spoiled=True)])))
    for weight, expected in zip(trainer.model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_checkpoint_restores_model_and_optimizer(trainer, tmp_path):
    path = trainer.save()
    model = ssd300(SMALL)
    optimizer = adam(TrainConfig(steps=10, learning_rate=1e-3))
    optimizer.build(model.trainable_variables)
    tf.train.Checkpoint(model=model, optimizer=optimizer).restore(path).assert_consumed()
    for restored, expected in zip(model.weights, trainer.model.weights, strict=True):
        np.testing.assert_array_equal(restored, expected)
    assert int(optimizer.iterations) == int(trainer.optimizer.iterations) == 8


def test_history_is_complete_at_every_moment(tmp_path):
    history = History(tmp_path / "loss.csv")
    history.append(StepResult(1, 0.1, 3.0, 1.0, 2.0, 5))
    rows = list(csv.DictReader((tmp_path / "loss.csv").read_text().splitlines()))
    assert rows == [
        {"step": "1", "learning_rate": "0.1", "total": "3.0", "localization": "1.0", "confidence": "2.0", "num_positives": "5"}
    ]
    history.close()
    with pytest.raises(FileExistsError):
        History(tmp_path / "loss.csv")
