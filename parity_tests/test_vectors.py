"""What the audit exports for other languages is what the reference computes, and suffices to compute it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

import reference_torch.default_boxes as reference
from parity_tests.adapters import REFERENCE
from tf_ssd.audit.vectors.networks import KINDS, NetworkVector, write_networks
from tf_ssd.audit.vectors.numbers import from_array
from tf_ssd.audit.vectors.operations import OperationVector, operation_vectors

INTEGERS = {"gt_labels", "target_labels"}


def computed(vector: OperationVector) -> dict[str, np.ndarray]:
    """The outputs of the reference."""
    if vector.operation == "default_boxes.default_boxes":
        preset = getattr(reference, vector.name.removeprefix("default-boxes-"))
        return {"default_boxes": reference.default_boxes(preset, dtype=torch.float64).numpy()}
    inputs = {name: from_array(array) for name, array in vector.inputs.items()}
    inputs = {name: array.astype(np.int64) if name in INTEGERS else array for name, array in inputs.items()}
    if vector.operation == "loss.multibox_loss":
        found, gradients = REFERENCE.value_and_gradients(vector.operation, *inputs.values(), wrt=(0, 1), **vector.settings)
        return dict(zip(vector.outputs, (*found, *gradients), strict=True))
    return dict(zip(vector.outputs, REFERENCE.call(vector.operation, *inputs.values(), **vector.settings), strict=True))


@pytest.mark.parametrize("vector", list(operation_vectors()), ids=lambda vector: vector.name)
def test_operations_are_those_of_the_reference(vector: OperationVector) -> None:
    for name, value in computed(vector).items():
        np.testing.assert_allclose(value, from_array(vector.outputs[name]), rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("networks")
    return folder, write_networks(folder)


@pytest.mark.parametrize("place", range(len(KINDS)), ids=KINDS)
def test_a_network_can_be_computed_from_its_files(networks: tuple[Path, list[str]], place: int) -> None:
    folder = networks[0] / networks[1][place]
    vector = msgspec.json.decode((folder / "network.json").read_bytes(), type=NetworkVector)
    weights, outputs = load_file(folder / "weights.safetensors"), load_file(folder / "outputs.safetensors")
    used = set()
    for layer in vector.layers[1:]:
        taken = [outputs[name].double() for name in layer["takes"]]
        own = {name: weights[path].double() for name, path in layer.get("weights", {}).items()}
        used |= set(layer.get("weights", {}).values())
        expected = outputs[layer["name"]].double()
        torch.testing.assert_close(
            LAYERS[layer["does"]](layer, *taken, own), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())
        )
    assert used == set(weights)
    assert expected.shape[-1] in (4, vector.description["num_classes"])


def convolved(layer: Any, maps: Tensor, own: dict[str, Tensor]) -> Tensor:
    """By the layer's kernel, of shape (height, width, channels taken, channels given)."""
    depthwise = layer["does"].startswith("depthwise")
    kernel = own["kernel"].permute((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
    options = {"stride": layer["strides"], "dilation": layer["dilation"], "groups": maps.shape[-1] if depthwise else 1}
    return F.conv2d(padded(maps, layer["padding"]), kernel, own.get("bias"), **options).movedim(1, -1)


def pooled(layer: Any, maps: Tensor, _: Any) -> Tensor:
    """The largest value of each window, none of which is one that was padded."""
    return F.max_pool2d(padded(maps, layer["padding"], -torch.inf), layer["size"], layer["strides"]).movedim(1, -1)


def padded(x: Tensor, pixels: list[int], value: float = 0.0) -> Tensor:
    """(N, H, W, C) to (N, C, H, W) with (top, bottom, left, right) pixels of that value around it."""
    top, bottom, left, right = pixels
    return F.pad(x.movedim(-1, 1), (left, right, top, bottom), value=value)


def normalized(layer: Any, maps: Tensor, own: dict[str, Tensor]) -> Tensor:
    """By the moving statistics."""
    return (maps - own["moving_mean"]) / (own["moving_variance"] + layer["epsilon"]).sqrt() * own["gamma"] + own["beta"]


def scaled(layer: Any, maps: Tensor, _: Any) -> Tensor:
    """Each channel by itself."""
    scale, shift = (torch.tensor(layer[name], dtype=maps.dtype) for name in ("scale", "shift"))
    return maps * scale + shift


# What each layer does, on the outputs of those that it takes, maps being (1, height, width, channels).
LAYERS: dict[str, Callable[..., Tensor]] = {
    "scale and shift": scaled,
    "convolution": convolved,
    "depthwise convolution": convolved,
    "batch normalization": normalized,
    "max pooling": pooled,
    "relu, then max pooling": lambda layer, x, own: pooled(layer, x.relu(), own),
    "zero padding": lambda layer, x, _: padded(x, layer["padding"]).movedim(1, -1),
    "relu": lambda layer, x, _: x.clamp(0, layer["limit"]),
    "hard swish": lambda _, x, __: F.hardswish(x),
    "hard sigmoid": lambda _, x, __: F.relu6(x + 3) / 6,
    "l2 normalization of the channels, scaled": lambda _, x, own: F.normalize(x, dim=-1) * own["scale"],
    "mean of all pixels": lambda _, x, __: x.mean((1, 2), keepdim=True),
    "sum": lambda _, x, y, __: x + y,
    "product": lambda _, x, y, __: x * y,
    "reshape": lambda layer, x, _: x.reshape(1, -1, layer["columns"]),
    "one after another": lambda _, *maps: torch.cat(maps[:-1], 1),
}
