import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.data.generator import Batch
from tf_ssd.model import ssd300
from tf_ssd.optimizer import WarmupAndCosine
from tf_ssd.trainer import NotFiniteError, Trainer
from tf_ssd.trainer.checkpoints import Checkpoints

SMALL = ModelConfig(num_classes=3, width=0.0625)


def batch(*, seed=0, spoiled=False):
    images = np.random.default_rng(seed).uniform(0, 255, (2, 300, 300, 3)).astype(np.float32)
    if spoiled:
        images[1, 0, 0, 0] = np.nan
    boxes = np.zeros((2, 8, 4), np.float32)
    boxes[0, 0], labels = (0.1, 0.1, 0.6, 0.7), np.zeros((2, 8), np.int32)
    labels[0, 0] = 1
    return Batch(*map(tf.constant, (images, boxes, labels, labels > 5, labels > 5, np.array([11, 12]))))


def new_trainer(folder, **options) -> Trainer:
    keras.utils.set_random_seed(0)
    optimizer = keras.optimizers.Adam(WarmupAndCosine(1e-3, steps=10, warmup=1))
    return Trainer(ssd300(SMALL), optimizer, Checkpoints(folder), **options)


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    return new_trainer(tmp_path_factory.mktemp("run"))


def test_steps_reduce_the_loss_and_equal_what_fit_would_compute(trainer):
    example = batch()
    predictions = trainer.model(example.images, training=True)
    expected = trainer.model.multibox_loss(example.boxes, example.labels, predictions)
    results = list(trainer.train(iter([example] * 8)))
    assert [result.step for result in results] == list(range(1, 9))
    assert results[0].total == pytest.approx(float(expected.total), rel=1e-4)
    assert results[0].total == pytest.approx(results[0].localization + results[0].confidence, rel=1e-5)
    assert results[0].num_positives == int(expected.num_positives)
    assert results[0].learning_rate == pytest.approx(1e-3)
    assert results[-1].total < results[0].total


def test_a_loss_that_is_not_finite_changes_nothing(trainer):
    before = [weight.numpy() for weight in (*trainer.model.weights, *trainer.optimizer.variables)]
    with pytest.raises(NotFiniteError, match="step 9: the loss is nan") as caught:
        list(trainer.train(iter([batch(spoiled=True)])))
    assert caught.value.batch.index.numpy().tolist() == [11, 12]
    for weight, expected in zip((*trainer.model.weights, *trainer.optimizer.variables), before, strict=True):
        np.testing.assert_array_equal(weight, expected)
