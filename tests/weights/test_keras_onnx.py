import sys

import numpy as np
import onnx
import pytest

from tf_ssd.errors import WeightsError
from tf_ssd.weights import read_weights
from tf_ssd.weights.checks import find_table
from tf_ssd.weights.keras_onnx import KERAS_ONNX

KERNEL = np.arange(54, dtype=np.float32).reshape(2, 3, 3, 3)
TOP = "functional_1/dense_1/BiasAdd/ReadVariableOp:0"


def write(path, tensors):
    """An ONNX model with initializers that no node uses."""
    initializers = [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "network", [], [], initializers)), path)
    return path


@pytest.mark.parametrize(
    ("kernel", "bias"),
    [
        ("functional_1/block1_conv2_1/convolution/ReadVariableOp:0", "functional_1/block1_conv2_1/Squeeze:0"),
        ("model/block1_conv2/Conv2D/ReadVariableOp:0", "model/block1_conv2/BiasAdd/ReadVariableOp:0"),
        ("block1_conv2/kernel", "block1_conv2/bias"),
    ],
)
def test_names_of_convolutions_are_shortened(kernel, bias, tmp_path):
    given = {kernel: KERNEL, bias: np.ones(2, np.float32), TOP: np.zeros(4, np.float16), "const_starts__79": np.ones(1, np.int64)}
    tensors = read_weights(write(tmp_path / "a.onnx", given))
    assert tensors.keys() == {"block1_conv2/kernel", "block1_conv2/bias", TOP}
    np.testing.assert_array_equal(tensors["block1_conv2/kernel"], KERNEL)
    assert tensors[TOP].dtype == np.float32


def network(**more):
    return dict.fromkeys(KERAS_ONNX.targets, np.zeros((1, 3, 3, 3))) | more


def test_a_top_of_ones_own_is_named(tmp_path):
    table = find_table("vgg16", network(**{TOP: np.zeros(4)}), tmp_path)
    assert table.targets == {**KERAS_ONNX.targets, TOP: None}
    assert table.targets["block4_conv3/kernel"].variable == "conv4_3.kernel"
    assert len(KERAS_ONNX.targets) == 26


def test_vgg19_is_refused(tmp_path):
    more = dict.fromkeys(("block3_conv4/kernel", "block3_conv4/bias", TOP), np.zeros(1))
    message = r"not VGG16 .*: 0 tensors missing, 2 tensors unexpected \(block3_conv4/kernel, block3_conv4/bias\)"
    with pytest.raises(WeightsError, match=message):
        find_table("vgg16", network(**more), tmp_path)


def test_kernels_are_turned_round(tmp_path):
    kernel = KERAS_ONNX.targets["block1_conv1/kernel"].conversion
    assert kernel.published_shape((3, 3, 3, 2)) == KERNEL.shape
    turned = kernel.apply(KERNEL)
    for o, i, y, x in np.ndindex(KERNEL.shape):
        assert turned[y, x, i, o] == KERNEL[o, i, y, x]


def test_two_kernels_of_one_layer(tmp_path):
    names = ("functional_1/block1_conv2_1/convolution:0", "functional_2/block1_conv2_2/convolution:0")
    with pytest.raises(WeightsError, match=r"a\.onnx: holds two tensors block1_conv2/kernel"):
        read_weights(write(tmp_path / "a.onnx", dict.fromkeys(names, KERNEL)))


def test_quantized_weights(tmp_path):
    with pytest.raises(WeightsError, match="tensor quantized is of type int8; weights are floating-point numbers"):
        read_weights(write(tmp_path / "a.onnx", {"quantized": np.ones(3, np.int8)}))


def test_weights_that_are_kept_in_another_file(tmp_path):
    model = onnx.load(write(tmp_path / "a.onnx", {"large": np.ones(4096, np.float32)}))
    onnx.save(model, tmp_path / "a.onnx", save_as_external_data=True, location="secret.bin")
    with pytest.raises(WeightsError, match=r"a\.onnx: tensor large is kept in another file, which is not read; save the model"):
        read_weights(tmp_path / "a.onnx")


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_a_truncated_file(share, tmp_path):
    content = write(tmp_path / "a.onnx", {"k": KERNEL}).read_bytes()
    (tmp_path / "a.onnx").write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match=r"a\.onnx: "):
        read_weights(tmp_path / "a.onnx")


def test_without_the_onnx_package(tmp_path, monkeypatch):
    path = write(tmp_path / "a.onnx", {"k": KERNEL})
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(WeightsError, match=r"a\.onnx: reading a \.onnx file needs the onnx package; pip install onnx"):
        read_weights(path)
