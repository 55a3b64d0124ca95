"""OpenVINO: a graph in XML, with the weights beside it, which OpenVINO makes of a SavedModel."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tf_ssd.export.packages import needed

GRAPH = "model.xml"  # beside model.bin
KEY = "tf_ssd"  # in the model's runtime information
# Where a processor multiplies matrices in bfloat16, OpenVINO does so by itself: faster, and scores differ by up to 0.002.
AS_EXPORTED = {"INFERENCE_PRECISION_HINT": "f32"}


def write(saved_model: Path, path: Path, about: dict[str, Any], *, half: bool) -> None:
    """Write a SavedModel into a new folder in OpenVINO's form, with metadata; `half` for weights in float16."""
    openvino = needed("openvino", "openvino")
    found = openvino.Core().read_model(saved_model)
    ordered = [found.output(name).get_node() for name in about["outputs"]]
    model = openvino.Model(ordered, found.get_parameters(), KEY)
    model.set_rt_info(json.dumps(about), KEY)
    path.mkdir()
    openvino.save_model(model, path / GRAPH, compress_to_fp16=half)


def described(path: Path) -> dict[str, Any]:
    """The metadata of a folder of `write`."""
    model = needed("openvino", "openvino").Core().read_model(path / GRAPH)
    return json.loads(model.get_rt_info(KEY).astype(str))


class Runner:
    """Runs the model in OpenVINO, on the processor and in float32."""

    def __init__(self, path: Path) -> None:
        self._model = needed("openvino", "openvino").Core().compile_model(path / GRAPH, "CPU", AS_EXPORTED)

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """From (B, H, W, 3) to the outputs by name."""
        found = self._model({"images": images})
        return {output.get_any_name(): found[output].copy() for output in self._model.outputs}  # their memory is used again
