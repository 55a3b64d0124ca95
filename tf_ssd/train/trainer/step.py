"""One training step on all replicas of a `tf.distribute` strategy: several workers compute what one would."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_ssd.data.batches.generator import Batch
from tf_ssd.loss import MultiboxLoss, normalized
from tf_ssd.model import SSD
from tf_ssd.optimizer import WeightAverage, clip_by_global_norm
from tf_ssd.train.trainer.image_sums import image_sums
from tf_ssd.train.trainer.ordered_sums import ordered_sums
from tf_ssd.train.trainer.sums import StepSums, accumulate, divided, step_sums

Part = tuple[tf.Tensor, tf.Tensor, tf.Tensor]  # images, boxes, labels


class Outcome(NamedTuple):
    """What a step found, before anything is changed.

    Attributes:
        losses: of the whole batch, over all replicas.
        num_negatives: how many were mined.
        gradients: of `losses.total`, one per trainable variable of the model.
        gradient_norm: of all gradients together, before any clipping.
        statistics: the next values of the model's other variables, such as the moving means of batch normalisation.
        stop: how many replicas have been asked to stop.
    """

    losses: MultiboxLoss
    num_negatives: tf.Tensor
    gradients: list[tf.Tensor]
    gradient_norm: tf.Tensor
    statistics: list[tf.Tensor]
    stop: tf.Tensor


class TrainingStep:
    """The gradients of a batch, and the update of the weights, as two functions: in between, the caller decides whether to update.

    The first has no side effects, so that a step whose loss is not finite leaves weights and statistics as they were.

    To be made in the scope of a strategy. Each replica computes loss and gradient of its own images. Undivided sums and positives
    are then added up over micro-batches and replicas, and divided by the positives of the whole batch. So the numbers of
    micro-batches and of replicas change the result by rounding alone. Batch normalisation is the exception: as is usual, it takes
    the statistics of each micro-batch on each replica.

    Args:
        model, optimizer: made in the same scope.
        average: moves with the weights, if given.
        micro_batches: parts that a batch is computed in, one after another, to need less memory.
        clip_norm: what the norm of all gradients is limited to; None for no limit.
    """

    def __init__(
        self,
        model: SSD,
        optimizer: keras.optimizers.Optimizer,
        *,
        average: WeightAverage | None = None,
        micro_batches: int = 1,
        clip_norm: float | None = None,
    ) -> None:
        optimizer.build(model.trainable_variables)
        self._strategy = tf.distribute.get_strategy()
        self._local = len(self._strategy.extended.worker_devices) if tf.distribute.has_strategy() else 1
        self._model, self._optimizer, self._average = model, optimizer, average
        self._micro_batches, self._clip_norm = micro_batches, clip_norm
        self._image_sums = image_sums(model)
        self._part_sums = tf.function(self._sums, autograph=False)
        self._outcome = tf.function(self._outcome_on_all, autograph=False)
        self._update = tf.function(self._update_on_all, autograph=False)

    def outcome(self, batch: Batch, *, scale: float = 1.0, stop: bool = False) -> Outcome:
        """Loss and gradients of a batch. Each of several workers passes its own share of the images.

        Args:
            batch: the images of this process.
            scale: factor on the loss while it is differentiated, for float16; the gradients are divided by it again.
            stop: whether this worker wants to stop.
        """
        parts = [self._distributed(part) for part in _shares(batch, self._micro_batches)]
        with ordered_sums():
            outcome = self._outcome(parts, tf.constant(scale), tf.constant(int(stop)))
        # Gradients and statistics stay on their replicas. All else is the same on every replica, so the first one's is taken.
        seen = {name: getattr(outcome, name) for name in ("losses", "num_negatives", "gradient_norm", "stop")}
        return outcome._replace(**tf.nest.map_structure(self._first, seen))

    def update(self, outcome: Outcome) -> None:
        """Move the weights as the gradients say."""
        with ordered_sums():
            self._update(outcome.gradients, outcome.statistics)

    def _on_replica(self, parts: list[Part], scale: tf.Tensor, stop: tf.Tensor) -> Outcome:
        values = [tf.convert_to_tensor(variable) for variable in self._model.trainable_variables]
        statistics = [tf.convert_to_tensor(variable) for variable in self._model.non_trainable_variables]

        def step(part: Part) -> tuple[StepSums, tf.Tensor]:
            nonlocal statistics
            sums, statistics = self._part_sums(values, statistics, scale, part)
            return sums

        sums, negatives = accumulate(step, parts)
        losses = _nan_unless_finite(sums.losses, (*values, *(images for images, _, _ in parts)))
        stop = tf.identity(stop)  # all_reduce asks for its device, which an input of a function does not have
        (sums, negatives), stop = _all_reduce("sum", ((sums._replace(losses=losses), negatives), stop))
        statistics = _all_reduce("mean", statistics)
        losses, gradients = divided(sums)
        if self._clip_norm is None:
            norm = tf.linalg.global_norm(gradients)
        else:
            gradients, norm = clip_by_global_norm(gradients, self._clip_norm)
        return Outcome(losses, negatives, gradients, norm, statistics, stop)

    def _sums(
        self, values: list[tf.Tensor], statistics: list[tf.Tensor], scale: tf.Tensor, part: Part
    ) -> tuple[tuple[StepSums, tf.Tensor], list[tf.Tensor]]:
        """Sums of loss and gradients of some images, their mined negatives, and the next statistics. Nothing is assigned."""
        images, boxes, labels = part
        settings = self._model.config.loss
        with tf.GradientTape() as tape:
            tape.watch(values)
            predictions, statistics = self._model.stateless_call(values, statistics, images, training=True)
            image_sums = self._image_sums(boxes, labels, predictions)
            losses = normalized(image_sums, alpha=settings.alpha, normalizer=settings.normalizer)
            scaled = losses.total * tf.cast(scale, losses.total.dtype)
        gradients = [gradient / tf.cast(scale, gradient.dtype) for gradient in tape.gradient(scaled, values)]
        sums = step_sums(losses, gradients, images=images.shape[0], normalizer=settings.normalizer)
        return (sums, tf.reduce_sum(image_sums.num_negatives)), statistics

    def _outcome_on_all(self, parts: list[Part], scale: tf.Tensor, stop: tf.Tensor) -> Outcome:
        return self._strategy.run(self._on_replica, (parts, scale, stop))

    def _update_on_all(self, gradients: list[tf.Tensor], statistics: list[tf.Tensor]) -> None:
        self._strategy.run(self._apply, (gradients, statistics))
        if self._average is not None:
            self._average.update(self._model.trainable_variables)

    def _apply(self, gradients: list[tf.Tensor], statistics: list[tf.Tensor]) -> None:
        # Each replica has the gradients of the whole batch, and Keras' optimizers add up those of all replicas.
        replicas = self._strategy.num_replicas_in_sync
        if replicas > 1:
            gradients = [gradient / tf.cast(replicas, gradient.dtype) for gradient in gradients]
        self._optimizer.apply(gradients)
        for variable, value in zip(self._model.non_trainable_variables, statistics, strict=True):
            variable.assign(value)

    def _first(self, value: tf.Tensor) -> tf.Tensor:
        return self._strategy.experimental_local_results(value)[0]

    def _distributed(self, batch: Batch) -> Part:
        """The columns of a batch that training needs, shared among this process' replicas."""
        parts = [(share.images, share.boxes, share.labels) for share in _shares(batch, self._local)]
        if self._local == 1:
            return parts[0]
        of_replica = self._strategy.experimental_distribute_values_from_function
        images, boxes, labels = (
            of_replica(lambda context, column=column: parts[context.replica_id_in_sync_group % self._local][column])
            for column in range(3)
        )
        return images, boxes, labels


def _nan_unless_finite(losses: MultiboxLoss, inputs: Iterable[tf.Tensor]) -> MultiboxLoss:
    """Losses that are NaN if any input has a NaN or an infinity: a fused ReLU and max pooling may turn these into 0 on the way."""
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(value)) for value in inputs])
    terms = {name: getattr(losses, name) for name in ("total", "localization", "confidence")}
    return losses._replace(**{name: tf.where(finite, term, float("nan")) for name, term in terms.items()})


def _shares(batch: Batch, number: int) -> list[Batch]:
    """The batch in `number` equal parts."""
    share = batch.images.shape[0] // number
    return [Batch(*(column[part * share : (part + 1) * share] for column in batch)) for part in range(number)]


def _all_reduce(operation: str, values: Any) -> Any:
    """Sums or means of a structure of tensors over the replicas. Tensors of one dtype go together, so that they are packed."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values  # TensorFlow would keep the graph until the process ends, for the gradient of the sum
    flat = tf.nest.flatten(values)
    groups: dict[Any, list[int]] = {}  # in the same order on every replica
    for place, value in enumerate(flat):
        # MirroredStrategy adds up int32 on the host, and refuses more than one tensor of it at a time.
        groups.setdefault(place if value.dtype == tf.int32 else value.dtype, []).append(place)
    for places in groups.values():
        for place, reduced in zip(places, context.all_reduce(operation, [flat[place] for place in places]), strict=True):
            flat[place] = reduced
    return tf.nest.pack_sequence_as(values, flat)
