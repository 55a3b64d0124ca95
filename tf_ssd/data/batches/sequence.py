"""Training batches as a `keras.utils.PyDataset`, for Keras' `fit`."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_ssd.data.batches.generator import Batch, TrainingBatches, padded_rows
from tf_ssd.errors import ConfigError


class TrainingSequence(keras.utils.PyDataset):
    """`TrainingBatches` as a `keras.utils.PyDataset`: item i of epoch e is batch e * steps_per_epoch + i.

        model.fit(TrainingSequence(batches, steps_per_epoch=500, max_boxes=42), epochs=10, shuffle=False)

    An item is (images (B, S, S, 3), {"boxes": (B, G, 4), "labels": (B, G)}). With `shuffle=False` and any number of `workers`
    threads these are the batches of `python -m tf_ssd.train`, in their order; Keras' default shuffles them within an epoch.

    Args:
        batches: what to train on.
        steps_per_epoch: items that Keras calls an epoch.
        max_boxes: the largest number of ground-truth rows in an image: Keras fixes the shapes of all items by the first two.
        first_epoch: number of the epoch that `fit` starts with, its `initial_epoch`; a second `fit` goes on with the epoch after
            the last that was completed.
        options: of `PyDataset`, such as `workers`.
    """

    def __init__(
        self, batches: TrainingBatches, *, steps_per_epoch: int, max_boxes: int, first_epoch: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        self._batches = batches
        self._steps, self._epoch = steps_per_epoch, first_epoch
        self._max_boxes, self._rows = max_boxes, int(padded_rows(tf.constant(max_boxes)))
        self._begun = self._ended = False

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Item `index` of the epoch; raises ConfigError where an image has more rows than `max_boxes` leaves room for."""
        if index == self._steps - 1:
            self._ended = True
        batch = self._batches.batch(self._epoch * self._steps + index)
        self._check_rows(batch)
        return batch.images.numpy(), {"boxes": self._padded(batch.boxes), "labels": self._padded(batch.labels)}

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

    def _padded(self, column: tf.Tensor) -> np.ndarray:
        """A column (B, g, ...) with G rows; those beyond g are zeros."""
        return np.pad(column.numpy(), [(0, 0), (0, self._rows - column.shape[1])] + [(0, 0)] * (column.ndim - 2))
