"""torchvision as third witness: the bodies of its networks for classification, with drawn weights, at the taps of ours."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from parity_tests import gradients, published
from parity_tests.network import photos
from tf_ssd.weights.published import import_published
from tf_ssd.weights.tables import torchvision
from tf_ssd.weights.tables.table import Table

OPERATION = "model.imported_bodies"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of colours 0..1


SIDE, NARROW = 64, 1 / 16  # for gradients


def scaled(pixels: np.ndarray) -> torch.Tensor:
    """As its documentation has it."""
    return published.as_torch((pixels / np.float32(255) - np.float32(MEAN)) / np.float32(STD))


def colours(image: torch.Tensor) -> torch.Tensor:
    """The same for (B, 3, H, W) in float64."""
    mean, std = (torch.tensor(values, dtype=torch.float64)[:, None, None] for values in (MEAN, STD))
    return (image / 255 - mean) / std


def narrow_vgg19() -> nn.Module:
    """With a sixteenth of the channels."""
    channels = [layer if layer == "M" else int(layer * NARROW) for layer in models.vgg.cfgs["E"]]
    return nn.ModuleDict({"features": models.vgg.make_layers(channels)})


def blocks(network: nn.Module, pixels: np.ndarray, until: dict[str, int]) -> dict[str, np.ndarray]:
    """What comes out of its first `until` features, (B, H, W, channels), by our name for it."""
    with torch.no_grad():
        outputs = {name: network.features[:count](scaled(pixels)) for name, count in until.items()}
    return {name: output.permute(0, 2, 3, 1).numpy() for name, output in outputs.items()}


@pytest.mark.parametrize(
    ("network", "taps"),
    [
        (models.mobilenet_v2, {"block_12_add": 14, "Conv_1_relu": 19}),
        (models.mobilenet_v3_large, {"expanded_conv_11_add": 13, "conv_1_hard_swish": 17}),
    ],
)
def test_mobilenets(network: Callable[[], nn.Module], taps: dict[str, int], tmp_path: Path) -> None:
    """Every convolution, and what follows activation: the last tap, and what the first is expanded from."""
    theirs = published.randomise(network(), seed=3)
    account = published.import_from_torchvision(theirs, tmp_path)
    side = account.model.config.boxes.image_size
    pixels = photos(7, 1, np.float32, side=side)
    expected = published.layers_in_torch(theirs, lambda: theirs.features(scaled(pixels)), account)
    expected |= blocks(theirs, pixels, taps)
    assert expected.keys() > set(account.model.config.architecture.taps)
    published.assert_close(published.layers_of(account.model, expected, pixels), expected, operation=OPERATION)


@pytest.mark.parametrize(
    ("network", "table", "taps"),
    [
        (models.mobilenet_v2, torchvision.MOBILENET_V2, {"block_12_add": 14, "Conv_1_relu": 19}),
        (models.mobilenet_v3_large, torchvision.MOBILENET_V3, {"expanded_conv_11_add": 13, "conv_1_hard_swish": 17}),
        (narrow_vgg19, torchvision.VGG19, {"conv4_4_relu": 27, "conv5_4_relu": 36}),
    ],
)
def test_gradients(network: Callable[[], nn.Module], table: Table, taps: dict[str, int]) -> None:
    """Of a batch in training, with normalisation by its own statistics, for the image and for every weight up to the last tap."""
    theirs = gradients.with_exact_slopes(published.randomise(network(), seed=5))
    tensors = {name: tensor.numpy() for name, tensor in theirs.state_dict().items()}
    width = NARROW if network is narrow_vgg19 else 1.0
    ours = gradients.body_of(table, tensors, taps, side=SIDE, width=width)
    pixels = photos(12, 2, side=SIDE)
    expected = gradients.in_torch(
        theirs, lambda image: [theirs.features[:count](colours(image)) for count in taps.values()], pixels
    )
    gradients.assert_close(gradients.of_network(ours, pixels), expected, table)


def test_vgg19(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every convolution, with pool3 rounding 75 cells up to 38, which is how SSD changes a VGG. The dense layers take no memory."""
    with torch.device("meta"):
        theirs = models.vgg19()
    theirs.features.to_empty(device="cpu")
    published.randomise(theirs.features, seed=4).get_submodule("18").ceil_mode = True
    tensors = {
        name: np.broadcast_to(np.float32(0), tensor.shape) if tensor.is_meta else tensor.numpy()
        for name, tensor in theirs.state_dict().items()
    }
    monkeypatch.setattr("tf_ssd.weights.published.read_weights", lambda _: tensors)
    account = import_published("torchvision", Path("vgg19.pth"), num_classes=None, channels=None)
    assert account.model.config.name == "ssd300_vgg19"
    pixels = photos(8, 1, np.float32)
    expected = published.layers_in_torch(theirs, lambda: theirs.features(scaled(pixels)), account)
    assert len(expected) == 16
    published.assert_close(published.layers_of(account.model, expected, pixels), expected, operation=OPERATION)
