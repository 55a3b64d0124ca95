"""What takes long, done in less time: training without graphs, few cases of an audit, and nothing twice that is on two pages."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import forget_detectors
from tf_ssd.audit import __main__ as audit
from tf_ssd.audit.asking.implementation import load
from tf_ssd.audit.cases.answer import from_json, to_json
from tf_ssd.audit.cases.case import Case
from tf_ssd.config import AuditConfig, ExportConfig, TrainConfig
from tf_ssd.data.batches.generator import TrainingBatches
from tf_ssd.data.batches.sequence import TrainingSequence
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.export import __main__ as export
from tf_ssd.export.agreement import LIMITS
from tf_ssd.model import SSD
from tf_ssd.train import __main__ as train
from tf_ssd.train import start
from tf_ssd.weights import load_model
from tf_ssd.weights.places import model_file

# Options of a run that takes seconds. Weights stay where they are, and there are no moving statistics, so that what a new network
# finds is what the trained one does.
TRAINING = {"--steps": "1", "--batch-size": "1", "--learning-rate": "1e-6", "--width": "0.03125", "--batch-norm": "False"}
CASES = ("no-labels-alone", "two-objects-share-a-best-box")
SPREAD, BACKGROUND = 2.0, 8.0  # standard deviation of the logits in a picture, and the mean of those of background


class WithoutGraphs:
    """TensorFlow, whose functions are not traced: that takes longer than one step."""

    def __getattr__(self, name: str) -> Any:
        return getattr(tf, name)

    def function(self, function: Any = None, **_: Any) -> Any:
        return function or (lambda decorated: decorated)


@contextmanager
def without_graphs() -> Iterator[None]:
    """Inside, training and what it evaluates are run operation by operation."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("train.trainer.step", "predict.compiled"):
            patch.setattr(f"tf_ssd.{module}.tf", WithoutGraphs())
        patch.setattr("tf_ssd.train.run.starting_network", finding_a_few)
        forget_detectors()
        yield
        forget_detectors()


def finding_a_few(config: TrainConfig, class_names: Sequence[str]) -> start.Start:
    """A new network that finds some things in each picture, as one that is trained does, and not one in every place."""
    found = start.starting_network(config, class_names)
    if config.weights is None:
        spread_scores(found.model)
    return found


def spread_scores(model: SSD) -> None:
    """Make logits differ from place to place on each feature map, and background likely."""
    side, classes = model.config.boxes.image_size, model.config.num_classes
    pixels = read_image(SyntheticDataset(1, seed=0, image_size=side)[0])
    heads = [layer for layer in model.layers if layer.name.startswith("logits_") and isinstance(layer, keras.layers.Conv2D)]
    logits = keras.Model(model.inputs, [layer.output for layer in heads])(np.asarray(pixels, np.float32)[None])
    for layer, values in zip(heads, logits, strict=True):
        layer.kernel.assign(layer.kernel * SPREAD / np.std(values))
        layer.bias.assign(np.tile([BACKGROUND] + [0.0] * (classes - 1), layer.bias.shape[0] // classes))


class InThisProcess:
    """What stands for a process of the audit, whose start takes longer than the few cases that are asked."""

    def __init__(self, name: str, *, framework: str, dtype: str, time_limit: float) -> None:
        self._implementation = load(name, framework=framework, dtype=dtype)

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, case: Any) -> Any:
        return from_json(to_json(self._implementation.answer(case)))


def instead(function: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    """A function that is always given some settings."""
    return lambda *args, **given: function(*args, **given | settings)


def made_once(action: Callable[[Any], int | None], made_of: Callable[[Any], Any]) -> Callable[[Any], int | None]:
    """A command that copies what it has made before, with the same settings and of the same; None is never the same."""
    made: dict[Any, Path] = {}

    @wraps(action)  # whose module tells what the command is called
    def once(config: Any) -> int | None:
        settings = {name: value for name, value in vars(config).items() if name not in ("output", "eval_every")}
        key = (repr(settings), of := made_of(config))
        if of is None or key not in made:
            code = action(config)
            made[key] = config.output and config.output.absolute()
            return code
        print("(as on another page)")
        if config.output is not None:
            (shutil.copytree if made[key].is_dir() else shutil.copy2)(made[key], config.output)
        return 0

    return once


def model_of(config: ExportConfig) -> int:
    """When the model to be exported was made."""
    return model_file(config.checkpoint, last=config.last).stat().st_mtime_ns


@contextmanager
def less_work() -> Iterator[None]:
    """Inside, commands do less than they do for users, beyond what their options say."""
    models: dict[tuple[str, int], SSD] = {}

    def loaded_once(path: Path) -> SSD:
        key = (path.name, path.stat().st_mtime_ns)  # of a copy, too
        if key not in models:
            models[key] = load_model(path)
        return models[key]

    def few(config: AuditConfig) -> tuple[Case, ...]:
        found = cases(config)
        return tuple(case for case in found if case.about.name in CASES) or found

    cases = audit._cases
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tf_ssd.weights.trained.load_model", loaded_once)
        patch.setattr("tf_ssd.data.synthetic.HELD_OUT_PICTURES", 2)
        patch.setattr("tf_ssd.check.__main__.PICTURES", 2)
        patch.setattr(train, "train", made_once(train.train, lambda config: config.weights is None or None))
        patch.setattr(export, "export", made_once(export.export, model_of))
        patch.setitem(LIMITS, "int8", LIMITS["int8"]._replace(score=0.7, missing=1.0))  # no sound model
        patch.setattr("tf_ssd.audit.run.Process", InThisProcess)
        patch.setattr(audit, "_cases", few)
        patch.setattr("tf_ssd.audit.vectors.folder.operation_vectors", lambda: iter(()))
        patch.setattr("tf_ssd.audit.vectors.folder.write_networks", lambda folder: [])
        patch.setattr(SSD, "compile", instead(SSD.compile, run_eagerly=True))
        patch.setattr(keras.Model, "fit", instead(keras.Model.fit, epochs=2))
        patch.setattr(TrainingSequence, "__init__", instead(TrainingSequence.__init__, steps_per_epoch=2))
        patch.setattr(TrainingBatches, "__init__", instead(TrainingBatches.__init__, batch_size=1))
        yield
