"""The folder of a training run: made once, and found again by the same command."""

import dataclasses
import fcntl
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_ssd import __version__
from tf_ssd.config import TrainConfig
from tf_ssd.data.classes import check_class_names, read_class_names, write_class_names
from tf_ssd.errors import ConfigError
from tf_ssd.system.files import UNFINISHED, require_file, write_json, writing
from tf_ssd.weights.trained import CLASSES

RUN = "run.json"
# What may differ between the command that started a run and the one that continues it.
FREE = ("output", "quiet", "checkpoint_every", "on_bad_image", "replay")


def open_run(folder: Path, config: TrainConfig, class_names: Sequence[str], data: Mapping[str, str]) -> bool:
    """Make a run's folder, or find that it holds this very run already; returns whether it did.

    Args:
        folder: it may exist, but must be empty or hold a run of the same settings, classes and data.
        config: the settings.
        class_names: of the training data, without background.
        data: a fingerprint for each part of the data, and for the order of training.

    Raises:
        ConfigError: the folder cannot be written, holds something else, or a run that differs; the message names the difference.
    """
    settings = {name: value for name, value in dataclasses.asdict(config).items() if name not in FREE}
    libraries = {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}
    versions = {"tf_ssd": __version__, **libraries, "python": sys.version.split()[0]}
    run = {"settings": settings, "recipe": dataclasses.asdict(config.settings()), "data": dict(data), "versions": versions}
    if (folder / RUN).exists():
        _check_same(folder, _as_json(run), class_names)
        return True
    with writing(f"--output {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        # A process that was killed while it made the folder leaves only the class map and unfinished files.
        if any(path.name != CLASSES and not path.name.startswith(UNFINISHED) for path in folder.iterdir()):
            raise ConfigError(f"--output {folder}: the folder is not empty; choose another, nothing was overwritten")
        if (folder / CLASSES).exists():
            check_class_names(read_class_names(folder / CLASSES), class_names, f"{folder} and the data")
        write_class_names(folder / CLASSES, class_names)
        write_json(folder / RUN, run)
    return False


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Inside, no other process can train in a run's folder. Files that a killed process left unfinished are removed.

    Raises:
        ConfigError: another process is training in the folder.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        for path in folder.rglob(f"{UNFINISHED}*"):
            path.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"--output {folder}: another process is training in it; wait for it, or choose another folder") from None
    except OSError:  # not every network drive can lock
        return


def _check_same(folder: Path, run: dict[str, Any], class_names: Sequence[str]) -> None:
    """Raise ConfigError, which names the first difference, unless the folder holds this run.

    Other versions may continue it, if they train in the same order.
    """
    try:
        found = json.loads(require_file(folder / RUN).read_text(encoding="utf-8"))
        parts = [(dict(found[part]), run[part]) for part in ("settings", "recipe", "data")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder / RUN}: cannot be read ({error}); choose another --output") from error
    check_class_names(read_class_names(folder / CLASSES), class_names, f"{folder} and the data")
    for theirs, ours in parts:
        for name in sorted(theirs.keys() | ours.keys()):
            if theirs.get(name) != ours.get(name):
                change = f"{name} was {theirs.get(name)!r} and is {ours.get(name)!r}"
                remedy = "choose another folder, or the same settings, data and versions"
                raise ConfigError(f"--output {folder} holds another run: {change}; {remedy}")


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(values, default=str))
