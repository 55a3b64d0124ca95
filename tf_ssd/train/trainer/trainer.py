"""Training: steps, their history, and the state that a run is resumed from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_ssd.data.batches.generator import Batch
from tf_ssd.errors import TrainingError
from tf_ssd.model import SSD
from tf_ssd.optimizer import WeightAverage
from tf_ssd.train.trainer.checkpoints import Checkpoint, Checkpoints
from tf_ssd.train.trainer.scale import LossScale
from tf_ssd.train.trainer.step import Outcome, TrainingStep

__all__ = ["NotFiniteError", "StepResult", "Trainer"]


class StepResult(NamedTuple):
    """What a training step reports: its number from 1, the learning rate, the loss and its terms, counts of boxes, the gradient."""

    step: int
    learning_rate: float
    total: float
    localization: float
    confidence: float
    num_positives: int
    num_negatives: int
    gradient_norm: float


class NotFiniteError(TrainingError):
    """A loss or a gradient is not finite.

    Attributes:
        step: the step that was not made, from 1.
        batch: the batch of that step.
    """

    def __init__(self, step: int, batch: Batch, outcome: Outcome) -> None:
        losses = outcome.losses
        super().__init__(
            f"step {step}: the loss is {losses.total:.6g} (localization {losses.localization:.6g}, confidence "
            f"{losses.confidence:.6g}), the norm of its gradient {outcome.gradient_norm:.6g}"
        )
        self.step, self.batch = step, batch


class Trainer:
    """A model, its optimizer, and all that a run is resumed from.

    To be made in the scope of a `tf.distribute` strategy, if there is one.

    Args:
        model: what to train.
        optimizer: updates the model's trainable variables.
        checkpoints: where the state is kept.
        average: moves with the weights, if given.
        scale: of the loss, where the network computes in float16.
        micro_batches, clip_norm: as for `TrainingStep`.
    """

    def __init__(
        self,
        model: SSD,
        optimizer: keras.optimizers.Optimizer,
        checkpoints: Checkpoints,
        *,
        average: WeightAverage | None = None,
        scale: LossScale | None = None,
        micro_batches: int = 1,
        clip_norm: float | None = None,
    ) -> None:
        self.model, self.optimizer, self.average = model, optimizer, average
        self.step = 0
        self._checkpoints, self._scale = checkpoints, scale
        self._training_step = TrainingStep(model, optimizer, average=average, micro_batches=micro_batches, clip_norm=clip_norm)

    def train(self, batches: Iterator[Batch], *, stop: Callable[[], bool] = lambda: False) -> Iterator[StepResult]:
        """Make one step per batch and report it, until there are no more, or any worker's `stop` says so.

        With a loss scale, a step whose gradient overflows changes no weights, but is counted and reported, with a norm of infinity
        or NaN.

        Raises:
            NotFiniteError: the loss or its gradient is not finite; everything is then left as it was before that step.
        """
        for batch in batches:
            rate = float(self.optimizer.learning_rate)
            outcome = self._training_step.outcome(batch, scale=self._scale.value if self._scale else 1.0, stop=stop())
            if outcome.stop:
                return
            overflow = not np.isfinite(outcome.gradient_norm)
            if not np.isfinite(outcome.losses.total) or (overflow and not (self._scale and self._scale.can_fall)):
                raise NotFiniteError(self.step + 1, batch, outcome)
            if self._scale:
                self._scale.update(overflow=overflow)
            if not overflow:
                self._training_step.update(outcome)
            self.step += 1
            result = self._result(outcome, rate)
            del outcome  # frees its gradients before the next ones are computed
            yield result

    def save(self, *, seconds: float = 0.0) -> None:
        """Write a checkpoint after steps that took so many seconds; raises TrainingError if it cannot be written."""
        state = {name: np.asarray(variable) for name, variable in self._state().items()}
        self._checkpoints.save(Checkpoint(self.step, state, seconds))

    def restore(self, warn: Callable[[str], None]) -> Checkpoint | None:
        """Go to the newest checkpoint that is whole, and return it, if there is one; `warn` is told of damaged ones.

        Raises:
            TrainingError: the checkpoint is of another network or optimizer.
        """
        checkpoint = self._checkpoints.newest(warn)
        if checkpoint is None:
            return None
        state = self._state()
        for name in sorted(state.keys() ^ checkpoint.tensors.keys()):
            raise TrainingError(
                f"the checkpoint of step {checkpoint.step} is of another network or optimizer: {name} is in one only"
            )
        for name, variable in state.items():
            variable.assign(checkpoint.tensors[name])
        self.step = checkpoint.step
        return checkpoint

    @contextmanager
    def averaged(self) -> Iterator[SSD]:
        """The model as it is to be evaluated and saved: with the average of the weights in their place, if there is one."""
        with self.average.in_place_of(self.model.trainable_variables) if self.average else nullcontext():
            yield self.model

    def _result(self, outcome: Outcome, rate: float) -> StepResult:
        losses = outcome.losses
        return StepResult(
            self.step,
            rate,
            float(losses.total),
            float(losses.localization),
            float(losses.confidence),
            int(losses.num_positives),
            int(outcome.num_negatives),
            float(outcome.gradient_norm),
        )

    def _state(self) -> dict[str, keras.Variable | tf.Variable]:
        """Everything that the next step depends on, by name."""
        state = {f"model/{variable.path}": variable for variable in self.model.weights}
        # Variables go by number, because Keras puts a count of the process' optimizers into their names.
        for name, owner in (("optimizer", self.optimizer), ("average", self.average), ("scale", self._scale)):
            if owner is not None:
                state |= {f"{name}/{number}": variable for number, variable in enumerate(owner.variables)}
        return state
