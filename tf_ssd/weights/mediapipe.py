"""The SSD MobileNetV2 300x300 that MediaPipe publishes with Objectron: trained on Open Images by the Object Detection API.

Its file for LiteRT has batch normalisation folded into the convolutions, and float16 weights. It lies as it is, or after its label
map, in `objectron_solution_packed_assets.data` of the npm package `@mediapipe/objectron`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tf_ssd.config import network_named
from tf_ssd.errors import WeightsError
from tf_ssd.network.backbones.mobilenet_v2 import NAMES, parts_of
from tf_ssd.weights.tables.table import AS_IS, Conversion, Table, Target, levels
from tf_ssd.weights.tflite import constants, label_map, read_model

CONFIG = replace(network_named("ssd300_mobilenet_v2"), batch_norm=False)
SCOPE = "FeatureExtractor/MobilenetV2"
# A convolution's constants are named after it and the normalisation that was folded into it, then after other operations.
OPERATIONS = re.compile(r"/(Conv2D|BiasAdd|BatchNorm/FusedBatchNormV3)(;.*)?$")


def _ours_from_ty_tx_th_tw(outputs_first: np.ndarray) -> np.ndarray:
    """(A * 4, ...) in the order (ty, tx, th, tw) of each box -> (tx, ty, tw, th)."""
    boxes = outputs_first.reshape(-1, 4, *outputs_first.shape[1:])  # (A, 4, ...)
    return boxes[:, [1, 0, 3, 2]].reshape(outputs_first.shape)


# LiteRT keeps kernels as (output, height, width, input), those of depthwise convolutions as (1, height, width, channels).
OHWI = Conversion(lambda hwio: (hwio[3], hwio[0], hwio[1], hwio[2]), lambda array: array.transpose(1, 2, 3, 0))
OFFSETS_OHWI = Conversion(OHWI.published_shape, lambda array: OHWI.apply(_ours_from_ty_tx_th_tw(array)))
OFFSETS_AS_IS = Conversion(AS_IS.published_shape, _ours_from_ty_tx_th_tw)


def read_mediapipe(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The tensors of a .tflite file or of the bundle, "SCOPE/of/a/convolution/kernel" or "bias".

    Raises:
        WeightsError: there is no model, or it does not take pictures of 300x300.
    """
    model = read_model(path)
    graph, expected = model.subgraphs[0], [1, CONFIG.boxes.image_size, CONFIG.boxes.image_size, 3]
    taken = [list(map(int, graph.tensors[index].shape)) for index in graph.inputs]
    if taken != [expected]:
        raise WeightsError(f"{path}: takes {', '.join(map(str, taken))}, but {MEDIAPIPE.description} takes {expected}")
    for name, array in constants(model):
        yield OPERATIONS.sub("", name) + ("/kernel" if array.ndim == 4 else "/bias"), array


def class_names_inside(path: Path, num_classes: int) -> tuple[str, ...] | None:
    """The C - 1 classes that the file names; None if it names none, or another number."""
    names = label_map(path)
    return names if len(names) == num_classes - 1 else None


def _layers() -> Iterator[tuple[str, str]]:
    """Scope and our name of every convolution."""
    yield from ((f"{SCOPE}/Conv", "Conv1"), (f"{SCOPE}/Conv_1", "Conv_1"))
    for block in NAMES:
        yield from ((f"{SCOPE}/{block.replace('block', 'expanded_conv')}/{part}", f"{block}_{part}") for part in parts_of(block))
    for number, extra in enumerate(CONFIG.architecture.extras, start=2):
        yield f"{SCOPE}/layer_19_1_Conv2d_{number}_1x1_{extra.squeezed}", f"{extra.name}_1"
        yield f"{SCOPE}/layer_19_2_Conv2d_{number}_3x3_s2_{extra.channels}", f"{extra.name}_2"
    for level in levels(CONFIG):
        yield f"BoxPredictor_{level}/BoxEncodingPredictor", f"offsets_{level}"
        yield f"BoxPredictor_{level}/ClassPredictor", f"logits_{level}"


def _targets() -> Iterator[tuple[str, Target]]:
    for theirs, ours in _layers():
        swapped = ours.startswith("offsets_")
        yield f"{theirs}/kernel", Target(f"{ours}.kernel", OFFSETS_OHWI if swapped else OHWI)
        yield f"{theirs}/bias", Target(f"{ours}.bias", OFFSETS_AS_IS if swapped else AS_IS)


MEDIAPIPE = Table(
    "mediapipe",
    "the SSD MobileNetV2 of MediaPipe's Objectron",
    dict(_targets()),
    channels="rgb",
    config=CONFIG,
)
