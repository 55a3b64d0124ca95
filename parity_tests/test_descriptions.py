"""What a description of a network says is what is built: convolutions, extra layers, heads, and all of it around a small body."""

from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch.nn.functional import avg_pool2d

import reference_torch.default_boxes
import reference_torch.model as reference
from parity_tests.adapters import EAGER
from parity_tests.network import (
    channels_first,
    check_network,
    dtype_policy,
    photos,
    production_network,
    reference_network,
    variables_of,
    with_weights_of,
)
from parity_tests.pins import pins
from reference_torch.layers import Layers, Style
from tf_ssd.config import ModelConfig, caffe_boxes
from tf_ssd.config.network import Architecture, Extra, Heads
from tf_ssd.model import ssd
from tf_ssd.network.convolution import body_padding, convolution, depthwise


def units() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Kinds of convolutions of 3x3, and their settings on either side; "body" stands for the padding of the description."""
    return [
        ("convolution", {}, {"padding": 0}),
        ("convolution", {"stride": 2, "padding": "body"}, {"stride": 2}),
        (
            "convolution",
            {"padding": 2, "dilation": 2, "activation": "linear"},
            {"padding": 2, "dilation": 2, "activation": "linear"},
        ),
        (
            "convolution",
            {"padding": 1, "stride": 2, "activation": "hard_swish"},
            {"padding": 1, "stride": 2, "activation": "hardswish"},
        ),
        ("depthwise", {}, {"padding": 1}),
        ("depthwise", {"stride": 2, "padding": "body", "activation": "relu"}, {"stride": 2, "activation": "relu"}),
    ]


def check_units(described: Architecture, style: Style) -> None:
    """Each by itself, in prediction and in a step of training, and the moving statistics after it; the sides are even and odd."""
    config = ModelConfig(architecture=described, width=0.3, batch_norm=True)
    pixels = np.random.default_rng(0).normal(size=(3, 6, 7, 8)) * 8
    weights = Layers(style).eval()
    unit_outputs(weights, channels_first(pixels).float())  # makes the layers
    weights = weights.double()
    for name, values in weights.named_parameters():
        if "_bn" in name:
            torch.nn.init.uniform_(values, 1, 3)
    with dtype_policy("float64"):
        image = keras.Input((6, 7, 8), dtype="float64")
        outputs = {}
        for number, (kind, settings, _) in enumerate(units()):
            chosen = {key: body_padding(3, config) if value == "body" else value for key, value in settings.items()}
            if kind == "convolution":
                outputs[f"unit_{number}"] = convolution(image, f"unit_{number}", 20, 3, config, **chosen)
            else:
                outputs[f"unit_{number}"] = depthwise(image, f"unit_{number}", 3, config, **chosen)
        model = with_weights_of(weights, keras.Model(image, outputs))
    for training in (False, True):
        weights.train(training)
        with torch.no_grad():
            theirs = unit_outputs(weights, channels_first(pixels))
        for name, actual in model(tf.constant(pixels), training=training).items():
            np.testing.assert_allclose(actual, theirs[name].permute(0, 2, 3, 1), rtol=0, atol=1e-12, err_msg=name)
    kept = variables_of(weights)
    for variable in model.non_trainable_variables:
        # torch keeps the variance of n - 1 degrees of freedom, Keras that of n; it was 1 at first.
        n = theirs[variable.path.split("_bn")[0]][:, 0].numel()
        before, share = (1 - style.momentum, 1 - 1 / n) if variable.path.endswith("variance") else (0, 1)
        np.testing.assert_allclose(variable.numpy(), before + (kept[variable.path] - before) * share, rtol=1e-12, atol=1e-12)


def unit_outputs(weights: Layers, x: torch.Tensor) -> dict[str, torch.Tensor]:
    found = {}
    for number, (kind, _, settings) in enumerate(units()):
        outputs = 20 if kind == "convolution" else 0
        found[f"unit_{number}"] = weights.convolve(f"unit_{number}", x, outputs, 3, depthwise=kind == "depthwise", **settings)
    return found


@pins("network.convolution.convolution", "stride", "padding", "dilation", "activation")
@pins("network.convolution.depthwise", "stride", "padding", "activation")
@pins("config.network.Architecture", "padding", "activation", "norm_epsilon", "norm_momentum", "divisor")
@pins("config.network.ModelConfig", "width", "batch_norm")
def test_convolutions() -> None:
    """The descriptions are made here, as each of their settings has to act."""
    check_units(Architecture("vgg16", ("fc7",), ()), Style(width=0.3, batch_norm=True))
    described = Architecture(
        "vgg16", ("fc7",), (), padding="same", activation="relu6", norm_epsilon=1e-5, norm_momentum=0.9, divisor=8
    )
    check_units(described, Style("relu6", same=True, width=0.3, batch_norm=True, eps=1e-5, momentum=0.1, divisor=8))


def test_first_weights() -> None:
    """Of both kinds of convolutions, drawn with the reference's standard deviation: 2,000 and more of each."""
    pixels = np.zeros((1, 4, 4, 256))
    weights = Layers(Style())
    image = keras.Input(pixels.shape[1:])
    outputs = {}
    for kind in (convolution, depthwise):
        name, sizes = f"a_{kind.__name__}", (16, 3) if kind is convolution else (3,)
        weights.convolve(name, channels_first(pixels).float(), 16, 3, depthwise=kind is depthwise)
        outputs[name] = kind(image, name, *sizes, ModelConfig(), padding=1)
    model = keras.Model(image, outputs)
    for name in outputs:
        assert np.std(model.get_layer(name).kernel) == pytest.approx(getattr(weights, name).weight.std().item(), rel=0.1)


# Whole networks on the means of 4x4 and of 3x3 parts of the image

MEANS = {"fine": 75, "coarse": 100}
BOXES: dict[str, Any] = {
    "min_sizes": (30, 60, 90, 120, 150),
    "max_sizes": (60, 90, 120, 150, 180),
    "feature_maps": (4, 3, 2, 1, 1),
    "steps": (75, 100, 150, 300, 300),
    "aspect_ratios": ((2,), (2, 3), (3,), (2,), (2,)),
}


def check_description(kind: Heads, *, head: int, lite: bool) -> None:
    """Extra layers with each padding, pixels scaled in an odd way, and a first map that is normalised."""
    extras = (
        Extra("first", 24, 16, kernel=4, stride=1, padding=1, depthwise=lite),
        Extra("second", 8, 24, padding="same", depthwise=lite),
        Extra("third", 16, 8, depthwise=lite),
    )
    described = Architecture(
        "vgg16",
        tuple(MEANS),
        extras,
        heads=kind,
        pixel_mean=(90.0, 120.0, 150.0),
        pixel_std=(50.0, 50.0, 50.0),
        l2_norm=15.0,
        head_stddev=(0.5, 0.25),
    )
    boxes = caffe_boxes(**BOXES)
    config = ModelConfig(num_classes=3, boxes=boxes, architecture=described, name="described", batch_norm=True)
    theirs = reference.Network(
        lambda _, x: {name: avg_pool2d(x, size) for name, size in MEANS.items()},
        ("fine", "coarse"),
        {"first": (24, 16, 4, 1, 1), "second": (8, 24, 3, 2, None), "third": (16, 8, 3, 2, 1)},
        reference_torch.default_boxes.DefaultBoxesConfig(**BOXES),
        Style(batch_norm=True, same=True),
        mean=(90.0, 120.0, 150.0),
        std=50.0,
        lite=lite,
        head=head,
        stddevs=(0.5, 0.25),
    )

    def body(pixels: tf.Tensor, _: ModelConfig) -> dict[str, tf.Tensor]:
        return {name: keras.layers.AveragePooling2D(size)(pixels) for name, size in MEANS.items()}

    with mock.patch.dict(reference.NETWORKS, {"described": theirs}), mock.patch.dict("tf_ssd.model.BODIES", {"vgg16": body}):
        weights = reference_network(config)
        for parameter in weights.parameters(recurse=False):
            torch.nn.init.uniform_(parameter, 10, 30)
        fresh, model = ssd(config), production_network(weights, config)
    check_network(EAGER, model, weights, photos(0, 2))
    assert set(fresh.get_layer("fine_norm").scale.numpy()) == {15.0}
    for output, stddev in {"offsets": 0.5, "logits": 0.25}.items():
        assert fresh.get_layer(f"{output}_0").kernel_initializer.stddev == stddev
        assert getattr(weights, f"{output}_0").weight.std().item() == pytest.approx(stddev, rel=0.3)


@pins("config.network.Architecture", "base", "taps", "extras", "heads", "pixel_mean", "pixel_std", "l2_norm", "head_stddev")
@pins("config.network.Extra", "name", "squeezed", "channels", "kernel", "stride", "padding", "depthwise")
@pins("network.extras._extra")
@pins("network.heads._head")
def test_depthwise_extras_and_heads() -> None:
    check_description("depthwise", head=1, lite=True)


@pins("config.network.Extra", "padding")
@pins("network.extras._extra")
def test_full_extras_and_heads() -> None:
    check_description("3x3", head=3, lite=False)


def test_heads_of_a_pixel() -> None:
    check_description("1x1", head=1, lite=False)
