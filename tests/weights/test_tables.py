import functools
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
import torchvision
from torchvision.models import detection

from tests.weights.tables import CLASSES, filled, shapes_of
from tf_ssd.errors import ConfigError, WeightsError
from tf_ssd.weights import import_weights, read_weights
from tf_ssd.weights.checks import KNOWN, check_finite, check_shapes, find_table
from tf_ssd.weights.tables import keras_applications, torch_layout
from tf_ssd.weights.tables.keras_applications import by_layer
from tf_ssd.weights.tables.table import is_head
from tf_ssd.weights.tables.torchvision import VGG16, VGG16_FEATURES

FILE = Path("published.pth")


@pytest.mark.parametrize("table", KNOWN, ids=lambda table: f"{table.source}: {table.description}")
def test_tables_lead_to_variables_that_exist_and_to_each_once(table):
    """A detector's to all, a body's to all that are not behind it."""
    variables = [target.variable for target in table.targets.values() if target]
    assert len(set(variables)) == len(variables)
    missing = set(shapes_of(table.config)) - set(variables)
    assert set(variables) <= set(shapes_of(table.config))
    made_new = {extra.name for extra in table.config.architecture.extras} | {"conv4_3_norm", "conv4_4_norm"}
    if table.is_body:
        missing = {name for name in missing if not is_head(name) and not name.startswith(tuple(made_new))}
    assert missing <= {"fc6.kernel", "fc6.bias", "fc7.kernel", "fc7.bias"}
    assert bool(missing) == any(word in table.description for word in ("without top", "features alone", "ONNX")) & (
        "vgg" in table.config.architecture.base
    )


# The networks of torchvision, whose tensors need no memory.
TORCHVISIONS = {
    "ssd300_vgg16": functools.partial(detection.ssd300_vgg16, weights_backbone=None, num_classes=CLASSES),
    "ssdlite320_mobilenet_v3_large": functools.partial(
        detection.ssdlite320_mobilenet_v3_large, weights_backbone=None, num_classes=CLASSES
    ),
    **{name: getattr(torchvision.models, name) for name in ("vgg16", "vgg19", "mobilenet_v2", "mobilenet_v3_large")},
    "mobilenet_v3_large with the reduced tail": functools.partial(torchvision.models.mobilenet_v3_large, reduced_tail=True),
}


@pytest.mark.parametrize("name", TORCHVISIONS)
def test_state_dicts_of_torchvision(name):
    with torch.device("meta"):
        state = TORCHVISIONS[name]().state_dict()
    tensors = {name: np.broadcast_to(np.float32(1), tensor.shape) for name, tensor in state.items()}
    table = find_table("torchvision", tensors, FILE)
    assert f"torchvision's {name}" in table.description
    check_shapes(table, tensors, shapes_of(table.config), FILE)
    unused = {name.split(".")[-1] for name, target in table.targets.items() if target is None and "classifier" not in name}
    assert unused <= {"num_batches_tracked"}


def test_a_width_of_ones_own_is_misshapen():
    """The names are those of two tables, and the shapes those of none."""
    with torch.device("meta"):
        state = torchvision.models.mobilenet_v3_large(width_mult=0.5).state_dict()
    tensors = {name: np.broadcast_to(np.float32(1), tensor.shape) for name, tensor in state.items()}
    table = find_table("torchvision", tensors, FILE)
    with pytest.raises(
        WeightsError, match=r"tensor features\.\S+ has shape .*, but a state dict of torchvision's mobilenet_v3_large"
    ):
        check_shapes(table, tensors, shapes_of(table.config), FILE)


def test_features_alone():
    """Torchvision fills the classifier with NaN; where that is only a part, it is a damaged file."""
    tensors = filled(VGG16, shapes_of(VGG16.config))
    assert find_table("torchvision", tensors, FILE) == VGG16
    nan = {name: np.full_like(array, np.nan) for name, array in tensors.items() if name.startswith("classifier.3")}
    table = find_table("torchvision", tensors | nan, FILE)
    assert table == VGG16
    with pytest.raises(WeightsError, match=r"published\.pth: tensor classifier\.3\.weight holds nothing but NaN"):
        check_finite(table, tensors | nan, FILE)
    nan |= {name: np.full_like(array, np.nan) for name, array in tensors.items() if name.startswith("classifier")}
    table = find_table("torchvision", tensors | nan, FILE)
    assert table == VGG16_FEATURES
    check_finite(table, tensors | nan, FILE)
    assert table.config.architecture.pixel_mean == pytest.approx((123, 117, 104), abs=1e-3)
    assert table.config.architecture.pixel_std == (1, 1, 1)


def test_dense_layers_become_convolutions():
    """Torch flattens (channel, row, column), Keras (row, column, channel): the same window gives the same kernel."""
    window = np.random.default_rng(0).random((7, 7, 512, 8), np.float32)  # and 8 of 4096 results
    expected = window[::3, ::3, :, ::4]
    in_keras, in_torch = window.reshape(-1, 8), window.transpose(3, 2, 0, 1).reshape(8, -1)
    np.testing.assert_array_equal(keras_applications.FC1.apply(in_keras), expected)
    np.testing.assert_array_equal(torch_layout.FC1.apply(in_torch), expected)
    square = np.random.default_rng(0).random((8, 12), np.float32)  # inputs, results
    np.testing.assert_array_equal(keras_applications.FC2.apply(square), square[None, None, ::4, ::4])
    np.testing.assert_array_equal(torch_layout.FC2.apply(square.T), square[None, None, ::4, ::4])


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("block1_conv1/block1_conv1_W_1", "block1_conv1/kernel"),  # published in 2016
        ("fc2/fc2_b_1", "fc2/bias"),
        ("block1_conv1/block1_conv1/kernel", "block1_conv1/kernel"),
        ("conv_dw_1/conv_dw_1/depthwise_kernel", "conv_dw_1/kernel"),
        ("Conv1/Conv1_3/kernel", "Conv1/kernel"),
        ("model_weights/bn_Conv1/bn_Conv1/moving_mean", "bn_Conv1/moving_mean"),
        ("mobilenetv2_1.00_224/block_1_expand/kernel", "block_1_expand/kernel"),
        ("layers/conv2d_1/vars/0", "layers/conv2d_1/vars/0"),
        ("weight", "weight"),
    ],
)
def test_names_of_keras(name, short):
    assert by_layer({name: np.zeros(1)}).keys() == {short}


def test_a_classifier_of_ones_own(tmp_path):
    """A whole model that was tuned on other classes: the body is inside it, its top and its optimizer are of no use."""
    body = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    model = keras.Sequential([body, keras.layers.Dense(5, name="dense")])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "tuned.h5")
    tensors = by_layer(read_weights(tmp_path / "tuned.h5"))
    table = find_table("keras", tensors, FILE)
    assert table.description.startswith("MobileNetV2 of Keras Applications")
    assert {name for name, target in table.targets.items() if target is None} == {"dense/kernel", "dense/bias"}


def test_names_that_would_be_one_stay_as_they_are():
    tensors = dict.fromkeys(("a/Conv1/kernel", "b/Conv1/kernel"), np.zeros(1))
    assert by_layer(tensors).keys() == tensors.keys()


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2"])
def test_files_of_keras(name, tmp_path):
    """Numbers in place of names, as Keras 3 writes them, lead to the same variables as names do."""
    network = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(32, 32, 3))
    for number, variable in enumerate(network.variables):
        variable.assign(np.full(variable.shape, number))
    network.save(tmp_path / "whole.h5")
    network.save_weights(tmp_path / "numbered.weights.h5")
    given = {f"{layer.name}/{variable.name}": variable.numpy() for layer in network.layers for variable in layer.weights}
    found = {}
    for file in ("whole.h5", "numbered.weights.h5"):
        tensors = by_layer(read_weights(tmp_path / file))
        table = find_table("keras", tensors, tmp_path / file)
        assert table.description.startswith(f"{name} of Keras Applications")
        check_shapes(table, tensors, shapes_of(table.config), FILE)
        found[file] = {target.variable: tensors[name].flat[0] for name, target in table.targets.items()}
    assert found["whole.h5"] == found["numbered.weights.h5"]
    assert sorted(found["whole.h5"].values()) == list(range(len(given)))


@pytest.mark.parametrize(("network", "model"), [(None, "VGG16"), ("ssd300_vgg19", "VGG19"), ("ssd300_mobilenet_v2", "MobileNetV2")])
def test_a_download_that_fails(network, model, monkeypatch):
    def fail(**_):
        raise OSError("URL fetch failure")

    monkeypatch.setattr(keras.applications, model, fail)
    with pytest.raises(WeightsError, match=rf"imagenet: Keras cannot provide {model} \(URL fetch failure\); give a file"):
        import_weights("keras", Path("imagenet"), network=network)


def test_a_download(monkeypatch):
    """Keras' own network, its weights not those of ImageNet."""
    network = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    monkeypatch.setattr(keras.applications, "MobileNetV2", lambda **settings: network if not settings["include_top"] else None)
    model = import_weights("keras", Path("imagenet"), network="ssdlite320_mobilenet_v2")
    assert model.config.name == "ssdlite320_mobilenet_v2"
    np.testing.assert_array_equal(model.get_layer("block_16_depthwise").kernel, network.get_layer("block_16_depthwise").kernel)


@pytest.mark.parametrize(("source", "network"), [("keras", "ssdlite320_mobilenet_v3_large"), ("vgg16", "ssd300_vgg19")])
def test_what_is_not_downloaded(source, network):
    with pytest.raises(ConfigError, match=f"--network='{network}': --from {source} imagenet has the bodies vgg16"):
        import_weights(source, Path("imagenet"), network=network)
