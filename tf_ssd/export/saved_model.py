"""SavedModel, by Keras: for TensorFlow and TF Serving, and as the form that LiteRT is converted from."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_ssd.export.metadata import NAME
from tf_ssd.export.serving import SIGNATURE, Serve

EXTRA = "assets.extra"  # TF Serving leaves this folder to whoever makes the model


def write(serve: Serve, spec: tf.TensorSpec, path: Path) -> None:
    """Write the folder of a SavedModel with one signature."""
    archive = keras.export.ExportArchive()
    archive.add_endpoint(SIGNATURE, serve, input_signature=[spec])
    archive.write_out(str(path), verbose=False)


def describe(path: Path, about: dict[str, Any]) -> None:
    """Put metadata into the folder."""
    (path / EXTRA).mkdir()
    (path / EXTRA / NAME).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def described(path: Path) -> dict[str, Any]:
    """The inverse of `describe`."""
    return json.loads((path / EXTRA / NAME).read_text(encoding="utf-8"))


class Runner:
    """Calls the signature that TF Serving would."""

    def __init__(self, path: Path) -> None:
        self._model = tf.saved_model.load(str(path))  # kept, because it owns the variables of the signature

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """From (B, H, W, 3) to the outputs by name."""
        outputs = self._model.signatures[SIGNATURE](images=tf.constant(images))
        return {name: value.numpy() for name, value in outputs.items()}
