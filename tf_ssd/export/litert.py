"""LiteRT (.tflite), by TensorFlow's converter and the AI Edge Quantizer."""

import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_ssd.config import Quantize
from tf_ssd.export.metadata import NAME
from tf_ssd.export.packages import needed
from tf_ssd.export.serving import BORDERS, SIGNATURE, SUMS

LABELS = "labels.txt"


def write(saved_model: Path, path: Path) -> None:
    """Convert a SavedModel and write it."""
    needed("ai_edge_litert", "tflite")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[SIGNATURE])
    path.write_bytes(converter.convert())


def quantize(path: Path, how: Quantize, pictures: Iterable[np.ndarray]) -> None:
    """Quantize the convolutions of a file, and for "int8" what lies between them.

    The operations after the network decide by small differences, and stay in float32; so do those of squeeze and excitation and
    hard swish, which runtimes are slower at in int8.

    Args:
        path: a file of `write`, which is replaced.
        how: "float16" or "dynamic" changes weights only, "int8" activations too.
        pictures: batches (B, H, W, 3) to calibrate "int8" with.
    """
    quantizer = needed("ai_edge_quantizer.quantizer", "tflite").Quantizer(str(path))
    types = needed("ai_edge_quantizer.qtyping", "tflite")
    operations = types.TFLOperationName
    convolutions = (operations.CONV_2D, operations.DEPTHWISE_CONV_2D)
    calibration = None
    match how:
        case "float16":
            weights = types.TensorQuantizationConfig(num_bits=16, dtype=types.TensorDataType.FLOAT)
            config = types.OpQuantizationConfig(
                weight_tensor_config=weights, compute_precision=types.ComputePrecision.FLOAT, explicit_dequantize=True
            )
            for operation in convolutions:
                quantizer.update_quantization_recipe(".*", operation, config, algorithm_key="float_casting")
        case "dynamic":
            for operation in convolutions:
                quantizer.add_dynamic_config(".*", operation, num_bits=8)
        case "int8":
            between = ((SUMS, operations.ADD), (BORDERS, operations.PAD), (".*", operations.MAX_POOL_2D))
            for names, operation in (*((".*", operation) for operation in convolutions), *between):
                quantizer.add_static_config(names, operation, activation_num_bits=8, weight_num_bits=8)
            # While it runs: at the end, results of suppression that nobody reads have no memory to be read from.
            mode = needed("ai_edge_quantizer.calibrator", "tflite").CalibrationMode.CALIBRATION_PROFILER_BASED
            calibration = quantizer.calibrate({SIGNATURE: [{"images": images} for images in pictures]}, mode=mode)
    path.write_bytes(quantizer.quantize(calibration).quantized_model)


def name_outputs(path: Path, names: Sequence[str]) -> None:
    """Name the tensors that go in and come out of a file as in its signature, and put the outputs in this order."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    (signature,) = model.signatureDefs
    graph = model.subgraphs[signature.subgraphIndex]
    for tensor in (*signature.inputs, *signature.outputs):
        graph.tensors[tensor.tensorIndex].name = tensor.name
    place_of = {tensor.name.decode(): tensor.tensorIndex for tensor in signature.outputs}
    graph.outputs = [place_of[name] for name in names]
    flatbuffer_utils.write_model(model, str(path))


def describe(path: Path, about: dict[str, Any]) -> None:
    """Append metadata and class names as a ZIP archive: tools for this format look for them there."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(NAME, json.dumps(about, indent=2) + "\n")
        archive.writestr(LABELS, "".join(f"{name}\n" for name in about["classes"]))


def described(path: Path) -> dict[str, Any]:
    """The inverse of `describe`."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(NAME))


class Runner:
    """Runs the file in the LiteRT interpreter, on all cores."""

    def __init__(self, path: Path) -> None:
        interpreter = needed("ai_edge_litert.interpreter", "tflite").Interpreter(str(path), num_threads=os.cpu_count())
        self._run = interpreter.get_signature_runner(SIGNATURE)

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """From (B, H, W, 3) to the outputs by name."""
        return self._run(images=images)
