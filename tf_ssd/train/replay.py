"""A training step that failed: kept in a file, and computed again from it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.data.batches.generator import Batch
from tf_ssd.errors import TrainingError
from tf_ssd.model import SSD, ssd
from tf_ssd.system.tensors import UNREADABLE, read_tensors, write_tensors
from tf_ssd.train.trainer.diagnosis import diagnose


def keep_failure(path: Path, model: SSD, batch: Batch, names: Sequence[str], step: int) -> None:
    """Write weights, batch and names of the images to a safetensors file, for `failure_report`."""
    tensors = {f"model/{variable.path}": np.asarray(variable) for variable in model.weights}
    tensors |= {f"batch/{name}": getattr(batch, name).numpy() for name in Batch._fields}
    about = {"model": dataclasses.asdict(model.config), "names": list(names), "step": step}
    write_tensors(path, tensors, about)


def failure_report(path: Path) -> list[str]:
    """Compute the step in a file of `keep_failure` again, and say what is not finite in it.

    Raises:
        TrainingError: the file is not one of these, or damaged.
    """
    try:
        tensors, about = read_tensors(path)
        model = ssd(ModelConfig.from_dict(about["model"]))
        for variable in model.weights:
            variable.assign(tensors[f"model/{variable.path}"])
        batch = Batch(*(tf.constant(tensors[f"batch/{name}"]) for name in Batch._fields))
    except UNREADABLE as error:
        raise TrainingError(f"{path}: not a step that a run has kept, or damaged ({error})") from error
    faults = diagnose(model, batch, about["names"]) or ["everything is finite when computed again, in float32"]
    return [f"step {about['step']}, images {', '.join(about['names'])}", *faults]
