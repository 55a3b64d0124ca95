"""TensorBoard: losses, rates, boxes, gradient, average precision, errors, and pictures of what is detected."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from tf_ssd.evaluate.confusion import confusion_png
from tf_ssd.evaluate.over_dataset import Evaluation
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

    def evaluation(self, step: int, evaluation: Evaluation, class_names: Sequence[str], picture: Image.Image | None) -> None:
        """Average precision, what each kind of error costs of it, best threshold, confusion matrix, and a picture, if any."""
        precision, errors = evaluation.average_precision, evaluation.errors
        values = {"mean_average_precision": precision.mean, "best_score_threshold": errors.thresholds.overall}
        values |= {f"average_precision/{name}": value for name, value in zip(class_names, precision.per_class, strict=True)}
        values |= {f"lost_average_precision/{name}": value for name, value in errors.lost.by_kind.items()}
        self._write(values, step)
        self._write_picture("confusion", Image.open(BytesIO(confusion_png(errors.confusion, class_names))).convert("RGB"), step)
        if picture is not None:
            self._write_picture("detections", picture, step)
        self._writer.flush()

    def close(self) -> None:
        """Write what is still in memory."""
        self._writer.close()

    def _write_picture(self, name: str, picture: Image.Image, step: int) -> None:
        with self._writer.as_default(step):
            tf.summary.image(name, np.asarray(picture)[None])

    def _write(self, values: dict[str, float], step: int) -> None:
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
