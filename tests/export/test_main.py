import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_ssd.config import DetectionConfig, ExportConfig, ModelConfig
from tf_ssd.config.export import SUFFIXES
from tf_ssd.data.classes import write_class_names
from tf_ssd.data.synthetic import CLASS_NAMES
from tf_ssd.errors import ConfigError
from tf_ssd.export import __main__ as export
from tf_ssd.export import litert, onnx, saved_model
from tf_ssd.export.agreement import LIMITS, Limits
from tf_ssd.export.serving import input_spec, serving_function
from tf_ssd.model import ssd300
from tf_ssd.network.kernels.parts import MANY_RESULTS
from tf_ssd.predict.detector import Detector
from tf_ssd.weights import save_model
from tf_ssd.weights.trained import load_trained

FORMATS = {"saved_model": saved_model, "tflite": litert, "onnx": onnx}
SMALLER = {"float16": 0.7, "dynamic": 0.55, "int8": 0.55}  # the file, in shares of the one that is not quantized
SURE = 0.9  # the 200th detection scores less
# Converters and the quantizer have warnings of their own.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network whose scores are spread out, so that something is detected and no order hangs on the last bit."""
    folder = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(0)
    model = ssd300(ModelConfig(num_classes=4, width=0.0625, batch_norm=True))
    for layer in model.layers:
        if layer.name.startswith("logits_") and isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(layer.kernel * 0.1)
    save_model(model, folder / "model.keras")
    write_class_names(folder / "classes.txt", CLASS_NAMES)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name, size in (("a.jpg", (60, 80, 3)), ("b.png", (300, 300, 3)), ("c/d.jpg", (700, 400, 3))):
        (folder / name).parent.mkdir(exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
        coarse.resize((size[1], size[0])).save(folder / name)
    return folder


@pytest.fixture
def command(run, photos, tmp_path):
    """Exports in a format with more settings; returns the file."""

    def call(name, *settings):
        output = tmp_path / f"model{SUFFIXES[name]}"
        arguments = ["--checkpoint", run, "--format", name, "--output", output, "--images", photos, *settings]
        assert export.main(list(map(str, arguments))) == 0
        return output

    return call


@pytest.fixture(scope="module")
def written(run, photos, tmp_path_factory):
    """Each format, made once."""
    folder = tmp_path_factory.mktemp("written")
    for name in FORMATS:
        output = folder / f"model{SUFFIXES[name]}"
        arguments = ["--checkpoint", run, "--format", name, "--output", output, "--images", photos]
        assert export.main(list(map(str, arguments))) == 0
    return folder


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [(300, 300), (123, 217), (599, 450)])
def test_it_detects_what_the_detector_does(run, written, name, size):
    """Pictures of any size; those that it was verified on are others. How large ones are reduced is tested with the resizing."""
    random = np.random.default_rng(1)
    picture = np.array(Image.fromarray(random.integers(0, 256, (5, 6, 3), np.uint8)).resize(size))
    expected = Detector(*load_trained(run), settings=DetectionConfig(score_threshold=SURE))(picture)
    outputs = FORMATS[name].Runner(written / f"model{SUFFIXES[name]}")(picture[None])
    kept = outputs["scores"][0] >= SURE
    assert outputs["count"][0] >= kept.sum() == len(expected) > 0
    np.testing.assert_array_equal(outputs["labels"][0][kept], expected.labels)
    np.testing.assert_allclose(outputs["scores"][0][kept], expected.scores, atol=0.002)
    np.testing.assert_allclose(outputs["boxes_px"][0][kept], expected.boxes_px, atol=0.5)


def test_every_layer_is_exported_as_one_convolution():
    """Where TensorFlow predicts it may be several, which no converter would put together again."""
    model = ssd300(ModelConfig(num_classes=4, width=0.25))
    config = ExportConfig(checkpoint=Path(), output=Path("model.onnx"), format="onnx")
    graph = tf.function(serving_function(model, config)).get_concrete_function(input_spec(config)).graph
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert max(layer.filters for layer in layers) >= MANY_RESULTS
    assert sum(operation.type == "Conv2D" for operation in graph.get_operations()) == len(layers)


@pytest.mark.parametrize("name", FORMATS)
def test_classes_and_thresholds_travel_inside(written, name):
    about = FORMATS[name].described(written / f"model{SUFFIXES[name]}")
    assert about["classes"] == list(CLASS_NAMES)
    assert about | vars(DetectionConfig()) == about
    assert about["format"] == name


@pytest.mark.parametrize("name", ["saved_model", "onnx"])
def test_any_number_of_pictures(written, name):
    pictures = np.random.default_rng(2).integers(0, 256, (3, 90, 70, 3), np.uint8)
    runner = FORMATS[name].Runner(written / f"model{SUFFIXES[name]}")
    together = runner(pictures)
    for row, picture in enumerate(pictures):
        np.testing.assert_allclose(runner(picture[None])["scores"][0], together["scores"][row], atol=1e-5)


@pytest.mark.parametrize("quantize", SMALLER)
def test_quantized(command, written, capsys, monkeypatch, quantize):
    """Random weights have no room for rounding, so that much may differ here."""
    monkeypatch.setitem(LIMITS, quantize, Limits(score=0.2, box_px=np.inf, missing=2.0, sure=0.0))
    monkeypatch.setattr("tf_ssd.data.synthetic.HELD_OUT_PICTURES", 4)
    output = command("tflite", "--quantize", quantize)
    assert output.stat().st_size < SMALLER[quantize] * (written / "model.tflite").stat().st_size
    assert litert.described(output)["quantize"] == quantize
    assert "AP50 on 4 pictures" in capsys.readouterr().out


def test_what_eight_bits_break_is_not_left(run, photos, tmp_path, capsys):
    """As they do with random weights."""
    arguments = ["--checkpoint", run, "--format", "tflite", "--output", tmp_path / "a.tflite", "--images", photos]
    assert export.main([*map(str, arguments), "--quantize", "int8"]) == 2
    assert "not written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_raw_heads(command):
    output = command("onnx", "--raw-heads", "--batch-size", "2")
    outputs = onnx.Runner(output)(np.zeros((2, 50, 40, 3), np.uint8))
    assert {name: value.shape for name, value in outputs.items()} == {"boxes_px": (2, 8732, 4), "scores": (2, 8732, 3)}
    assert "score_threshold" not in onnx.described(output)


def test_what_detects_something_else_is_not_left(run, photos, tmp_path, monkeypatch, capsys):
    class Wrong(saved_model.Runner):
        def __call__(self, images):
            outputs = super().__call__(images)
            return outputs | {"scores": outputs["scores"] * 0.99}

    monkeypatch.setattr(saved_model, "Runner", Wrong)
    arguments = ["--checkpoint", run, "--format", "saved_model", "--output", tmp_path / "model", "--images", photos]
    assert export.main(list(map(str, arguments))) == 2
    assert "not written, as it does not detect what the model detects: a score differs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_missing(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export.main(["--checkpoint", str(run), "--format", "onnx", "--output", str(tmp_path / "a.onnx")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: --format onnx: needs onnxruntime")
    assert 'pip install "tf-ssd[export]"' in message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "onnx", "output": "a.tflite"}, "must end in .onnx"),
        ({"format": "onnx", "output": "a.onnx", "quantize": "int8"}, "is for --format tflite"),
        ({"format": "onnx", "output": "missing/a.onnx"}, "no folder"),
        ({"format": "onnx", "output": "a.onnx", "batch_size": 0}, "at least 1"),
        (
            {"format": "onnx", "output": "a.onnx", "raw_heads": True, "detection": DetectionConfig(top_k=7)},
            "leaves suppression out",
        ),
        ({"format": "onnx", "output": "a.onnx", "dataset": "voc"}, "one goes with the other"),
    ],
)
def test_settings_that_are_refused(settings, message, tmp_path):
    values = settings | {"checkpoint": tmp_path, "output": tmp_path / settings["output"]}
    with pytest.raises(ConfigError, match=message):
        ExportConfig(**values)


def test_what_exists_is_not_overwritten(run, tmp_path, capsys):
    (tmp_path / "a.onnx").write_text("mine")
    assert export.main(["--checkpoint", str(run), "--format", "onnx", "--output", str(tmp_path / "a.onnx")]) == 2
    assert "nothing was overwritten" in capsys.readouterr().err
    assert (tmp_path / "a.onnx").read_text() == "mine"


def test_a_folder_without_pictures(run, tmp_path, capsys):
    arguments = ["--checkpoint", run, "--format", "onnx", "--output", tmp_path / "a.onnx", "--images", tmp_path]
    assert export.main(list(map(str, arguments))) == 2
    assert "no picture is there" in capsys.readouterr().err


@pytest.mark.parametrize("items", [1, 5, 16, 17, 100])
@pytest.mark.parametrize("number", [1, 16])
def test_spread(items, number):
    chosen = export.spread(range(items), number)
    assert len(chosen) == min(items, number)
    assert chosen[0] == 0
    assert len(set(np.diff(chosen))) <= 1


def test_metadata_is_json(written):
    assert json.loads((written / "model" / saved_model.EXTRA / "tf_ssd.json").read_text())["inputs"].keys() == {"images"}
