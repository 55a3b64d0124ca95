"""Checkpoints that survive a kill, a full disk or a damaged file.

A checkpoint is one safetensors file: written under another name, flushed to the disk, then renamed, so that its own name always
stands for a whole file. It carries a digest of its contents, and is not loaded if the two do not fit.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError

from tf_ssd.errors import TrainingError
from tf_ssd.system.files import unwritable
from tf_ssd.system.tensors import UNREADABLE, Tensors, read_tensors, write_tensors

PREFIX, SUFFIX = "step-", ".safetensors"
KEPT = 3


class Checkpoint(NamedTuple):
    """The state after `step` steps, by name, and how long they took, in seconds."""

    step: int
    tensors: Tensors
    seconds: float = 0.0


class Checkpoints:
    """The checkpoints in a folder, the last few of them.

    Args:
        folder: where they are; made when the first is saved.
        keep: how many stay.
        writes: whether this process writes them, or leaves that to another one.
    """

    def __init__(self, folder: Path, *, keep: int = KEPT, writes: bool = True) -> None:
        self._folder, self._keep, self._writes = folder, keep, writes

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove the oldest; raises TrainingError if it cannot be written."""
        if not self._writes:
            return
        path = self._folder / f"{PREFIX}{checkpoint.step:08d}{SUFFIX}"
        tensors = {name: np.asarray(value, order="C") for name, value in checkpoint.tensors.items()}
        about = {"step": checkpoint.step, "seconds": checkpoint.seconds}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_tensors(path, tensors, {**about, "digest": _digest(json.dumps(about), tensors)})
        except (OSError, SafetensorError) as error:
            advice = "the checkpoints before it are whole: make room and give the same command again"
            raise TrainingError(unwritable(path, error, advice=advice)) from error
        for old in self._paths()[self._keep :]:
            old.unlink()

    def newest(self, warn: Callable[[str], None]) -> Checkpoint | None:
        """The last checkpoint that is whole, None if there is none; `warn` is told of each that is damaged."""
        for path in self._paths():
            try:
                return _read(path)
            except UNREADABLE as error:
                warn(f"{path}: damaged, and left out ({error})")
        return None

    def _paths(self) -> list[Path]:
        """The files of all checkpoints, the newest first."""
        return sorted(self._folder.glob(f"{PREFIX}*{SUFFIX}"), reverse=True)


def _read(path: Path) -> Checkpoint:
    tensors, about = read_tensors(path)
    digest, step = about["digest"], about["step"]
    described = json.dumps({name: value for name, value in about.items() if name != "digest"})
    if digest not in (_digest(said, tensors) for said in (described, str(step))):  # up to 0.2.0 of the step alone
        raise ValueError("its contents have changed since they were written")
    return Checkpoint(step, tensors, about.get("seconds", 0.0))  # older versions counted none


def _digest(about: str, tensors: Tensors) -> str:
    digest = hashlib.sha256(about.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(json.dumps([name, str(value.dtype), value.shape]).encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
