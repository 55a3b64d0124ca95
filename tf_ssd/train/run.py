"""A training run in its folder: data, network, optimizer and state, new or as they were when it was stopped."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
from rich.console import Console

from tf_ssd.config import TrainConfig, require
from tf_ssd.data.balance import balance_of
from tf_ssd.data.batches.generator import Batch, TrainingBatches
from tf_ssd.data.batches.order import TrainingOrder
from tf_ssd.data.fingerprint import fingerprint
from tf_ssd.errors import TrainingError
from tf_ssd.model import SSD
from tf_ssd.network.body import body_layers
from tf_ssd.network.freeze import freeze_blocks
from tf_ssd.optimizer import Adam, CaffeSGD, WeightAverage
from tf_ssd.system.words import counted
from tf_ssd.train.data import data_notes, data_warnings, training_data
from tf_ssd.train.folder import open_run
from tf_ssd.train.notices import Notices
from tf_ssd.train.output import CHECKPOINTS
from tf_ssd.train.rates import rate_of
from tf_ssd.train.start import Start, starting_network
from tf_ssd.train.stretches import Stretch, finished_after, planned, record
from tf_ssd.train.trainer.checkpoints import Checkpoints
from tf_ssd.train.trainer.scale import LossScale
from tf_ssd.train.trainer.trainer import Trainer
from tf_ssd.train.workers import Workers

HARDLY = (
    "a network without batch normalisation hardly learns from random weights; start from --weights (python -m tf_ssd.weights), "
    "or give --batch-norm True"
)


class Run:
    """A run, new or continued; to be made in the scope of the workers' strategy and inside `precision`.

    Args:
        config: its settings.
        workers: the processes that train together, of which this is one.

    Attributes:
        folder: where the results are left.
        scratch: the same folder for the first worker, which alone writes results; for each of the others a temporary folder, which
            `close` removes.
        stretches: the steps that it was started with, and its extensions.
        notices: what is said of data and settings.

    Raises:
        ConfigError: the folder holds something else, or the workers cannot share a batch.
        DatasetError: the data cannot be used.
        TrainingError: the folder's checkpoints are of another network, or workers find different ones.
        WeightsError: the weights to start from cannot be used.
    """

    def __init__(self, config: TrainConfig, workers: Workers) -> None:
        self.config, self.workers, self.recipe = config, workers, config.settings()
        self._begun, self._seconds_before = time.monotonic(), 0.0
        _check_workers(config, workers)
        self.console = Console(highlight=False, quiet=config.quiet or not workers.is_first)
        self.training, self.held_out = training_data(config)
        self.notices = Notices(self.console, warns=workers.is_first)
        self.notices.watch(self.training, self.held_out)
        self.notices.report()
        self._factors = self._repeat_factors()
        keras.utils.set_random_seed(config.seed)
        start = starting_network(config, self.training.class_names)
        if start.told:
            self.console.print(start.told, markup=False, soft_wrap=True)
        self.folder = config.output_folder(now=datetime.now())
        resumed = self._open_folder(start)
        self.stretches = planned(self.folder, self.recipe.steps, config.extend)
        self._temporary = None if workers.is_first else TemporaryDirectory(prefix="tf_ssd-worker-")
        self.scratch = Path(self._temporary.name) if self._temporary else self.folder
        self.trainer = self._trainer(start.model)
        if resumed:
            self._resume()
        elif not (start.told or start.model.config.batch_norm):
            self.notices.warn(HARDLY)
        self._check_steps()
        self._source = TrainingBatches(
            self.training,
            batch_size=self.recipe.batch_size,
            image_size=self.trainer.model.config.boxes.image_size,
            seed=config.seed,
            augment=config.augment(self.trainer.model.config),
            exif=config.exif,
            on_bad_image=config.on_bad_image,
            difficult=config.difficult,
            factors=self._factors,
            worker=workers.number,
            workers=workers.total,
        )
        self.notices.watch(self._source)

    @property
    def is_finished(self) -> bool:
        """Whether the results have been written, which is done last."""
        return finished_after(self.folder, self.stretches) is not None

    @property
    def stretch(self) -> Stretch:
        """The steps that are made now."""
        return self.stretches[-1]

    @property
    def seconds(self) -> float:
        """How long the present stretch has taken so far, in all starts together."""
        return self._seconds_before + time.monotonic() - self._begun

    def batches(self) -> Iterator[Batch]:
        """The batches of the steps that are left; with several workers, this one's share of each."""
        first, stop = self.trainer.step, self.stretch.last
        if self.config.overfit_one_batch:
            return repeat(self._source.batch(0), stop - first)
        return self._source.batches(first, stop)

    def close(self) -> None:
        """Remove what this worker has written for itself alone."""
        if self._temporary:
            self._temporary.cleanup()

    def _open_folder(self, start: Start) -> bool:
        """The first worker makes the folder, and the others wait for it. Returns whether this worker found the run in it."""
        order = TrainingOrder(size=len(self.training), seed=self.config.seed, factors=self._factors)
        data = {"training order": order.fingerprint()}
        if start.model.config.loss.class_weights:
            data["class weights"] = " ".join(f"{weight:g}" for weight in start.model.config.loss.class_weights[1:])
        if self.config.data:
            data |= {"training data": fingerprint(self.training), "held-out data": fingerprint(self.held_out)}
            self._say_about_data(same=data["training data"] == data["held-out data"])
        if start.fingerprint:
            data["starting weights"] = start.fingerprint
        if not self.workers.is_first:
            self.workers.barrier()
        resumed = open_run(
            self.folder, self.config, self.training.class_names, data=data, network=start.model.config, note=self.notices.note
        )
        if self.workers.is_first:
            self.workers.barrier()
        return resumed

    def _repeat_factors(self) -> np.ndarray | None:
        """How often each training image comes in an epoch, with `--balance`."""
        if self.config.balance is None:
            return None
        factors = balance_of(self.training, self.config.balance, difficult=self.config.difficult).images
        epoch = counted(int(np.ceil(factors.sum())), "image")
        self.console.print(f"an epoch has {epoch}; {np.sum(factors > 1)} of {len(factors)} repeatedly")
        return factors

    def _say_about_data(self, *, same: bool) -> None:
        for text in data_warnings(self.config, same=same):
            self.notices.warn(text)
        for text in data_notes(self.training, self.config.difficult):
            self.notices.note(text)

    def _resume(self) -> None:
        """Go to the last checkpoint, unless nothing is left to do; raises TrainingError if it is of another network."""
        if self.is_finished:
            return
        checkpoint = self.trainer.restore(self.notices.warn)
        found = f"Continuing after step {self.trainer.step}." if checkpoint else "No checkpoint to go on from: starting at step 0."
        if len(self.stretches) > 1:
            if checkpoint is None:
                advice = "start another run from its weights: --weights {folder} and another --output"
                raise TrainingError(
                    f"--extend: {self.folder} holds no checkpoint to go on from; {advice.format(folder=self.folder)}"
                )
            first, steps = self.stretch
            rate = f"follows the schedule anew, up to {self.recipe.learning_rate:g} after the warm-up"
            message = f"Extended after step {first} by {counted(steps, 'step')}, in which the learning rate {rate}."
            self.console.print(message, soft_wrap=True)
            if self.workers.is_first:
                record(self.folder, self.stretches)
        self.console.print(found)
        if checkpoint and self.trainer.step > self.stretch.first:
            self._seconds_before = checkpoint.seconds

    def _check_steps(self) -> None:
        """Raise TrainingError unless all workers go on after the same step."""
        steps = self.workers.values_of_all(self.trainer.step)
        if len(set(steps)) > 1:
            found = ", ".join(f"worker {number} would go on after step {step}" for number, step in enumerate(steps))
            advice = "every worker must see the same checkpoints: see to that, and start all of them again"
            raise TrainingError(f"--output {self.folder}: {found}; {advice}")

    def _trainer(self, model: SSD) -> Trainer:
        config = self.config
        frozen = freeze_blocks(model, model.config, self.recipe.frozen_blocks)
        if frozen:
            self.console.print(f"not trained: {', '.join(frozen)}")
        images = f"{len(self.training)} training and {counted(len(self.held_out), 'held-out image')}"
        self.console.print(f"{model.count_params():,} parameters, {images}")
        return Trainer(
            model,
            self._optimizer(model),
            Checkpoints(self.folder / CHECKPOINTS, writes=self.workers.is_first),
            average=WeightAverage(model.trainable_variables, decay=config.ema) if config.ema else None,
            scale=LossScale() if config.precision == "float16" else None,
            micro_batches=config.micro_batches,
            clip_norm=config.clip_norm,
        )

    def _optimizer(self, model: SSD) -> keras.optimizers.Optimizer:
        recipe = self.recipe
        rate = rate_of(recipe, self.stretches)
        rates = dict.fromkeys(body_layers(model, model.config), recipe.base_rate)
        return CaffeSGD(rate, decay=recipe.weight_decay, rates=rates) if recipe.optimizer == "sgd" else Adam(rate, rates=rates)


@contextmanager
def precision(config: TrainConfig) -> Iterator[None]:
    """Networks made inside compute in what `--precision` says."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if config.precision == "float32" else f"mixed_{config.precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _check_workers(config: TrainConfig, workers: Workers) -> None:
    shares = workers.strategy.num_replicas_in_sync * config.micro_batches
    size = config.settings().batch_size
    rule = f"must be a multiple of replicas times micro-batches, {workers.strategy.num_replicas_in_sync} x {config.micro_batches}"
    require(size % shares == 0, "--batch-size", size, rule)
    require(workers.total == 1 or config.output is not None, "--output", None, "several workers need one folder that all can read")
