import io
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.weights.tflite_files import tflite_bytes
from tf_ssd.errors import WeightsError
from tf_ssd.weights import tflite

KERNEL = np.arange(12, dtype=np.float16).reshape(2, 1, 2, 3)


def write(path, content):
    path.write_bytes(content)
    return path


def read(path):
    return dict(tflite.constants(tflite.read_model(path)))


def test_constants_of_each_type_as_they_are_stored(tmp_path):
    tensors = {"half": KERNEL, "single": np.float32([1.5, -2]), "quantized": np.int8([[1, -2]])}
    path = write(tmp_path / "a.tflite", tflite_bytes([*tensors.items(), ("a shape for Reshape", np.int32([1, -1]))]))
    constants = read(path)
    assert constants.keys() == tensors.keys()
    for name, array in tensors.items():
        assert constants[name].dtype == array.dtype
        np.testing.assert_array_equal(constants[name], array)


def test_what_tensorflows_converter_writes(tmp_path):
    """Kernels in float16, as (output, height, width, input) and (1, height, width, channels)."""
    layers = [keras.layers.DepthwiseConv2D(3, name="depthwise"), keras.layers.Conv2D(5, 1, name="conv")]
    network = keras.Sequential([keras.Input((4, 4, 3), batch_size=1), *layers])
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations, converter.target_spec.supported_types = [tf.lite.Optimize.DEFAULT], [tf.float16]
    constants = read(write(tmp_path / "a.tflite", converter.convert()))
    (depthwise,) = (array for array in constants.values() if array.shape == (1, 3, 3, 3))
    (conv,) = (array for array in constants.values() if array.shape == (5, 1, 1, 3))
    np.testing.assert_array_equal(depthwise[0], layers[0].kernel.numpy()[..., 0].astype(np.float16))
    np.testing.assert_array_equal(conv, layers[1].kernel.numpy().transpose(3, 0, 1, 2).astype(np.float16))


def test_a_model_inside_a_bundle(tmp_path):
    content = b"???\nCat\nCoffee cup\n" + tflite_bytes([("kernel", KERNEL)])
    path = write(tmp_path / "assets.data", content + b"another file")
    np.testing.assert_array_equal(read(path)["kernel"], KERNEL)
    assert tflite.label_map(path) == ("Cat", "Coffee cup")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"labels.txt": "???\nCat\nDog\n"}, ("Cat", "Dog")),
        ({"labels.txt": "Cat\r\nDog", "more.json": "{}"}, ("Cat", "Dog")),
        ({"labels.txt": "Cat", "licence.txt": "as you like"}, ()),
        ({"more.json": "{}"}, ()),
    ],
)
def test_class_names_in_the_metadata(files, names, tmp_path):
    appended = io.BytesIO(tflite_bytes([("kernel", KERNEL)]))
    with zipfile.ZipFile(appended, "a") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    path = write(tmp_path / "a.tflite", appended.getvalue())
    assert tflite.label_map(path) == names
    np.testing.assert_array_equal(read(path)["kernel"], KERNEL)


@pytest.mark.parametrize("before", [b"", b"\xff\xfe not a text"])
def test_no_class_names(before, tmp_path):
    assert tflite.label_map(write(tmp_path / "a.tflite", before + tflite_bytes([("kernel", KERNEL)]))) == ()


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>", b"TFL3", b"???\nCat\n"])
def test_a_file_without_a_model(content, tmp_path):
    path = write(tmp_path / "a.data", content)
    for function in (tflite.read_model, tflite.label_map):
        with pytest.raises(WeightsError, match=r"a\.data: holds no model for LiteRT, whose mark TFL3 is nowhere in it"):
            function(path)
