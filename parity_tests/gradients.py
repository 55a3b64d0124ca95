"""Gradients through networks as others publish them, for the pixels and for every weight, in float64."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf
import torch
from torch import nn
from torchvision.ops.misc import SqueezeExcitation

from parity_tests import published
from parity_tests.adapters import weights_like
from parity_tests.network import dtype_policy
from tf_ssd.model import _scaled_pixels
from tf_ssd.network.backbones import BODIES
from tf_ssd.weights.tables.table import Table


def body_of(table: Table, tensors: published.Layers, layers: Iterable[str], *, side: int, width: float) -> keras.Model:
    """The body alone, of another size and width, up to some of its layers, with published weights for RGB."""
    described = replace(table.config.architecture, divisor=1)
    config = replace(table.config, width=width, architecture=described)
    with dtype_policy("float64"):
        image = keras.Input((side, side, 3), dtype="float64")
        whole = keras.Model(image, BODIES[described.base](_scaled_pixels(image, described), config))
        body = keras.Model(image, {name: whole.get_layer(name).output for name in layers})
    places = {target.variable: (name, target.conversion) for name, target in table.targets.items() if target}
    for variable in body.variables:
        name, conversion = places[path_of(variable)]
        variable.assign(conversion.apply(tensors[name]))
    return body


def path_of(variable: keras.Variable) -> str:
    """As tables have it, "layer.variable"."""
    return str(variable.path).replace("/", ".")


def of_network(network: keras.Model, pixels: np.ndarray) -> published.Layers:
    """Of the weighted sum of all outputs in training, for the pixels ("image") and for each weight, by its path."""
    with tf.GradientTape() as tape:
        tape.watch(image := tf.constant(pixels))
        total = sum(tf.reduce_sum(values * weights_like(tuple(values.shape))) for values in network(image, training=True).values())
    variables = network.trainable_variables
    slopes = tape.gradient(total, [image, *(variable.value for variable in variables)])
    return {name: slope.numpy() for name, slope in zip(["image", *map(path_of, variables)], slopes, strict=True)}


def in_torch(network: nn.Module, outputs: Callable[[torch.Tensor], Iterable[torch.Tensor]], pixels: np.ndarray) -> published.Layers:
    """The same of `outputs` of (B, 3, H, W), for each parameter that has a gradient, by its name."""
    image = published.as_torch(pixels).requires_grad_()
    arranged = [values.permute(0, 2, 3, 1) for values in outputs(image)]
    total = torch.stack([(values * torch.from_numpy(weights_like(tuple(values.shape)))).sum() for values in arranged]).sum()
    named = {"image": image, **dict(network.named_parameters())}
    slopes = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    found = {name: slope.numpy() for name, slope in zip(named, slopes, strict=True) if slope is not None}
    return found | {"image": found["image"].transpose(0, 2, 3, 1)}


def assert_close(actual: published.Layers, theirs: published.Layers, table: Table) -> None:
    """Each agrees within 1e-9 of its largest element, or 1e-13 of the largest of all weights' where it is 0 but for rounding.

    So is that of a shift that the next normalisation takes away.
    """
    expected = {name: slopes for name, slopes in theirs.items() if name == "image"}
    targets = {name: table.targets[name] for name in theirs if name not in expected}
    expected |= {target.variable: target.conversion.apply(theirs[name]) for name, target in targets.items() if target}
    assert actual.keys() == expected.keys()
    largest = max(np.abs(slopes).max() for name, slopes in expected.items() if name != "image")
    for name, slopes in expected.items():
        scale = max(np.abs(slopes).max(), 0 if name == "image" else 1e-4 * largest)
        assert scale > 0
        np.testing.assert_allclose(actual[name], slopes, rtol=0, atol=1e-9 * scale, err_msg=name)


class HardSigmoid(nn.Module):
    """As torch's forward; its slope is a sixth in float64 too (`test_torchvision_lite`)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu6(x + 3) / 6


def with_exact_slopes(network: nn.Module) -> nn.Module:
    """A network of torchvision in float64, in training."""
    for module in network.modules():
        if isinstance(module, SqueezeExcitation):
            module.scale_activation = HardSigmoid()
    return network.double().train()
