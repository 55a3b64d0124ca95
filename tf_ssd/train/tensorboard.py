"""TensorBoard: losses, rates, boxes, gradient, average precision, and pictures of what is detected."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL.Image import Image

from tf_ssd.train.trainer.trainer import StepResult

NAMES = {
    "learning_rate": "training/learning_rate",
    "total": "loss/total",
    "localization": "loss/localization",
    "confidence": "loss/confidence",
    "gradient_norm": "training/gradient_norm",
}


class TensorBoard:
    """Writes what `tensorboard --logdir` shows."""

    def __init__(self, folder: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(folder))

    def step(self, result: StepResult, *, batch_size: int) -> None:
        """A training step; boxes are given per image."""
        values = {name: getattr(result, field) for field, name in NAMES.items()}
        values["boxes/positives_per_image"] = result.num_positives / batch_size
        values["boxes/mined_negatives_per_image"] = result.num_negatives / batch_size
        self._write(values, result.step)

    def evaluation(self, step: int, mean: float, per_class: dict[str, float], picture: Image | None) -> None:
        """Average precision, its mean and that of each class, and a picture if there is one."""
        values = {f"average_precision/{name}": value for name, value in per_class.items()}
        self._write({"mean_average_precision": mean, **values}, step)
        if picture is not None:
            with self._writer.as_default(step):
                tf.summary.image("detections", np.asarray(picture)[None])
        self._writer.flush()

    def close(self) -> None:
        """Write what is still in memory."""
        self._writer.close()

    def _write(self, values: dict[str, float], step: int) -> None:
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
