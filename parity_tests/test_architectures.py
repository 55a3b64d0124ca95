"""The family is described as the reference is made: every number of its tables, at full width.

That the networks are built from their descriptions is shown by `test_networks`, `test_bodies` and `test_descriptions`.
"""

from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

import reference_torch.default_boxes
import reference_torch.model as reference
from parity_tests.pins import pins
from tf_ssd.config import NETWORKS, ModelConfig, boxes, network, networks
from tf_ssd.config.detection import DetectionConfig
from tf_ssd.config.network import Architecture, Extra
from tf_ssd.network import convolution
from tf_ssd.network.backbones import LAYERS, mobilenet_v1, mobilenet_v2, mobilenet_v3, vgg

NETWORK_OF: dict[str, str] = {
    "vgg16": "ssd300_vgg16",
    "vgg19": "ssd300_vgg19",
    "mobilenet_v1": "ssd300_mobilenet_v1",
    "mobilenet_v2": "ssd300_mobilenet_v2",
    "mobilenet_v3_large": "ssdlite320_mobilenet_v3_large_full_tail",
}


@cache
def layers_of(name: str) -> dict[str, nn.Conv2d]:
    """The convolutions of a network at full width, whose weights take neither memory nor time."""
    with torch.device("meta"):
        made = reference.SSD(name)
    return {layer: module for layer, module in made.named_children() if isinstance(module, nn.Conv2d)}


def body_of(base: str) -> dict[str, nn.Conv2d]:
    """Those before the extra layers."""
    layers = layers_of(NETWORK_OF[base])
    first = next(iter(reference.NETWORKS[NETWORK_OF[base]].extras))
    return {name: layers[name] for name in list(layers)[: list(layers).index(f"{first}_1")]}


# Bodies


@pytest.mark.parametrize("base", ["vgg16", "vgg19"])
@pins("network.backbones.vgg", "CHANNELS", "CONVOLUTIONS")
def test_vgg(base: str) -> None:
    blocks = zip(vgg.NAMES, vgg.CHANNELS, vgg.CONVOLUTIONS[base], strict=True)
    listed = {f"{block}_{number + 1}": channels for block, channels, count in blocks for number in range(count)}
    assert listed == {name: layer.out_channels for name, layer in body_of(base).items() if name not in ("fc6", "fc7")}


@pins("network.backbones.mobilenet_v1", "ROWS")
def test_mobilenet_v1() -> None:
    body = body_of("mobilenet_v1")
    depthwise, pointwise = ([body[f"conv_{kind}_{n}"] for n in range(1, 14)] for kind in ("dw", "pw"))
    assert list(mobilenet_v1.ROWS) == [(p.out_channels, d.stride[0]) for d, p in zip(depthwise, pointwise, strict=True)]


@pins("network.backbones.mobilenet_v2", "ROWS", "FIRST", "LAST")
def test_mobilenet_v2() -> None:
    body = body_of("mobilenet_v2")
    assert (body["Conv1"].out_channels, body["Conv_1"].out_channels) == (mobilenet_v2.FIRST, mobilenet_v2.LAST)
    inputs = mobilenet_v2.FIRST
    for block in mobilenet_v2._blocks():
        depthwise, project = body[f"{block.name}_depthwise"], body[f"{block.name}_project"]
        assert block[1:] == (inputs, depthwise.in_channels, project.out_channels, depthwise.stride[0])
        inputs = block.channels
    assert inputs == body["Conv_1"].in_channels


@pytest.mark.parametrize("name", ["ssdlite320_mobilenet_v3_large_full_tail", "ssdlite320_mobilenet_v3_large"])
@pins("network.backbones.mobilenet_v3", "ROWS", "TAIL", "FIRST", "WIDEN", "SQUEEZE")
def test_mobilenet_v3(name: str) -> None:
    """Activations, which no layer shows, are compared by `test_bodies`."""
    body = layers_of(name)
    assert body["conv"].out_channels == mobilenet_v3.FIRST
    assert body["conv_1"].out_channels == mobilenet_v3.WIDEN * body["conv_1"].in_channels
    for block, row in zip(mobilenet_v3.NAMES, mobilenet_v3._rows(NETWORKS[name].architecture.tail), strict=True):
        depthwise, project = body[f"{block}_depthwise"], body[f"{block}_project"]
        expected = depthwise.kernel_size[0], depthwise.in_channels, project.out_channels
        assert (row.kernel, row.expanded, row.channels, row.stride) == (*expected, depthwise.stride[0])
        squeezed = body.get(f"{block}_squeeze_excite_conv")
        assert row.squeezes == (squeezed is not None)
        if squeezed:
            assert squeezed.out_channels == convolution.multiple_of(8, row.expanded / mobilenet_v3.SQUEEZE)


@pytest.mark.parametrize("base", NETWORK_OF)
@pins("config.network", "BLOCKS")
@pins("network.backbones.vgg", "NAMES", "LAYERS")
@pins("network.backbones.mobilenet_v1", "STEM", "NAMES", "LAYERS")
@pins("network.backbones.mobilenet_v2", "STEM", "NAMES", "PARTS", "LAYERS")
@pins("network.backbones.mobilenet_v3", "STEM", "NAMES", "LAYERS")
def test_the_blocks_of_a_body_are_its_layers(base: str) -> None:
    """In their order; the last layers, which SSD adds or changes, are in none."""
    assert tuple(LAYERS[base]) == network.BLOCKS[base]  # type: ignore[index]
    listed = [name for block in LAYERS[base].values() for name in block]
    assert listed == [name for name in body_of(base) if name not in ("fc6", "fc7", "Conv_1", "conv_1")]


# Descriptions


@cache
def described(name: str) -> dict[str, Any]:
    """The fields of an `Architecture` as the reference has them; those of all layers that it is made of in the same way."""
    made_of, layers = reference.NETWORKS[name], layers_of(name)
    head, style = layers["offsets_0"].kernel_size[0], made_of.style
    return {
        "taps": made_of.taps,
        "extras": tuple(extra_of(name, extra) for extra in made_of.extras),
        "heads": "depthwise" if "offsets_0_depthwise" in layers else f"{head}x{head}",
        "pixel_mean": made_of.mean,
        "pixel_std": (made_of.std,) * 3,
        "padding": "same" if style.same else "both",
        "activation": style.activation,
        "norm_epsilon": style.eps,
        "norm_momentum": pytest.approx(1 - style.momentum, rel=1e-12),
        "divisor": style.divisor,
        "l2_norm": 20.0 if made_of.l2_norm else None,
        "tail": layers["conv_1"].out_channels / 960 if "conv_1" in layers else 1.0,
        "head_stddev": made_of.stddevs,
        "box_rule": boxes.BoxRule(made_of.boxes.aspect_ratios, made_of.boxes.order),  # type: ignore[arg-type]
    }


def extra_of(network_name: str, name: str) -> tuple[Any, ...]:
    """The fields of an `Extra`."""
    layers, padding = layers_of(network_name), reference.NETWORKS[network_name].extras[name][-1]
    depthwise = layers.get(f"{name}_2_depthwise")
    filtering = depthwise or layers[f"{name}_2"]
    channels = layers[f"{name}_1"].out_channels, layers[f"{name}_2"].out_channels
    geometry = filtering.kernel_size[0], filtering.stride[0], "same" if padding is None else filtering.padding[0]
    return name, *channels, *geometry, depthwise is not None


def differences(architecture: Architecture, expected: dict[str, Any]) -> list[str]:
    """The fields that are not as described, by name; to compare all at once is slow where they differ."""
    listed = {**vars(architecture), "extras": tuple(tuple(vars(extra).values()) for extra in architecture.extras)}
    return [name for name, value in listed.items() if name != "base" and expected[name] != value]


# Caffe SSD; torchvision's ssdlite320_mobilenet_v3_large; the Object Detection API's pipelines.
SUPPRESSION = {  # thresholds of scores and of IoU, how many of a class, and how many in all
    "ssd300_vgg16": (0.01, 0.45, 400, 200),
    "ssdlite320_mobilenet_v3_large": (0.001, 0.55, 300, 300),
    "ssd300_mobilenet_v1": (1e-8, 0.6, 100, 100),
}


@pins("config.networks", "NETWORKS")
@pins("config.network", "VGG16_300")
@pins("config.networks", "VGG16_512", "VGG19_300", "MOBILENET_V3", "MOBILENET_V1", "MOBILENET_V2", "MOBILENET_V2_LITE")
def test_networks() -> None:
    """`test_presets_are_the_references` compares their boxes."""
    architectures = {
        "ssd300_vgg16": network.VGG16_300,
        "ssd512_vgg16": networks.VGG16_512,
        "ssd300_vgg19": networks.VGG19_300,
        "ssdlite320_mobilenet_v3_large": networks.MOBILENET_V3,
        "ssd300_mobilenet_v1": networks.MOBILENET_V1,
        "ssd300_mobilenet_v2": networks.MOBILENET_V2,
        "ssdlite320_mobilenet_v2": networks.MOBILENET_V2_LITE,
    }
    wrong = [name for name, architecture in architectures.items() if architecture != networks.NETWORKS[name].architecture]
    for name, config in networks.NETWORKS.items():
        made_of, detection = reference.NETWORKS[name], config.detection
        kind = "vgg16" if "vgg" in name else "v3" if "v3" in name else "v1"
        (suppression,) = (values for known, values in SUPPRESSION.items() if kind in known)
        facts = {
            "boxes": made_of.boxes is getattr(reference_torch.default_boxes, preset_of(config), None),
            "batch_norm": config.batch_norm == made_of.style.batch_norm,
            "scores": config.scores == ("sigmoid" if made_of.style.same else "softmax"),  # the Object Detection API's
            "detection": tuple(vars(detection).values()) == (*suppression, False),
            **{
                other: getattr(config, other) == getattr(ModelConfig(), other)
                for other in ("num_classes", "width", "variances", "loss")
            },
        }
        wrong += [f"{name}.{field}" for field in differences(config.architecture, described(name))]
        wrong += [f"{name}.{field}" for field, holds in facts.items() if not holds]
    assert wrong == []


def preset_of(config: ModelConfig) -> str:
    return next((name for name, preset in boxes.PRESETS.items() if preset == config.boxes), "none")


@pins("config.network.Architecture", *(name for name in vars(network.VGG16_300) if name not in ("base", "taps", "extras")))
@pins("config.network.Extra", "kernel", "stride", "padding", "depthwise")
def test_what_is_not_described_is_as_in_most_networks() -> None:
    """The defaults are those of VGG16, but for the first weights of new layers and the L2 normalisation, which no other has."""
    plain = Architecture("vgg16", ("conv4_3", "fc7"), (Extra("conv8", 256, 512),))
    expected = {**described("ssd300_vgg16"), "l2_norm": None, "head_stddev": described("ssd300_mobilenet_v1")["head_stddev"]}
    expected["extras"] = (extra_of("ssd300_vgg16", "conv8"),)
    wrong = differences(plain, expected)
    assert wrong == []


@pins("config.networks", "SMALL")
def test_small_widths() -> None:
    """Of each body the one that the README's runs were measured with."""
    assert {base: networks.SMALL[base] for base in LAYERS} == {base: 0.125 if base[:3] == "vgg" else 0.35 for base in LAYERS}


@pins("config.networks", "DEFAULT_NETWORK")
@pins("config.network.ModelConfig", "scores", "architecture", "name", "detection")
def test_what_a_model_is_by_default() -> None:
    model = ModelConfig()
    assert model == NETWORKS[networks.DEFAULT_NETWORK] == NETWORKS["ssd300_vgg16"]
    wrong = differences(model.architecture, described("ssd300_vgg16"))
    assert wrong == []
    assert model.scores == "softmax"
    assert model.detection == DetectionConfig()
    other = ModelConfig(
        architecture=networks.VGG19_300, name="other", scores="sigmoid", detection=DetectionConfig(score_threshold=0.5)
    )
    expected = networks.VGG19_300, "other", "sigmoid", DetectionConfig(score_threshold=0.5)
    assert (other.architecture, other.name, other.scores, other.detection) == expected
