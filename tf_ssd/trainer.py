"""One training step, and what surrounds it: optimizer, checkpoints, loss history."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_ssd.config import TrainConfig
from tf_ssd.data.generator import Batch
from tf_ssd.errors import TrainingError
from tf_ssd.loss import MultiboxLoss
from tf_ssd.model import SSD300

CHECKPOINTS_KEPT = 3
WARMUP_SHARE = 0.1


class StepResult(NamedTuple):
    """What a training step reports: its number from 1, the learning rate it used, and the parts of the loss."""

    step: int
    learning_rate: float
    total: float
    localization: float
    confidence: float
    num_positives: int


def adam(config: TrainConfig) -> keras.optimizers.Adam:
    """Adam whose rate rises linearly over the first tenth of the steps and then follows a cosine down to 0."""
    warmup = round(config.steps * WARMUP_SHARE)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else config.learning_rate,
        decay_steps=max(1, config.steps - warmup),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    return keras.optimizers.Adam(rate)


class Trainer:
    """A model, its optimizer and their checkpoints.

    Args:
        model: what to train.
        optimizer: updates the model's trainable variables.
        folder: where checkpoints go.
    """

    def __init__(self, model: SSD300, optimizer: keras.optimizers.Optimizer, folder: Path) -> None:
        optimizer.build(model.trainable_variables)
        self.model = model
        self.optimizer = optimizer
        checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
        self._checkpoints = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=CHECKPOINTS_KEPT)
        self._compiled = tf.function(self._loss_and_gradients, jit_compile=True)
        self._step = tf.function(self._update)

    def train(self, batches: Iterator[Batch]) -> Iterator[StepResult]:
        """Make one step per batch and report it.

        Raises:
            TrainingError: the loss is not finite; the trainable weights are then left as they were before that step.
        """
        for batch in batches:
            rate = float(self.optimizer.learning_rate)
            losses = self._step(batch.images, batch.boxes, batch.labels)
            step = int(self.optimizer.iterations)
            if not tf.math.is_finite(losses.total):
                raise TrainingError(
                    f"step {step + 1}: the loss is {float(losses.total)} (localization {float(losses.localization)}, confidence "
                    f"{float(losses.confidence)}) on records {batch.index.numpy().tolist()}; try a lower --learning-rate"
                )
            yield StepResult(
                step,
                rate,
                float(losses.total),
                float(losses.localization),
                float(losses.confidence),
                int(losses.num_positives),
            )

    def save(self) -> str:
        """Write a checkpoint, drop the oldest, and return its path."""
        return self._checkpoints.save(checkpoint_number=int(self.optimizer.iterations))

    def _update(self, images: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor) -> MultiboxLoss:
        # The optimizer stays outside the compiled part: XLA cannot compile one that replicas share.
        losses, gradients = self._compiled(images, boxes, labels)
        if tf.math.is_finite(losses.total):
            self.optimizer.apply(gradients)
        return losses

    def _loss_and_gradients(self, images: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor) -> tuple[MultiboxLoss, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            losses = self.model.multibox_loss(boxes, labels, self.model(images, training=True))
        return losses, tape.gradient(losses.total, self.model.trainable_variables)


class History:
    """The loss history as a CSV file, one line per step, complete up to the last step at any moment."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("x", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._writer.writerow(StepResult._fields)

    def append(self, result: StepResult) -> None:
        """Write one line, and make sure that it is on its way to the disk."""
        self._writer.writerow(result)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
