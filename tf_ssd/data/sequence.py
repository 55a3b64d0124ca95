"""Training batches for people who live in `fit`."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_ssd.data.generator import TrainingBatches, padded_rows


class TrainingSequence(keras.utils.PyDataset):
    """`TrainingBatches` as a `keras.utils.PyDataset`: item i of epoch e is batch e * steps_per_epoch + i.

        model.fit(TrainingSequence(batches, steps_per_epoch=500, max_boxes=42), epochs=10, shuffle=False)

    An item is (images (B, S, S, 3), {"boxes": (B, G, 4), "labels": (B, G)}). With `shuffle=False` and any number of `workers`
    threads these are the batches of `python -m tf_ssd.train`, in their order; Keras' default shuffles them within an epoch.

    Args:
        batches: what to train on.
        steps_per_epoch: items that Keras calls an epoch.
        max_boxes: the largest number of ground-truth rows in an image: Keras fixes the shapes of all items by the first two.
        first_epoch: number of the epoch that `fit` starts with, its `initial_epoch`.
        options: of `PyDataset`, such as `workers`.
    """

    def __init__(
        self, batches: TrainingBatches, *, steps_per_epoch: int, max_boxes: int, first_epoch: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        self._batches = batches
        self._steps, self._epoch = steps_per_epoch, first_epoch
        self._rows = int(padded_rows(tf.constant(max_boxes)))

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Item `index` of the epoch; raises ValueError where an image has more rows than `max_boxes` leaves room for."""
        batch = self._batches.batch(self._epoch * self._steps + index)
        return batch.images.numpy(), {"boxes": self._padded(batch.boxes), "labels": self._padded(batch.labels)}

    def on_epoch_end(self) -> None:
        """The next items are those of the next epoch."""
        self._epoch += 1

    def _padded(self, column: tf.Tensor) -> np.ndarray:
        """A column (B, g, ...) with G rows."""
        missing = self._rows - column.shape[1]
        if missing < 0:
            raise ValueError(f"an image has more than {self._rows} rows of ground truth; give a larger max_boxes")
        return np.pad(column.numpy(), [(0, 0), (0, missing)] + [(0, 0)] * (column.ndim - 2))
