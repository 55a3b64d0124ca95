"""The whole network on both sides, with the same weights, compared layer by layer when the outputs differ."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf
import torch
from torch import nn

import reference_torch.model as reference
from parity_tests.adapters import TensorFlow
from parity_tests.asserts import record_error
from parity_tests.tolerance import TOLERANCES
from reference_torch.layers import Layers
from tf_ssd.config import ModelConfig, network_named
from tf_ssd.model import SSD, ssd

Model = TypeVar("Model", bound=keras.Model)
SMALL = ModelConfig(num_classes=4, width=1 / 16)
OPERATION = "model.ssd"


def small(name: str) -> ModelConfig:
    """A network of the family for three classes, with few channels; MobileNets have eight or more in a layer anyway."""
    config = network_named(name)
    return replace(config, num_classes=4, width=1 / 16 if config.architecture.divisor == 1 else 1 / 4)


def reference_network(config: ModelConfig = SMALL, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> reference.SSD:
    """A network in which no weight is idle: biases, scales and statistics are drawn too, and heads as large as the rest."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = reference.SSD(config.name, config.num_classes, width=config.width, batch_norm=config.batch_norm).double()
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                nn.init.normal_(parameter, std=1 if config.batch_norm else 10)
        if network.made_of.l2_norm:
            nn.init.uniform_(network.scale, 10, 30)
        if config.batch_norm:
            _draw_statistics(network)
    return network.to(dtype)


def _draw_statistics(network: reference.SSD) -> None:
    """Moving statistics near those of a batch, and channels of differing size, of which ReLU6 limits some.

    Most pass ReLU: where half of them do not, each normalisation enlarges what was rounded before, and in sixty layers a lot. It
    would do so too where the two pixels of the last map are alike: no deviation is less than half the mean.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    shares = [norm.momentum for norm in norms]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, mean=2)
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(channels_first(photos(9, 2, side=network.made_of.boxes.image_size)))
    for norm, share in zip(norms, shares, strict=True):
        norm.momentum = share
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        variance.mul_(torch.empty_like(variance).uniform_(0.8, 1.25))
        variance.copy_(torch.maximum(variance, (mean / 2) ** 2)).add_(0.01)
    network.eval()


def production_network(weights: reference.SSD, config: ModelConfig = SMALL) -> SSD:
    """tf_ssd's network with the weights, and in the dtype, of another."""
    with dtype_policy(str(next(weights.parameters()).dtype).removeprefix("torch.")):
        model = ssd(config)
    return with_weights_of(weights, model)


def with_weights_of(weights: Layers, model: Model) -> Model:
    """The same Keras model; both sides have the same variables."""
    arrays = variables_of(weights)
    assert arrays.keys() == {variable.path for variable in model.variables}
    for variable in model.variables:
        variable.assign(arrays[variable.path])
    return model


def variables_of(weights: Layers, of: Callable[[torch.Tensor], torch.Tensor] = torch.clone) -> dict[str, np.ndarray]:
    """All weights and moving statistics, or what `of` makes of them, by the names and in the arrangement of tf_ssd."""
    found = {f"{norm_name(weights)}/scale": of(scale) for scale in weights.parameters(recurse=False)}
    for name, layer in weights.named_children():
        if isinstance(layer, nn.Conv2d):
            # (out, in, height, width) -> (height, width, in, out), or of each channel by itself (height, width, out, 1)
            arranged = (2, 3, 0, 1) if layer.groups > 1 else (2, 3, 1, 0)
            found[f"{name}/kernel"] = of(layer.weight).permute(arranged)
            if layer.bias is not None:
                found[f"{name}/bias"] = of(layer.bias)
        else:
            kinds = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
            found |= {f"{name}/{kind}": of(getattr(layer, theirs)) for kind, theirs in kinds.items()}
    return {name: tensor.detach().numpy() for name, tensor in found.items()}


def norm_name(weights: Layers) -> str:
    """What tf_ssd calls the layer that normalises the first source."""
    assert isinstance(weights, reference.SSD)
    return f"{weights.made_of.taps[0]}_norm"


def channels_first(images: np.ndarray) -> torch.Tensor:
    """(B, S, S, 3) -> (B, 3, S, S)."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build Keras layers in another dtype."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def photos(seed: int, count: int, dtype: type = np.float64, *, side: int = 300) -> np.ndarray:
    """Pixels 0..255 (count, side, side, 3): smooth colours with noise, brighter in one corner, nothing symmetric."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    waves = rng.uniform(0, 12, (count, 1, 1, 3)) * x[..., None] + rng.uniform(0, 12, (count, 1, 1, 3)) * y[..., None] ** 2
    pixels = 127 + 80 * np.sin(waves) + 40 * (x * y)[..., None] + rng.normal(scale=10, size=(count, side, side, 3))
    return np.clip(pixels, 0, 255).astype(dtype)


def check_network(side: TensorFlow, model: SSD, weights: reference.SSD, images: np.ndarray) -> None:
    """Offsets and logits agree within the tolerance, relative to the largest; else the error names the first layer that departs.

    The reference computes in float64: in float32 it would add as much of an error as there is to be judged.
    """
    actual = {
        name: output.numpy() for name, output in side.compile(lambda x: model(x, training=False))(tf.constant(images)).items()
    }
    exact = deepcopy(weights).double()
    with torch.no_grad():
        expected = exact(channels_first(images).double())
    for name in ("offsets", "logits"):
        assert actual[name].dtype == images.dtype
        error = departure(actual[name], expected[name].numpy())
        if not error <= TOLERANCES[OPERATION].multiple(images.dtype):
            raise AssertionError(f"{name} differ by {error:.3g} epsilons; {first_departure(model, exact, images)}")
        record_error(OPERATION, images.dtype, error)


def departure(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference in epsilons of the largest magnitude; infinite where the shapes differ."""
    if actual.shape != expected.shape:
        return float("inf")
    unit = np.finfo(actual.dtype).eps * np.abs(expected).max()
    return float(np.abs(actual - expected).max() / unit)


def first_departure(model: SSD, weights: reference.SSD, images: np.ndarray) -> str:
    """Which layer is the first whose output differs by more than the tolerance, in words."""
    for name, error in departures(model, weights, images).items():
        if not error <= TOLERANCES[OPERATION].multiple(images.dtype):
            return f"the first layer that departs is {name}, by {error:.3g} epsilons"
    return "no layer departs, but the network does in another mode"


def departures(model: SSD, weights: reference.SSD, images: np.ndarray) -> dict[str, float]:
    """How far the output of each convolution and normalisation departs, and offsets and logits, in the order of computation."""
    expected = reference_layers(weights, images)
    layers = keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in expected})(images)
    return {name: departure(layers[name].numpy(), expected[name]) for name in expected}


def reference_layers(weights: reference.SSD, images: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs (B, H, W, channels) of all convolutions and normalisations, in the order in which they are computed, and its own."""
    outputs: dict[str, np.ndarray] = {}

    def keep(name: str, values: torch.Tensor) -> None:
        outputs[name] = values.permute(0, 2, 3, 1).numpy()

    def hook(name: str) -> Callable[..., None]:
        def after(_: object, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
            if name == "offsets_0" and weights.made_of.l2_norm:  # what this head reads is the first source, normalised
                keep(norm_name(weights), inputs[0])
            keep(name, output)

        return after

    handles = [layer.register_forward_hook(hook(name)) for name, layer in weights.named_children()]
    with torch.no_grad():
        heads = weights(channels_first(images).double())
    for handle in handles:
        handle.remove()
    return outputs | {name: values.numpy() for name, values in heads.items()}
