"""The whole network on both sides, with the same weights, compared layer by layer when the outputs differ."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
import torch

import reference_torch.model as reference
from parity_tests.adapters import TensorFlow
from parity_tests.asserts import record_error
from parity_tests.tolerance import TOLERANCES
from tf_ssd.config import ModelConfig
from tf_ssd.model import SSD300, ssd300

SMALL = ModelConfig(num_classes=4, width=1 / 16)
OPERATION = "model.ssd300"
# tf_ssd numbers its heads, reference_torch names them after what they look at.
HEADS = {f"{head}_{level}": f"{head}_{source}" for level, source in enumerate(reference.SOURCES) for head in ("offsets", "logits")}
CONVOLUTIONS = {**{name: name for name in reference.CONVOLUTIONS}, **HEADS}
NORM = "conv4_3_norm"


def reference_network(config: ModelConfig = SMALL, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> reference.SSD300:
    """A network in which no weight is idle: biases and scales are drawn too, and heads as large as the rest."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = reference.SSD300(config.num_classes, width=config.width, boxes_per_cell=config.boxes.boxes_per_cell)
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(parameter, std=10)
        torch.nn.init.uniform_(network.conv4_3_scale, 10, 30)
    return network.to(dtype)


def production_network(weights: reference.SSD300, config: ModelConfig = SMALL) -> SSD300:
    """tf_ssd's network with the weights, and in the dtype, of another."""
    with dtype_policy(str(weights.conv4_3_scale.dtype).removeprefix("torch.")):
        model = ssd300(config)
    for ours, theirs in CONVOLUTIONS.items():
        convolution = getattr(weights, theirs)
        kernel = convolution.weight.detach().permute(2, 3, 1, 0)  # (out, in, height, width) -> (height, width, in, out)
        model.get_layer(ours).set_weights([kernel.numpy(), convolution.bias.detach().numpy()])
    model.get_layer(NORM).set_weights([weights.conv4_3_scale.detach().numpy()])
    return model


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


def check_network(side: TensorFlow, model: SSD300, weights: reference.SSD300, images: np.ndarray) -> None:
    """Offsets and logits agree within the tolerance, relative to the largest; else the error names the first layer that departs."""
    actual = {
        name: output.numpy() for name, output in side.compile(lambda x: model(x, training=False))(tf.constant(images)).items()
    }
    with torch.no_grad():
        expected = weights(torch.from_numpy(images).permute(0, 3, 1, 2))
    for name in ("offsets", "logits"):
        assert actual[name].dtype == images.dtype
        error = departure(actual[name], expected[name].numpy())
        if not error <= TOLERANCES[OPERATION].multiple(images.dtype):
            raise AssertionError(f"{name} differ by {error:.3g} epsilons; {first_departure(model, weights, images)}")
        record_error(OPERATION, images.dtype, error)


def departure(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference in epsilons of the largest magnitude; infinite where the shapes differ."""
    if actual.shape != expected.shape:
        return float("inf")
    unit = np.finfo(actual.dtype).eps * np.abs(expected).max()
    return float(np.abs(actual - expected).max() / unit)


def first_departure(model: SSD300, weights: reference.SSD300, images: np.ndarray) -> str:
    """Which layer is the first whose output differs by more than the tolerance, in words."""
    names = [*CONVOLUTIONS, NORM]
    layers = keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in names})(images)
    expected = reference_layers(weights, images)
    for name in expected:
        error = departure(layers[name].numpy(), expected[name])
        if not error <= TOLERANCES[OPERATION].multiple(images.dtype):
            return f"the first layer that departs is {name}, by {error:.3g} epsilons"
    return "no layer departs; look at what joins the heads"


def reference_layers(weights: reference.SSD300, images: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs (B, H, W, channels) of every convolution and of the normalisation, in the order in which they are computed."""
    outputs: dict[str, np.ndarray] = {}

    def keep(name: str, values: torch.Tensor) -> None:
        outputs[name] = values.permute(0, 2, 3, 1).numpy()

    def hook(name: str) -> object:
        def after(_: object, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
            if name == "offsets_0":  # what this head reads is conv4_3, normalised
                keep(NORM, inputs[0])
            keep(name, output)

        return after

    handles = [getattr(weights, theirs).register_forward_hook(hook(ours)) for ours, theirs in CONVOLUTIONS.items()]
    with torch.no_grad():
        weights(torch.from_numpy(images).permute(0, 3, 1, 2))
    for handle in handles:
        handle.remove()
    return outputs
