from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import AUGMENTATIONS
from tf_ssd.data.batches.generator import Batch, TrainingBatches, evaluation_batches
from tf_ssd.data.batches.sequence import EvaluationSequence, TrainingSequence
from tf_ssd.data.subset import Subset
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ConfigError, DatasetError
from tf_ssd.matcher import IGNORED

STEPS = 3  # of an epoch


def source(dataset=None) -> TrainingBatches:
    dataset = dataset or SyntheticDataset(5, seed=0, image_size=32)
    return TrainingBatches(dataset, batch_size=2, image_size=32, seed=1, augment=AUGMENTATIONS["ssd"])


def sequence(*, max_boxes=8, **options) -> TrainingSequence:
    return TrainingSequence(source(), steps_per_epoch=STEPS, max_boxes=max_boxes, **options)


class Recorder(keras.Model):
    """Keeps what `fit` gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = []
        self.compile(run_eagerly=True)

    def train_step(self, data):
        images, truth = data
        self.seen.append((images.numpy(), truth["boxes"].numpy(), truth["labels"].numpy()))
        return {"loss": tf.constant(0.0)}

    def fit(self, items, **options) -> list[int]:
        """Returns the numbers of the batches that came."""
        self.seen.clear()
        super().fit(items, shuffle=False, verbose=0, **options)
        return [number_of(*columns) for columns in self.seen]


@cache
def training_batches() -> list[Batch]:
    """Of 5 epochs."""
    return list(source().batches(0, 5 * STEPS))


def number_of(images: np.ndarray, boxes: np.ndarray, labels: np.ndarray) -> int:
    """The number of a training batch with just these columns."""
    for number, batch in enumerate(training_batches()):
        if np.array_equal(images, batch.images) and np.array_equal(boxes, batch.boxes) and np.array_equal(labels, batch.labels):
            return number
    raise AssertionError("this is no batch of the training data")


@pytest.mark.parametrize("workers", [1, 4])
def test_fit_gets_the_training_batches_in_their_order(workers):
    assert Recorder().fit(sequence(workers=workers), epochs=2) == list(range(2 * STEPS))


@pytest.mark.parametrize("steps", [1, 2])
def test_what_keras_reads_before_the_first_epoch_ends_none(steps):
    """It takes two items for their shapes, and so the last one of so short an epoch."""
    items = TrainingSequence(source(), steps_per_epoch=steps, max_boxes=8)
    assert Recorder().fit(items, epochs=3) == list(range(3 * steps))


def test_fit_goes_on_from_the_epoch_it_is_told():
    assert Recorder().fit(sequence(first_epoch=2), initial_epoch=2, epochs=4) == list(range(2 * STEPS, 4 * STEPS))


def test_a_second_fit_goes_on_where_the_first_ended():
    items, model = sequence(), Recorder()
    assert model.fit(items, epochs=1) == list(range(STEPS))
    assert model.fit(items, epochs=1) == list(range(STEPS, 2 * STEPS))


class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = True


def test_an_epoch_that_was_not_completed_begins_anew():
    items, model = TrainingSequence(source(), steps_per_epoch=200, max_boxes=8), Recorder()
    assert model.fit(items, epochs=1, callbacks=[Stop()]) == [0]
    assert model.fit(items, epochs=1, callbacks=[Stop()]) == [0]


@pytest.mark.parametrize(("max_boxes", "rows"), [(5, 8), (8, 8), (9, 16), (42, 64)])
def test_all_items_have_the_same_shapes(max_boxes, rows):
    items = sequence(max_boxes=max_boxes)
    assert len(items) == STEPS
    for index in range(STEPS):
        images, truth = items[index]
        assert (images.shape, images.dtype) == ((2, 32, 32, 3), np.float32)
        assert (truth["boxes"].shape, truth["boxes"].dtype) == ((2, rows, 4), np.float32)
        assert (truth["labels"].shape, truth["labels"].dtype) == ((2, rows), np.int32)


def test_rows_beyond_those_of_the_batch_are_zeros():
    batch, (_, truth) = source().batch(1), sequence(max_boxes=20)[1]
    for name in ("boxes", "labels"):
        np.testing.assert_array_equal(truth[name][:, :8], getattr(batch, name))
        assert not truth[name][:, 8:].any()


class Crowded(SyntheticDataset):
    """Each image has 11 boxes in its middle."""

    def __getitem__(self, index):
        record = super().__getitem__(index)
        columns = {"boxes_px": np.tile([12.0, 12, 20, 20], (11, 1)), "labels": np.ones(11, np.int32)}
        return type(record)(record.id, record.image, **columns, difficult=np.zeros(11, bool))


def test_an_image_with_too_many_boxes_is_named():
    items = TrainingSequence(source(Crowded(1, seed=0, image_size=32)), steps_per_epoch=1, max_boxes=6)
    with pytest.raises(
        ConfigError, match=r"^record 0 has 11 rows of ground truth, but max_boxes=6 leaves room for 8; give a larger"
    ):
        items[0]


def test_the_largest_number_of_boxes_is_found():
    items = TrainingSequence(source(Crowded(1, seed=0, image_size=32)), steps_per_epoch=1)
    assert items[0][1]["labels"].shape == (2, 16)


class Marked(SyntheticDataset):
    """Of the three boxes of an image the second is difficult, the third a crowd."""

    def __getitem__(self, index):
        record = super().__getitem__(index)
        columns = {"boxes_px": np.tile([12.0, 12, 20, 20], (3, 1)), "labels": np.arange(1, 4, dtype=np.int32)}
        return type(record)(record.id, record.image, **columns, difficult=np.arange(3) == 1, crowd=np.arange(3) == 2)


@pytest.mark.parametrize(("difficult", "labels"), [("train", [1, 2, 0]), ("ignore", [1, IGNORED, IGNORED])])
def test_validation_sees_every_record_once_as_it_is(difficult, labels):
    items = EvaluationSequence(Marked(5, seed=0, image_size=48), batch_size=2, image_size=32, difficult=difficult)
    assert len(items) == 3
    batches = [items[index] for index in range(3)]
    assert [images.shape for images, _ in batches] == [(2, 32, 32, 3), (2, 32, 32, 3), (1, 32, 32, 3)]
    images = np.concatenate([images for images, _ in batches])
    expected = [batch.images for batch, _ in evaluation_batches(Marked(5, seed=0, image_size=48), batch_size=5, image_size=32)]
    np.testing.assert_array_equal(images, expected[0])
    for _, truth in batches:
        assert (truth["labels"].dtype, truth["boxes"].dtype) == (np.int32, np.float32)
        assert truth["labels"].tolist() == [[*labels, *[0] * 5]] * len(truth["labels"])
        np.testing.assert_array_equal(truth["boxes"].any(axis=-1), truth["labels"] != 0)
        np.testing.assert_allclose(truth["boxes"][:, 0], np.float32([[0.25, 0.25, 20 / 48, 20 / 48]] * len(truth["labels"])))


def test_validation_without_records_and_with_one_that_cannot_be_used():
    with pytest.raises(DatasetError, match="no records to evaluate on"):
        EvaluationSequence(Subset(SyntheticDataset(1, seed=0), []), batch_size=2, image_size=32)

    class Broken(SyntheticDataset):
        def __getitem__(self, index):
            if index == 1:
                raise DatasetError("a.xml: broken")
            return super().__getitem__(index)

    items = EvaluationSequence(Broken(3, seed=0, image_size=32), batch_size=2, image_size=32, max_boxes=8)
    assert items[1][0].shape[0] == 1
    with pytest.raises(DatasetError, match=r"a\.xml: broken"):
        items[0]
