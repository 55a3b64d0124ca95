"""Callbacks for Keras' `fit`."""

from typing import Any

import keras

from tf_ssd.config import Exif, Metric, OnBadImage
from tf_ssd.data.notes import RecordNotes
from tf_ssd.data.records import Dataset
from tf_ssd.evaluate.over_dataset import evaluate


class AveragePrecision(keras.callbacks.Callback):
    """Average precision on a dataset after each epoch, for the history and for whatever monitors it.

        stop = keras.callbacks.EarlyStopping("val_ap50", mode="max", patience=3)
        model.fit(..., callbacks=[AveragePrecision(held_out), stop])

    It comes before the callbacks that monitor it. The logs get "val_ap50", the mean over the classes at IoU 0.5, and with the
    metric "coco" also "val_ap", at IoU 0.50 to 0.95. A mean that is not defined, because there is nothing to be found, is NaN.

    Args:
        dataset: held-out records, of the model's classes.
        batch_size: images at a time.
        metric: "voc07", "voc12" or "coco".
        exif: whether images are turned as their EXIF data say.
        on_bad_image: "error", or "skip": nothing is detected in an image that cannot be decoded.

    Raises:
        DatasetError: from `fit`, a record cannot be used.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        batch_size: int = 8,
        metric: Metric = "voc12",
        exif: Exif = "ignore",
        on_bad_image: OnBadImage = "error",
    ) -> None:
        super().__init__()
        self._dataset, self._metric = dataset, metric
        self._settings: dict[str, Any] = {"batch_size": batch_size, "exif": exif, "on_bad_image": on_bad_image}
        self._notes = RecordNotes(len(dataset))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Evaluate the model, and put the result into the logs of the epoch, which the callbacks after this one get."""
        found = evaluate(self.model, self._dataset, metric=self._metric, notes=self._notes, **self._settings).average_precision
        results = {"val_ap50": found.mean}
        if self._metric == "coco":
            results = {"val_ap50": found.summary["AP50"], "val_ap": found.mean}
        if logs is not None:
            logs.update(results)
