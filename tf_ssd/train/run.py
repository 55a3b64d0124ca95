"""A training run in its folder: data, network, optimizer and state, new or as they were when it was stopped."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import repeat
from pathlib import Path

import keras
from rich.console import Console

from tf_ssd.config import TrainConfig, require
from tf_ssd.data.batches.generator import Batch, TrainingBatches
from tf_ssd.data.batches.order import TrainingOrder
from tf_ssd.data.classes import read_class_names
from tf_ssd.data.fingerprint import fingerprint
from tf_ssd.data.records import Dataset
from tf_ssd.data.sources import open_dataset
from tf_ssd.data.subset import labelled
from tf_ssd.data.synthetic import held_out_pictures, training_pictures
from tf_ssd.model import SSD300, ssd300
from tf_ssd.network.freeze import freeze_blocks
from tf_ssd.optimizer import CaffeSGD, WarmupAndCosine, WarmupAndDrops, WeightAverage
from tf_ssd.train.folder import open_run
from tf_ssd.train.trainer.checkpoints import Checkpoints
from tf_ssd.train.trainer.scale import LossScale
from tf_ssd.train.trainer.trainer import Trainer
from tf_ssd.train.workers import Workers
from tf_ssd.weights import transfer
from tf_ssd.weights.trained import load_trained

COUNT = re.compile(r": \d+")  # in a note, after its kind


class Run:
    """A run, new or continued; to be made in the scope of the workers' strategy and inside `precision`.

    Args:
        config: its settings.
        workers: the processes that train together, of which this is one.

    Attributes:
        folder: where the results are left.
        scratch: the same folder for the first worker, which alone writes results; a temporary folder for each of the others.

    Raises:
        ConfigError: the folder holds something else, or the workers cannot share a batch.
        DatasetError: the data cannot be used.
        TrainingError: the folder's checkpoints are of another network.
        WeightsError: the weights to start from cannot be used.
    """

    def __init__(self, config: TrainConfig, workers: Workers) -> None:
        self.config, self.workers, self.recipe = config, workers, config.settings()
        _check_workers(config, workers)
        self.console = Console(highlight=False, quiet=config.quiet or not workers.is_first)
        self.training, self.held_out = training_data(config)
        self._noting: list[Dataset | TrainingBatches] = [self.training, self.held_out]
        self._said: set[str] = set()
        self._kinds_said: set[tuple[int, str]] = set()
        self.say_notes()
        keras.utils.set_random_seed(config.seed)
        model = self._model()
        self.folder = config.output_folder(now=datetime.now())
        resumed = self._open_folder()
        self.scratch = self.folder if workers.is_first else Path(tempfile.mkdtemp(prefix="tf_ssd-worker-"))
        self.trainer = self._trainer(model)
        warnings = Console(stderr=True, highlight=False)
        if resumed:
            whole = self.trainer.restore(lambda text: warnings.print(f"warning: {text}", markup=False, soft_wrap=True))
            found = f"Continuing after step {self.trainer.step}." if whole else "No checkpoint to go on from: starting at step 0."
            self.console.print(found)
        self._source = TrainingBatches(
            self.training,
            batch_size=self.recipe.batch_size,
            image_size=self.trainer.model.config.boxes.image_size,
            seed=config.seed,
            augment=config.augment(),
            exif=config.exif,
            on_bad_image=config.on_bad_image,
            worker=workers.number,
            workers=workers.total,
        )
        self._noting.append(self._source)

    def batches(self) -> Iterator[Batch]:
        """The batches of the steps that are left; with several workers, this one's share of each."""
        first, stop = self.trainer.step, self.recipe.steps
        if self.config.overfit_one_batch:
            return repeat(self._source.batch(0), stop - first)
        return self._source.batches(first, stop)

    def say_notes(self, *more: str, last: bool = False) -> None:
        """Print what has been dropped, clipped or skipped: each kind once as soon as there is a case, and `last` with all counts."""
        sources = [*(noting.notes for noting in self._noting), more]
        for number, note in ((number, note) for number, notes in enumerate(sources) for note in notes):
            kind = (number, COUNT.split(note)[0])
            if note not in self._said and (last or kind not in self._kinds_said):
                self.console.print(f"note: {note}", markup=False, soft_wrap=True)
                self._said.add(note)
                self._kinds_said.add(kind)

    def _open_folder(self) -> bool:
        """The first worker makes the folder, and the others wait for it. Returns whether this worker found the run in it."""
        data = {"training order": TrainingOrder(size=len(self.training), seed=self.config.seed).fingerprint()}
        if self.config.data:
            data |= {"training data": fingerprint(self.training), "held-out data": fingerprint(self.held_out)}
        if not self.workers.is_first:
            self.workers.barrier()
        resumed = open_run(self.folder, self.config, self.training.class_names, data)
        if self.workers.is_first:
            self.workers.barrier()
        return resumed

    def _model(self) -> SSD300:
        """The network, new or with the weights it starts from."""
        config, class_names = self.config, self.training.class_names
        if config.weights is None:
            return ssd300(config.model(num_classes=len(class_names) + 1))
        start, start_names = load_trained(config.weights)
        model = ssd300(config.model(num_classes=len(class_names) + 1, start=start.config))
        new = transfer(start, model, heads=start_names in (None, class_names))
        heads = f"new heads for {len(class_names) + 1} classes" if new else "its heads"
        self.console.print(f"starting from {config.weights}: its body, {heads}", markup=False, soft_wrap=True)
        return model

    def _trainer(self, model: SSD300) -> Trainer:
        config = self.config
        frozen = freeze_blocks(model, self.recipe.frozen_blocks)
        if frozen:
            self.console.print(f"not trained: {', '.join(frozen)}")
        images = f"{len(self.training)} training and {len(self.held_out)} held-out images"
        self.console.print(f"{model.count_params():,} parameters, {images}")
        return Trainer(
            model,
            self._optimizer(),
            Checkpoints(self.folder / "checkpoints", writes=self.workers.is_first),
            average=WeightAverage(model.trainable_variables, decay=config.ema) if config.ema else None,
            scale=LossScale() if config.precision == "float16" else None,
            micro_batches=config.micro_batches,
            clip_norm=config.clip_norm,
        )

    def _optimizer(self) -> keras.optimizers.Optimizer:
        recipe = self.recipe
        if recipe.drops:
            drops = tuple(round(share * recipe.steps) for share in recipe.drops)
            rate = WarmupAndDrops(recipe.learning_rate, drops=drops, warmup=recipe.warmup)
        else:
            rate = WarmupAndCosine(recipe.learning_rate, steps=recipe.steps, warmup=recipe.warmup)
        return CaffeSGD(rate, decay=recipe.weight_decay) if recipe.optimizer == "sgd" else keras.optimizers.Adam(rate)


@contextmanager
def precision(config: TrainConfig) -> Iterator[None]:
    """Networks made inside compute in what `--precision` says."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if config.precision == "float32" else f"mixed_{config.precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def training_data(config: TrainConfig) -> tuple[Dataset, Dataset]:
    """Training and held-out data."""
    recipe = config.settings()
    if config.dataset == "synthetic":
        return training_pictures(recipe.steps * recipe.batch_size, seed=config.seed), held_out_pictures(seed=config.seed)
    class_names = None if config.classes is None else read_class_names(config.classes)
    training = open_dataset(config.dataset, config.data, config.split, class_names=class_names)
    folders = config.eval_data or config.data
    held_out = open_dataset(config.dataset, folders, config.eval_split, class_names=training.class_names)
    return labelled(training) if config.unlabelled == "drop" else training, held_out


def _check_workers(config: TrainConfig, workers: Workers) -> None:
    shares = workers.strategy.num_replicas_in_sync * config.micro_batches
    size = config.settings().batch_size
    rule = f"must be a multiple of replicas times micro-batches, {workers.strategy.num_replicas_in_sync} x {config.micro_batches}"
    require(size % shares == 0, "--batch-size", size, rule)
    require(workers.total == 1 or config.output is not None, "--output", None, "several workers need one folder that all can read")
