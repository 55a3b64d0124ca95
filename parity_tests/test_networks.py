"""Every network of the family: the same weights give the same outputs, gradients and moving statistics in both packages."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import torch

import reference_torch.model as reference
from parity_tests.adapters import EAGER, weights_like
from parity_tests.asserts import record_error
from parity_tests.network import (
    OPERATION,
    channels_first,
    check_network,
    departures,
    photos,
    production_network,
    reference_network,
    small,
    variables_of,
)
from parity_tests.tolerance import TOLERANCES
from tf_ssd.config import NETWORKS, ModelConfig
from tf_ssd.model import SSD

# A network of each body, normalised; VGG16 is not by default.
TRAINED = ("ssd300_vgg16", "ssd300_mobilenet_v1", "ssdlite320_mobilenet_v2", "ssdlite320_mobilenet_v3_large")
LEAST_GRADIENT = 1.0  # where those of the network go up to some thousands
RELATIVE = 1e-10  # batches of two are normalised, in which small differences grow


Step = dict[str, dict[str, np.ndarray]]


def production_step(model: SSD, images: np.ndarray) -> Step:
    """Outputs in training, the gradients of their weighted sum, and the moving statistics afterwards."""
    pixels = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        outputs = model(pixels, training=True)
        total = sum(tf.reduce_sum(output * weights_like(tuple(output.shape))) for output in outputs.values())
    slopes = tape.gradient(total, [pixels, *(variable.value for variable in model.trainable_variables)])
    names = ["image", *(variable.path for variable in model.trainable_variables)]
    return {
        "outputs": {name: output.numpy() for name, output in outputs.items()},
        "gradient": {name: slope.numpy() for name, slope in zip(names, slopes, strict=True)},
        "statistic": {variable.path: variable.numpy() for variable in model.non_trainable_variables},
    }


def reference_step(weights: reference.SSD, images: np.ndarray) -> Step:
    """The same."""
    counts, before = pixels_of_norms(weights), variables_of(weights)
    pixels = channels_first(images).requires_grad_()
    outputs = weights.train()(pixels)
    total = sum((output * torch.from_numpy(weights_like(tuple(output.shape)))).sum() for output in outputs.values())
    total.backward()
    gradients = variables_of(weights, lambda tensor: tensor if tensor.grad is None else tensor.grad)
    after = variables_of(weights)
    statistics = {name: values for name, values in after.items() if "/moving_" in name}
    for name in [name for name in statistics if name.endswith("variance")]:
        layer = name.split("/")[0]
        # torch keeps the variance of n - 1 degrees of freedom, Keras that of n, which both normalise by.
        kept = (1 - getattr(weights, layer).momentum) * before[name]
        statistics[name] = kept + (statistics[name] - kept) * (1 - 1 / counts[layer])
    return {
        "outputs": {name: output.detach().numpy() for name, output in outputs.items()},
        "gradient": {
            "image": pixels.grad.permute(0, 2, 3, 1).numpy(),
            **{name: values for name, values in gradients.items() if name not in statistics},
        },
        "statistic": statistics,
    }


def pixels_of_norms(weights: reference.SSD) -> dict[str, int]:
    """Filled in as the network runs: how many values of a channel each batch normalisation sees."""
    counts: dict[str, int] = {}
    for name, layer in weights.named_children():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_hook(lambda _, inputs, __, name=name: counts.update({name: inputs[0][:, 0].numel()}))
    return counts


def test_both_packages_have_the_same_family() -> None:
    assert list(reference.NETWORKS) == list(NETWORKS)


@pytest.fixture(scope="module", params=NETWORKS)
def drawn(request: pytest.FixtureRequest) -> tuple[ModelConfig, reference.SSD]:
    """A network of the family in float64."""
    config = small(request.param)
    return config, reference_network(config)


@pytest.fixture(scope="module")
def built(drawn: tuple[ModelConfig, reference.SSD]) -> SSD:
    """tf_ssd's network with the same weights in float64, which takes a second."""
    return production_network(drawn[1], drawn[0])


def test_outputs_in_float32(drawn: tuple[ModelConfig, reference.SSD]) -> None:
    """As `test_model` compares those of SSD300 on VGG16 in every mode."""
    config, weights = drawn[0], deepcopy(drawn[1]).float()
    check_network(EAGER, production_network(weights, config), weights, photos(0, 2, np.float32, side=config.boxes.image_size))


def test_every_layer_in_float64(drawn: tuple[ModelConfig, reference.SSD], built: SSD) -> None:
    """Of the body, of extra layers and of heads: convolutions, normalisations, and the heads when they are joined."""
    config, weights = drawn
    images = photos(0, 2, side=config.boxes.image_size)
    found = departures(built, weights, images)
    assert {"offsets", "logits", *(name for name, _ in weights.named_children())} <= found.keys()
    for layer, epsilons in found.items():
        assert epsilons <= TOLERANCES[OPERATION].multiple(images.dtype), f"{layer} departs by {epsilons:.3g} epsilons"
        record_error(OPERATION, images.dtype, epsilons)


@pytest.mark.parametrize("name", TRAINED)
def test_a_step_with_batch_normalisation(name: str) -> None:
    """What a batch gives that is normalised by its own statistics, the gradients of it, and the statistics that are kept."""
    config = replace(small(name), batch_norm=True)
    weights = reference_network(config)
    model = production_network(weights, config)
    images = photos(0, 2, side=config.boxes.image_size)
    expected_step = reference_step(weights, images)
    for kind, actual in production_step(model, images).items():
        expected = expected_step[kind]
        assert actual.keys() == expected.keys()
        for variable, values in actual.items():
            # A shift that the next normalisation takes away again has a gradient of 0, but for what is rounded.
            least = LEAST_GRADIENT if variable.endswith("beta") else 0
            assert values.shape == expected[variable].shape
            error = np.abs(values - expected[variable]).max() / max(least, np.abs(expected[variable]).max())
            assert error < RELATIVE, f"{kind} of {variable} departs by {error:.3g} of the largest"
