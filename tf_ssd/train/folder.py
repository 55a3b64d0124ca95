"""The folder of a training run: made once, and found again by the same command."""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_ssd import __version__
from tf_ssd.config import ModelConfig, TrainConfig
from tf_ssd.config.rules import flag
from tf_ssd.data.classes import check_class_names, read_class_names, write_class_names
from tf_ssd.errors import ConfigError
from tf_ssd.system.files import require_file, write_json, writing
from tf_ssd.train.output import RUN, check_usable, unfinished
from tf_ssd.weights.places import CLASSES

# What may differ between the command that started a run and the one that continues it.
FREE = ("output", "quiet", "checkpoint_every", "on_bad_image", "replay", "patience", "until", "extend")
# Where something was, which may differ too: whether it is still the same is seen in what was there.
PLACES = ("data", "eval_data", "classes", "weights", "class_weights")
# Settings of a recipe that are of the network; what the network really is stands in run.json by itself.
OF_THE_NETWORK = ("width", "batch_norm", "default_boxes")
# Settings of a recipe that runs of older versions do not name, and what they trained with.
ADDED = {"base_rate": 1.0}
LONGER = (
    "the rate of each step follows from their number, so let this run end, and go on with it by --extend, or start another from "
    "its weights: --weights {folder} and another --output"
)
OTHERWISE = "choose another folder, or the same settings, data and versions"
UNLOCKED = "--output {folder}: {reason}, so make sure yourself that no other process trains in it"

Say = Callable[[str], None]


def open_run(
    folder: Path, config: TrainConfig, class_names: Sequence[str], *, data: Mapping[str, str], network: ModelConfig, note: Say
) -> bool:
    """Make a run's folder, or find that it holds this very run already; returns whether it did.

    Args:
        folder: it may exist, but must be empty or hold a run of the same settings, classes and data.
        config: the settings.
        class_names: of the training data, without background.
        data: a fingerprint for each part of the data, for the order of training, and for the weights that training starts from.
        network: what is trained, to be written down.
        note: is told where the data, or what else the run starts from, lay before, if they lie elsewhere now.

    Raises:
        ConfigError: the folder cannot be written, holds something else, or a run that differs; the message names the difference.
    """
    settings = {name: value for name, value in dataclasses.asdict(config).items() if name not in FREE}
    recipe = {name: value for name, value in dataclasses.asdict(config.settings()).items() if name not in OF_THE_NETWORK}
    libraries = {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}
    versions = {"tf_ssd": __version__, **libraries, "python": sys.version.split()[0]}
    parts = {"settings": settings, "recipe": recipe, "network": dataclasses.asdict(network), "data": dict(data)}
    run = {**parts, "versions": versions}
    if (folder / RUN).exists():
        _check_same(folder, _as_json(run), class_names, note)
        return True
    check_usable(folder)
    with writing(f"--output {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CLASSES).exists():
            check_class_names(read_class_names(folder / CLASSES), class_names, f"{folder} and the data")
        write_class_names(folder / CLASSES, class_names)
        write_json(folder / RUN, run)
    return False


@contextmanager
def claimed(folder: Path, warn: Say) -> Iterator[None]:
    """Inside, no other process can train in a run's folder. Files that a killed run left unfinished in it are removed.

    `warn` is told if nothing keeps other processes out, because system or drive cannot lock a folder.

    Raises:
        ConfigError: another process is training in the folder.
    """
    descriptor = _locked(folder, warn)
    try:
        for path in unfinished(folder):
            path.unlink(missing_ok=True)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(folder: Path, warn: Say) -> int | None:
    """A descriptor of the folder, which is locked until it is closed; None without such locks."""
    try:
        import fcntl
    except ImportError:
        warn(UNLOCKED.format(folder=folder, reason="this system cannot lock a folder"))
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigError(f"--output {folder}: another process is training in it; wait for it, or choose another folder") from None
    except OSError as error:  # not every network drive can lock
        warn(UNLOCKED.format(folder=folder, reason=f"the drive cannot lock a folder ({error.strerror})"))
    return descriptor


def _check_same(folder: Path, run: dict[str, Any], class_names: Sequence[str], note: Say) -> None:
    """Raise ConfigError, which names the first difference, unless the folder holds this run.

    Other versions may continue it, if they train in the same order.
    """
    try:
        found = json.loads(require_file(folder / RUN).read_text(encoding="utf-8"))
        parts = zip(_compared(found), _compared(run), strict=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder / RUN}: cannot be read ({error}); choose another --output") from error
    check_class_names(read_class_names(folder / CLASSES), class_names, f"{folder} and the data")
    for theirs, ours in parts:
        for name in sorted(theirs.keys() | ours.keys()):
            if theirs.get(name) != ours.get(name):
                change = f"{name} was {theirs.get(name)!r} and is {ours.get(name)!r}"
                ends_in_weights = not found["settings"].get("overfit_one_batch")
                remedy = LONGER.format(folder=folder) if name == "steps" and ends_in_weights else OTHERWISE
                raise ConfigError(f"--output {folder} holds another run: {change}; {remedy}")
    for name in PLACES:
        before, now = (_paths(values["settings"].get(name)) for values in (found, run))
        if list(map(os.path.abspath, before)) != list(map(os.path.abspath, now)):
            was, is_now = (" ".join(paths) or "not given" for paths in (before, now))
            note(f"{flag(name)} was {was} when the run was started, and is {is_now}: what is there is the same")


def _compared(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a run as it is written down, what must be the same for it to be continued."""
    left_out = {"settings": PLACES, "recipe": OF_THE_NETWORK, "data": ()}
    unsaid = _as_json(dataclasses.asdict(TrainConfig()))  # settings that older versions do not name
    parts = {**run, "settings": unsaid | dict(run["settings"]), "recipe": ADDED | dict(run["recipe"])}
    return [{name: value for name, value in dict(parts[part]).items() if name not in names} for part, names in left_out.items()]


def _paths(value: str | list[str] | None) -> list[str]:
    """The paths in a setting as JSON has it."""
    return value if isinstance(value, list) else [value] if value else []


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(values, default=str))
