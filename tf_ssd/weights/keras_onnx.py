"""VGG16 of Keras Applications in an ONNX file that tf2onnx made, under whatever top."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tf_ssd.errors import WeightsError
from tf_ssd.weights.tables import vgg
from tf_ssd.weights.tables.keras_applications import VGG16
from tf_ssd.weights.tables.table import Table, Target
from tf_ssd.weights.tables.torch_layout import OIHW

# "functional_1/block1_conv1_1/convolution/ReadVariableOp:0": the layer's name with a number that Keras may append.
LAYER = re.compile(r"(?:^|/)(block\d_conv\d)(?:_\d+)?/")


def read_onnx(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The initializers of a file but whole numbers, which are shapes and indices; "block1_conv1/kernel", "/bias" for VGG's.

    Raises:
        WeightsError: an initializer is kept in another file.
    """
    import onnx

    model = onnx.load(path, load_external_data=False)
    for initializer in model.graph.initializer:
        if onnx.external_data_helper.uses_external_data(initializer):
            what_to_do = "save the model with its weights inside and try again"
            raise WeightsError(f"{path}: tensor {initializer.name} is kept in another file, which is not read; {what_to_do}")
        if initializer.data_type not in (onnx.TensorProto.INT32, onnx.TensorProto.INT64):
            array = onnx.numpy_helper.to_array(initializer)
            yield _short(initializer.name, array), array


def _short(name: str, array: np.ndarray) -> str:
    """The name without what tf2onnx and Keras put around it, which is not the same in all files."""
    layer, kind = LAYER.search(name), {4: "kernel", 1: "bias"}.get(array.ndim)
    return f"{layer[1]}/{kind}" if layer and kind else name


def _targets() -> Iterator[tuple[str, Target]]:
    for layer in vgg.layers("vgg16"):
        theirs = vgg.keras_name(layer)
        yield f"{theirs}/kernel", Target(f"{layer}.kernel", OIHW)
        yield f"{theirs}/bias", Target(f"{layer}.bias")


KERAS_ONNX = Table(
    "vgg16",
    "VGG16 of Keras Applications in an ONNX file",
    dict(_targets()),
    channels="bgr",
    config=VGG16[0].config,
    suits=lambda tensors: tensors["block1_conv1/kernel"].shape[1:] == (3, 3, 3),  # Keras itself keeps it as (3, 3, 3, 64)
    others=r"(?!block\d_conv\d/).*",  # the top, which is everybody's own; VGG19 has more convolutions and is refused
)
