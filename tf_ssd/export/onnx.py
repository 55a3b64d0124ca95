"""ONNX, by tf2onnx."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_ssd.export.packages import needed
from tf_ssd.export.serving import BORDERS, SUMS, Serve

OPSET = 18
AXES = ("batch", "height", "width")
KEY = "tf_ssd"  # in the model's metadata
EIGHT_BITS = {"Conv": ".*", "MaxPool": ".*", "Relu": ".*", "Clip": ".*", "Add": SUMS, "Pad": BORDERS}  # by operations, nodes' names


def write(serve: Serve, spec: tf.TensorSpec, path: Path) -> None:
    """Convert the function and write it."""
    convert = needed("tf2onnx.convert", "onnx")
    function = tf.function(serve, input_signature=[spec], autograph=False)
    convert.from_function(function, input_signature=[spec], opset=OPSET, output_path=str(path))


def quantize(path: Path, pictures: Iterable[np.ndarray]) -> None:
    """Quantize the convolutions of a file of `write`, and what lies between them, to eight bits by ONNX Runtime.

    What stays in float32 is what `litert.quantize` leaves.

    Args:
        path: the file, which is replaced.
        pictures: batches (B, H, W, 3) to calibrate with.
    """
    quantization = needed("onnxruntime.quantization", "onnx")
    types = quantization.QuantType
    # Normalisation becomes a part of the convolution before it.
    quantization.quant_pre_process(path, path, skip_symbolic_shape=True)
    nodes = needed("onnx", "onnx").load(path).graph.node
    chosen = [node.name for node in nodes if node.op_type in EIGHT_BITS and re.fullmatch(EIGHT_BITS[node.op_type], node.name)]
    quantization.quantize_static(
        path,
        path,
        _Calibration(pictures),
        op_types_to_quantize=list(EIGHT_BITS),
        nodes_to_quantize=chosen,
        per_channel=True,
        activation_type=types.QUInt8,
        weight_type=types.QInt8,
        extra_options={"CalibMovingAverage": True},  # the mean of the pictures' extremes, which one odd picture does not stretch
    )


class _Calibration:
    """Batches as ONNX Runtime asks for them."""

    def __init__(self, batches: Iterable[np.ndarray]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The inputs of the next run, None after the last."""
        images = next(self._batches, None)
        return None if images is None else {"images": images}


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
