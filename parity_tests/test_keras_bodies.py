"""Keras Applications as third witness: the bodies of its networks, with drawn weights, layer by layer as ours."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from parity_tests import gradients, published
from parity_tests.network import dtype_policy, photos
from parity_tests.published import Layers
from tf_ssd.config.boxes import OD320
from tf_ssd.model import SSD, ssd
from tf_ssd.weights.published import Imported, import_published
from tf_ssd.weights.tables import keras_applications
from tf_ssd.weights.tables.table import Table

OPERATION = "model.imported_bodies"
VGG_MEAN_BGR = (103.939, 116.779, 123.68)
ONE_UNIT = np.float32(127.5)
SIDE, NARROW = 64, 1 / 8  # for gradients


def randomise(network: keras.Model, *, seed: int) -> keras.Model:
    """As `published.randomise`."""
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        for variable in layer.weights:
            if variable.name == "kernel":
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                fan_in = np.prod(variable.shape[: 2 if depthwise else 3])
                drawn = rng.normal(scale=fan_in**-0.5, size=variable.shape)
            elif variable.name in ("gamma", "moving_variance"):
                drawn = rng.uniform(0.5, 1.5, variable.shape)
            else:
                drawn = rng.normal(scale=0.3, size=variable.shape)
            variable.assign(drawn)
    return network


def import_from_keras(network: keras.Model, folder: Path) -> Imported:
    """A network of Keras through a file, in which layers have names."""
    network.save(folder / "published.h5")
    return import_published("keras", folder / "published.h5", num_classes=None, channels=None)


def layers_in_keras(network: keras.Model, inputs: np.ndarray, account: Imported) -> Layers:
    """What each convolution gives, by our name for it."""
    kernels = {name: target for name, target in account.table.targets.items() if target and target.variable.endswith(".kernel")}
    names = {target.variable.removesuffix(".kernel"): name.removesuffix("/kernel") for name, target in kernels.items()}
    outputs = {ours: network.get_layer(theirs).output for ours, theirs in names.items()}
    return {ours: output.numpy() for ours, output in keras.Model(network.inputs[0], outputs)(inputs).items()}


def check(model: SSD, account: Imported, network: keras.Model, pixels: np.ndarray, more: dict[str, str]) -> None:
    """All convolutions, and `more` layers of ours that Keras has under other names."""
    inputs = pixels / ONE_UNIT - 1
    expected = {**layers_in_keras(network, inputs, account)}
    outputs = {ours: network.get_layer(theirs).output for ours, theirs in more.items()}
    expected |= {name: output.numpy() for name, output in keras.Model(network.inputs[0], outputs)(inputs).items()}
    assert expected.keys() > set(model.config.architecture.taps)
    published.assert_close(published.layers_of(model, expected, pixels), expected, operation=OPERATION)


def test_mobilenet(tmp_path: Path) -> None:
    """At 320 pixels, where each side that is halved is even, so that Keras pads as TensorFlow's "same" does (see the next test)."""
    network = randomise(keras.applications.MobileNet(input_shape=(320, 320, 3), weights=None, include_top=False), seed=1)
    account = import_from_keras(network, tmp_path)
    assert account.model.config.name == "ssd300_mobilenet_v1"
    model = ssd(account.model.config, boxes=OD320)
    model.set_weights(account.model.get_weights())
    more = {f"conv_pw_{number}_relu": f"conv_pw_{number}_relu" for number in (11, 13)}
    check(model, account, network, photos(9, 1, np.float32, side=320), more)


def test_keras_mobilenet_has_fewer_cells_at_300_pixels() -> None:
    """Where 75 and 19 are halved it pads one side as if they were even, and has 37, 18 and 9 cells for 38, 19 and 10."""
    network = keras.applications.MobileNet(input_shape=(300, 300, 3), alpha=0.25, weights=None, include_top=False)
    assert [network.get_layer(f"conv_pw_{number}").output.shape[1] for number in (5, 11, 13)] == [37, 18, 9]
    ours = ssd("ssd300_mobilenet_v1", width=0.25)
    assert [ours.get_layer(f"conv_pw_{number}").output.shape[1] for number in (5, 11, 13)] == [38, 19, 10]


def test_mobilenet_v2(tmp_path: Path) -> None:
    """It pads by the parity of each side, and has our cells at 300 pixels."""
    network = randomise(keras.applications.MobileNetV2(input_shape=(300, 300, 3), weights=None, include_top=False), seed=2)
    account = import_from_keras(network, tmp_path)
    assert account.model.config.name == "ssd300_mobilenet_v2"
    more = {"block_13_expand_relu": "block_13_expand_relu", "block_12_add": "block_12_add", "Conv_1_relu": "out_relu"}
    check(account.model, account, network, photos(10, 1, np.float32), more)


def test_vgg19(tmp_path: Path) -> None:
    """Up to pool3 all is the same; Keras rounds its 75 cells down, and what is behind it agrees away from the border.

    Its convolutions have ReLU inside.
    """
    network = randomise(keras.applications.VGG19(weights=None, include_top=False, input_shape=(300, 300, 3)), seed=3)
    account = import_from_keras(network, tmp_path)
    assert account.model.config.name == "ssd300_vgg19"
    pixels = photos(11, 1, np.float32)
    expected = layers_in_keras(network, pixels[..., ::-1] - np.float32(VGG_MEAN_BGR), account)
    assert len(expected) == 16
    actual = {name: np.maximum(array, 0) for name, array in published.layers_of(account.model, expected, pixels).items()}
    cells = {"conv4": 32, "conv5": 12}  # each convolution reaches one cell further
    cut = {name: cells.get(name[:5], 300) for name in expected}
    actual, expected = ({name: array[:, : cut[name], : cut[name]] for name, array in side.items()} for side in (actual, expected))
    published.assert_close(actual, expected, operation=OPERATION)


def narrow(application: Callable[..., keras.Model]) -> keras.Model:
    """A network of Keras Applications in float64 with an eighth of the channels, the published ones apart from their number."""

    def layer_of(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if "filters" in config:
            config["filters"] = int(config["filters"] * NARROW)
        return type(layer).from_config(config)

    with dtype_policy("float64"):
        image = keras.Input((SIDE, SIDE, 3), dtype="float64")
        whole = application(input_tensor=image, weights=None, include_top=False)
        return keras.models.clone_model(whole, clone_function=layer_of)


@pytest.mark.parametrize(
    ("application", "table", "taps"),
    [
        (
            keras.applications.MobileNet,
            keras_applications.MOBILENET[0],
            {"conv_pw_11_relu": "conv_pw_11_relu", "conv_pw_13_relu": "conv_pw_13_relu"},
        ),
        (
            keras.applications.MobileNetV2,
            keras_applications.MOBILENET_V2[0],
            {"block_13_expand_relu": "block_13_expand_relu", "Conv_1_relu": "out_relu"},
        ),
        (keras.applications.VGG19, keras_applications.VGG19[0], {"conv4_4_relu": "block4_conv4", "conv5_4_relu": "block5_conv4"}),
    ],
)
def test_gradients(application: Callable[..., keras.Model], table: Table, taps: dict[str, str]) -> None:
    """Of a batch in training, for the image and for every weight up to the last tap; each side that is halved is even.

    VGG19's drawn weights serve as well for red, green and blue as for the other order.
    """
    theirs = randomise(narrow(application), seed=4)
    tensors = {f"{layer.name}/{variable.name}": variable.numpy() for layer in theirs.layers for variable in layer.weights}
    ours = gradients.body_of(table, tensors, taps, side=SIDE, width=NARROW)
    mean, unit = (VGG_MEAN_BGR[::-1], 1) if application is keras.applications.VGG19 else (127.5, 127.5)
    pixels = photos(13, 2, side=SIDE)
    witness = keras.Model(theirs.inputs[0], {name: theirs.get_layer(layer).output for name, layer in taps.items()})
    expected = {name.replace(".", "/"): slope for name, slope in gradients.of_network(witness, (pixels - mean) / unit).items()}
    expected["image"] /= unit
    gradients.assert_close(gradients.of_network(ours, pixels), expected, table)
