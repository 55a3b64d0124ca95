"""The bodies of the family on a small picture: every activation that may be a feature map, after its activation."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
import torch

from parity_tests.network import channels_first, dtype_policy, with_weights_of
from parity_tests.pins import pins
from reference_torch import bodies
from reference_torch.layers import Layers, Style
from tf_ssd.config import NETWORKS, ModelConfig
from tf_ssd.network import backbones

NARROW = 1 / 32  # the width, of channels that need not be multiples of anything
SIDE = 44  # halved to 22 11 6 3 2: paddings differ where a side is even, poolings where it is odd


def check_body(name: str, reference: Callable[..., dict[str, torch.Tensor]], **changed: Any) -> None:
    """That of a network, in float64, without batch normalisation; the pixels are large enough for ReLU6 to limit."""
    described = replace(NETWORKS[name].architecture, divisor=1, **changed)
    pixels = np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)) * 3
    weights = Layers(Style(described.activation, same=described.padding == "same", width=NARROW))
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        reference(weights, channels_first(pixels).float())  # makes the layers
        expected = reference(weights.double(), channels_first(pixels))
    config = ModelConfig(architecture=described, width=NARROW)
    with dtype_policy("float64"):
        image = keras.Input((SIDE, SIDE, 3), dtype="float64")
        model = with_weights_of(weights, keras.Model(image, backbones.BODIES[described.base](image, config)))
    actual = model(pixels)
    assert set(described.taps) <= actual.keys() <= expected.keys()
    for layer, values in ((layer, expected[layer].permute(0, 2, 3, 1).numpy()) for layer in actual):
        assert actual[layer].shape == values.shape, layer
        np.testing.assert_allclose(actual[layer], values, rtol=0, atol=1e-12 * np.abs(values).max(), err_msg=layer)
        assert np.ptp(values) > 0


@pins("config.network.Architecture", "tail")
@pins("network.backbones.mobilenet_v3.body")
@pins("network.backbones.mobilenet_v3._filtered")
def test_mobilenet_v3() -> None:
    check_body("ssdlite320_mobilenet_v3_large", partial(bodies.mobilenet_v3_large, c4=80))


@pins("network.backbones.mobilenet_v2.body")
@pins("network.backbones.mobilenet_v2._inverted_residual")
def test_mobilenet_v2() -> None:
    for padding in ("same", "both"):
        check_body("ssd300_mobilenet_v2", bodies.mobilenet_v2, padding=padding)


@pins("network.backbones.mobilenet_v1.body")
def test_mobilenet_v1() -> None:
    for padding in ("same", "both"):
        check_body("ssd300_mobilenet_v1", bodies.mobilenet_v1, padding=padding)


@pins("network.backbones.vgg.body")
def test_vgg() -> None:
    check_body("ssd300_vgg19", partial(bodies.vgg, depths=(2, 2, 4, 4, 4)))
