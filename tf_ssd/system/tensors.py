"""Tensors by name, and a description of them, in one safetensors file that is whole or not there."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tf_ssd.system.files import require_file, written_beside

ABOUT = "tf_ssd"
UNREADABLE = (OSError, SafetensorError, ValueError, KeyError, TypeError)  # what a damaged or foreign file may raise

Tensors = Mapping[str, np.ndarray]


def write_tensors(path: Path, tensors: Tensors, about: dict[str, Any]) -> None:
    """Write a file under another name, wait until it is on the disk, and rename it to `path`.

    Args:
        path: the file.
        tensors: by name.
        about: plain values that describe them, kept as JSON.

    Raises:
        OSError, SafetensorError: the file cannot be written.
    """
    with written_beside(path) as unfinished:
        # One entry of metadata, because several would be written in any order.
        save_file(dict(tensors), unfinished, {ABOUT: json.dumps(about)})
        _flush(unfinished)
    _flush(path.parent)


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors and the description in a file of `write_tensors`; raises one of UNREADABLE for any other or a damaged file."""
    with safe_open(require_file(path), "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()[ABOUT])  # noqa: SIM118  not a dict


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
