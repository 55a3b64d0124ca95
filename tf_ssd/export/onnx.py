"""ONNX, by tf2onnx."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_ssd.export.packages import needed
from tf_ssd.export.serving import Serve

OPSET = 18
AXES = ("batch", "height", "width")
KEY = "tf_ssd"  # in the model's metadata


def write(serve: Serve, spec: tf.TensorSpec, path: Path) -> None:
    """Convert the function and write it."""
    convert = needed("tf2onnx.convert", "onnx")
    function = tf.function(serve, input_signature=[spec], autograph=False)
    convert.from_function(function, input_signature=[spec], opset=OPSET, output_path=str(path))


def name_outputs(path: Path, names: Sequence[str]) -> None:
    """Put the outputs of a file of `write` in this order, and name the axes that are not fixed: batch, height, width."""
    onnx = needed("onnx", "onnx")
    model = onnx.load(path)
    by_name = {output.name: output for output in model.graph.output}
    ordered = [by_name[name] for name in names]
    for value in (*model.graph.input, *ordered):
        for axis, name in zip(value.type.tensor_type.shape.dim, AXES, strict=False):
            if not axis.dim_value:
                axis.dim_param = name
    del model.graph.output[:]
    model.graph.output.extend(ordered)
    onnx.save(model, path)


def describe(path: Path, about: dict[str, Any]) -> None:
    """Put metadata into the file."""
    onnx = needed("onnx", "onnx")
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {KEY: json.dumps(about)})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def described(path: Path) -> dict[str, Any]:
    """The inverse of `describe`."""
    session = needed("onnxruntime", "onnx").InferenceSession(path, providers=["CPUExecutionProvider"])
    return json.loads(session.get_modelmeta().custom_metadata_map[KEY])


class Runner:
    """Runs the file in ONNX Runtime."""

    def __init__(self, path: Path) -> None:
        self._session = needed("onnxruntime", "onnx").InferenceSession(path, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._session.get_outputs()]

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """From (B, H, W, 3) to the outputs by name."""
        return dict(zip(self._names, self._session.run(self._names, {"images": images}), strict=True))
