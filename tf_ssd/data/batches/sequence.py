"""Batches as `keras.utils.PyDataset`s, for Keras' `fit`: of training, and of validation."""

import math
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_ssd.config import Difficult, Exif
from tf_ssd.data.batches.generator import Batch, TrainingBatches, evaluation_example, mapped, padded_rows
from tf_ssd.data.batches.loader import Loader, each_once
from tf_ssd.data.records import Dataset
from tf_ssd.data.subset import most_rows
from tf_ssd.errors import ConfigError, DatasetError


class TrainingSequence(keras.utils.PyDataset):
    """`TrainingBatches` as a `keras.utils.PyDataset`: item i of epoch e is batch e * steps_per_epoch + i.

        model.fit(TrainingSequence(batches, steps_per_epoch=500), epochs=10, shuffle=False)

    An item is (images (B, S, S, 3), {"boxes": (B, G, 4), "labels": (B, G)}). With `shuffle=False` and any number of `workers`
    threads these are the batches of `python -m tf_ssd.train`, in their order; Keras' default shuffles them within an epoch.

    Args:
        batches: what to train on.
        steps_per_epoch: items that Keras calls an epoch.
        max_boxes: the largest number of ground-truth rows in an image: Keras fixes the shapes of all items by the first two. None
            finds it, which reads all annotations.
        first_epoch: number of the epoch that `fit` starts with, its `initial_epoch`; a second `fit` goes on with the epoch after
            the last that was completed.
        options: of `PyDataset`, such as `workers`.
    """

    def __init__(
        self, batches: TrainingBatches, *, steps_per_epoch: int, max_boxes: int | None = None, first_epoch: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        self._batches = batches
        self._steps, self._epoch = steps_per_epoch, first_epoch
        self._max_boxes = batches.max_boxes if max_boxes is None else max_boxes
        self._rows = int(padded_rows(tf.constant(self._max_boxes)))
        self._begun = self._ended = False

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Item `index` of the epoch; raises ConfigError where an image has more rows than `max_boxes` leaves room for."""
        if index == self._steps - 1:
            self._ended = True
        batch = self._batches.batch(self._epoch * self._steps + index)
        self._check_rows(batch)
        return batch.images.numpy(), _truth(batch.boxes, batch.labels, self._rows)

    def on_epoch_begin(self) -> None:
        """Note that an epoch has begun. Keras reads items before this too: two for their shapes, and more in its threads."""
        self._begun = True

    def on_epoch_end(self) -> None:
        """Go to the next epoch, if this one was read to its end: `fit` also calls this before the first epoch."""
        self._epoch += self._begun and self._ended
        self._begun = self._ended = False

    def _check_rows(self, batch: Batch) -> None:
        rows = np.count_nonzero(batch.labels, axis=1)  # (B,)
        if rows.max() > self._rows:
            record = int(batch.index[int(rows.argmax())])
            limit = f"max_boxes={self._max_boxes} leaves room for {self._rows}"
            raise ConfigError(f"record {record} has {rows.max()} rows of ground truth, but {limit}; give a larger max_boxes")


class EvaluationSequence(keras.utils.PyDataset):
    """Every record of a dataset once, in order and as it is: for `validation_data` of Keras' `fit`, and for its `evaluate`.

        model.fit(..., validation_data=EvaluationSequence(held_out, batch_size=8, image_size=300))

    Items are as those of a `TrainingSequence`; the last may have fewer images. Ground truth is as in training: crowds are left out,
    or, with difficult rows, ignored.

    Args:
        dataset: the records, of the classes that the model is trained on.
        batch_size: B.
        image_size: S, `model.config.boxes.image_size`.
        max_boxes: as for `TrainingSequence`.
        exif: as for `TrainingBatches`.
        difficult: as for `TrainingBatches`.
        options: of `PyDataset`, such as `workers`.

    Raises:
        DatasetError: the dataset is empty, or an annotation that is read for `max_boxes` cannot be used; from an item, a record.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        batch_size: int,
        image_size: int,
        max_boxes: int | None = None,
        exif: Exif = "ignore",
        difficult: Difficult = "train",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not len(dataset):
            raise DatasetError("the dataset has no records to evaluate on; check its split")
        ignored = difficult == "ignore"
        loader = Loader(dataset, each_once(len(dataset)), exif=exif, on_bad_image="error", crowd=ignored, ignored=ignored)
        most = most_rows(dataset, difficult=difficult) if max_boxes is None else max_boxes
        self._size, self._batch_size, self._loader = len(dataset), batch_size, loader
        self._rows = int(padded_rows(tf.constant(most)))

        def item(first: tf.Tensor, stop: tf.Tensor) -> Batch:
            positions, example = tf.data.Dataset.range(first, stop), partial(evaluation_example(image_size), loader.number)
            examples = mapped(positions, lambda position: example(position)[0], num_parallel_calls=tf.data.AUTOTUNE)
            return examples.padded_batch(batch_size).get_single_element()

        self._item = tf.function(item, autograph=False)

    def __len__(self) -> int:
        return math.ceil(self._size / self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Item `index`."""
        positions = range(index * self._batch_size, min((index + 1) * self._batch_size, self._size))
        batch = self._item(tf.constant(positions.start, tf.int64), tf.constant(positions.stop, tf.int64))
        self._loader.raise_first(positions)
        return batch.images.numpy(), _truth(batch.boxes, batch.labels, self._rows)


def _truth(boxes: tf.Tensor, labels: tf.Tensor, rows: int) -> dict[str, np.ndarray]:
    """Ground truth (B, g, 4) and (B, g) with so many rows; those beyond g are zeros."""
    added = (0, rows - labels.shape[1])
    return {"boxes": np.pad(boxes.numpy(), [(0, 0), added, (0, 0)]), "labels": np.pad(labels.numpy(), [(0, 0), added])}
