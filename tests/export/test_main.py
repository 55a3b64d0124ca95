import json
import shutil
import sys
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module as package
from pathlib import Path
from threading import Thread

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from rich.console import Console

from examples.neighbours import with_tf_serving
from tf_ssd.config import DetectionConfig, DetectionFlags, ExportConfig, ModelConfig
from tf_ssd.config.export import QUANTIZED, SUFFIXES
from tf_ssd.data.classes import write_class_names
from tf_ssd.data.sources import open_dataset
from tf_ssd.data.synthetic import CLASS_NAMES
from tf_ssd.errors import ConfigError, ExportError
from tf_ssd.export import __main__ as export
from tf_ssd.export import formats, litert, measure, onnx, saved_model
from tf_ssd.export.agreement import LIMITS, Limits
from tf_ssd.export.inference import by_tensorflow
from tf_ssd.export.metadata import OUTPUTS
from tf_ssd.export.pictures import spread
from tf_ssd.export.serving import input_spec, serving_function
from tf_ssd.model import ssd300
from tf_ssd.network.kernels.parts import MANY_RESULTS
from tf_ssd.predict.detector import Detector
from tf_ssd.weights import save_model
from tf_ssd.weights.trained import load_trained

PLAIN = {"Add", "Cast", "Concat", "Conv", "Exp", "MatMul", "Max", "MaxPool", "Min", "Mul", "Reciprocal", "ReduceSum", "Relu"}
PLAIN |= {"BatchNormalization", "Reshape", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze"}
FORMATS = formats.MODULES
SMALLER = {"float16": 0.7, "dynamic": 0.55, "int8": 0.55}  # the file, in shares of the one that is not quantized
NAMES = {name: f"model{suffix}" if suffix else name for name, suffix in SUFFIXES.items()}
RAW = ExportConfig(Path(), "onnx", Path("model.onnx"), raw_heads=True)
SURE = 0.7  # the 200th detection scores less
# Converters and the quantizer have warnings of their own.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("loaded_once_in_module")]


@pytest.fixture(scope="module")
def run(tmp_path_factory, loaded_once_in_module):
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
        output = tmp_path / NAMES[name]
        arguments = ["--checkpoint", run, "--format", name, "--output", output, "--images", photos, *settings]
        assert export.main(list(map(str, arguments))) == 0
        return output

    return call


@pytest.fixture(scope="module")
def written(run, photos, tmp_path_factory):
    """Each format, made once, and of one SavedModel where it takes any number of pictures."""
    folder = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        for name in FORMATS:
            if name == "openvino":
                patch.setattr(saved_model, "write", copy_of(folder / NAMES["saved_model"]))
            arguments = ["--checkpoint", run, "--format", name, "--output", folder / NAMES[name], "--images", photos]
            assert export.main(list(map(str, arguments))) == 0
    return folder


@pytest.fixture(scope="module")
def runner(written):
    """Each of them as a function from pictures, in its own runtime."""
    return cache(lambda name: FORMATS[name].Runner(written / NAMES[name]))


def copy_of(folder):
    """In place of `saved_model.write`: a SavedModel that has been written with the same settings, without what was put in later."""
    made_later = shutil.ignore_patterns(saved_model.EXTRA)
    return lambda serve, spec, path: shutil.copytree(folder, path, ignore=made_later)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [(300, 300), (123, 217), (599, 450)])
def test_it_detects_what_the_detector_does(run, runner, name, size):
    """Pictures of any size; those that it was verified on are others. How large ones are reduced is tested with the resizing."""
    random = np.random.default_rng(1)
    picture = np.array(Image.fromarray(random.integers(0, 256, (5, 6, 3), np.uint8)).resize(size))
    expected = Detector(*load_trained(run), settings=DetectionConfig(score_threshold=SURE))(picture)
    outputs = runner(name)(picture[None])
    kept = outputs["scores"][0] >= SURE
    assert outputs["count"][0] >= kept.sum() == len(expected) > 0
    np.testing.assert_array_equal(outputs["labels"][0][kept], expected.labels)
    np.testing.assert_allclose(outputs["scores"][0][kept], expected.scores, atol=0.002)
    np.testing.assert_allclose(outputs["boxes_px"][0][kept], expected.boxes_px, atol=0.5)


def test_every_layer_is_exported_as_one_convolution():
    """Where TensorFlow predicts it may be several, which no converter would put together again."""
    model = ssd300(ModelConfig(num_classes=4, width=0.25))
    graph = tf.function(serving_function(model, RAW), autograph=False).get_concrete_function(input_spec(RAW)).graph
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert max(layer.filters for layer in layers) >= MANY_RESULTS
    assert sum(operation.type == "Conv2D" for operation in graph.get_operations()) == len(layers)


@pytest.mark.parametrize("name", FORMATS)
def test_classes_and_thresholds_travel_inside(written, name):
    about = FORMATS[name].described(written / NAMES[name])
    assert about["classes"] == list(CLASS_NAMES)
    assert about | vars(DetectionConfig()) == about
    assert about["format"] == name


@pytest.mark.parametrize("name", ["saved_model", "onnx", "openvino"])
def test_any_number_of_pictures(runner, name):
    pictures = np.random.default_rng(2).integers(0, 256, (3, 90, 70, 3), np.uint8)
    together = runner(name)(pictures)
    for row, picture in enumerate(pictures):
        np.testing.assert_allclose(runner(name)(picture[None])["scores"][0], together["scores"][row], atol=1e-5)


@pytest.fixture(scope="module")
def not_quantized(tmp_path_factory):
    """The place of what is converted before it is quantized."""
    return tmp_path_factory.mktemp("converted") / "model.tflite"


@pytest.fixture
def converted_once(written, not_quantized, monkeypatch):  # after all formats have been written
    """Models of the same settings, before each of them is quantized in another way."""
    write, convert = saved_model.write, litert.write

    def write_once(*arguments):
        if not not_quantized.exists():
            write(*arguments)

    def convert_once(source, path):
        if not not_quantized.exists():
            convert(source, not_quantized)
        shutil.copy(not_quantized, path)

    monkeypatch.setattr(saved_model, "write", write_once)
    monkeypatch.setattr(litert, "write", convert_once)


@pytest.mark.usefixtures("converted_once")
@pytest.mark.parametrize("quantize", QUANTIZED["tflite"])
def test_quantized(command, written, capsys, monkeypatch, quantize):
    """Random weights have no room for rounding, so that much may differ here; detections are not cut off at 200 for that."""
    monkeypatch.setitem(LIMITS, quantize, Limits(score=0.5, box_px=np.inf, missing=2.0, sure=0.0))
    monkeypatch.setattr("tf_ssd.data.synthetic.HELD_OUT_PICTURES", 4)
    output = command("tflite", "--quantize", quantize, "--max-detections", "1300")
    assert output.stat().st_size < SMALLER[quantize] * (written / "model.tflite").stat().st_size
    assert litert.described(output)["quantize"] == quantize
    assert "AP50 on 4 pictures" in capsys.readouterr().out


@pytest.mark.usefixtures("converted_once")
def test_what_eight_bits_break_is_not_left(run, photos, tmp_path, capsys):
    """As they do with random weights."""
    arguments = ["--checkpoint", run, "--format", "tflite", "--output", tmp_path / "a.tflite", "--images", photos]
    assert export.main([*map(str, arguments), "--quantize", "int8", "--max-detections", "1300"]) == 2
    assert "not written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_calibration_on_generated_pictures_is_noted(run, photos, tmp_path, monkeypatch, capsys):
    def stop(*_):
        raise ExportError("far enough")

    monkeypatch.setattr(formats, "write", stop)
    monkeypatch.setattr("tf_ssd.data.synthetic.HELD_OUT_PICTURES", 4)
    shutil.copy(run / "model.keras", tmp_path)
    write_class_names(tmp_path / "classes.txt", ("cat", "dog", "cow"))
    for folder, more, noted in ((tmp_path, [], True), (tmp_path, ["--images", photos], False), (run, [], False)):
        arguments = ["--checkpoint", folder, "--format", "onnx", "--output", tmp_path / "a.onnx", "--quantize", "int8", *more]
        assert export.main(list(map(str, arguments))) == 2
        assert ("calibrated on generated pictures" in capsys.readouterr().out) == noted


@pytest.fixture(scope="module")
def heads(run, photos, tmp_path_factory):
    """What suppression chooses from, of two pictures of a fixed size, and how it was asked for."""
    output = tmp_path_factory.mktemp("heads") / "heads.onnx"
    settings = ["--images", str(photos), "--raw-heads", "--batch-size", "2", "--image-size", "50", "40"]
    assert export.main(["--checkpoint", str(run), "--format", "onnx", "--output", str(output), *settings]) == 0
    return output, settings


@pytest.fixture(scope="module", params=["ONNX Runtime", "OpenCV"])
def runtime(request, heads):
    """A function from pictures to raw heads, by what can run them. OpenCV cannot be imported where there is no libGL."""
    path = str(heads[0])
    if request.param == "ONNX Runtime":
        return onnx.Runner(path)
    network = pytest.importorskip("cv2", exc_type=ImportError).dnn.readNetFromONNX(path)

    def forward(pictures):
        network.setInput(pictures)
        names = network.getUnconnectedOutLayersNames()
        return dict(zip(names, network.forward(names), strict=True))

    return forward


def test_raw_heads(run, runtime):
    pictures = np.random.default_rng(3).integers(0, 256, (2, 50, 40, 3), np.uint8)
    found = runtime(pictures)
    assert {name: value.shape for name, value in found.items()} == {"boxes_px": (2, 8732, 4), "scores": (2, 8732, 3)}
    for row, expected in enumerate(map(by_tensorflow(load_trained(run)[0], RAW), pictures)):
        np.testing.assert_allclose(found["boxes_px"][row], expected["boxes_px"], atol=LIMITS["none"].box_px)
        np.testing.assert_allclose(found["scores"][row], expected["scores"], atol=LIMITS["none"].score)


def test_raw_heads_are_plain(heads):
    """As OpenCV wants them: no loops, no shapes that are computed, every axis fixed."""
    output, _ = heads
    about = onnx.described(output)
    assert "score_threshold" not in about
    assert about["inputs"] == {"images": "(B, H, W, 3) uint8 RGB, of 50 x 40 pixels, H x W"}
    graph = package("onnx").load(output).graph
    assert {node.op_type for node in graph.node} <= PLAIN
    assert all(axis.dim_value for value in (*graph.input, *graph.output) for axis in value.type.tensor_type.shape.dim)


def test_onnx_in_eight_bits(run, heads, tmp_path, monkeypatch):
    """Every convolution and what lies between two of them; what comes after the network stays in float32."""
    monkeypatch.setitem(LIMITS, "int8", Limits(score=0.5, box_px=np.inf, missing=0.0, sure=0.0))
    whole, settings = heads
    monkeypatch.setattr(onnx, "write", lambda serve, spec, path: shutil.copy(whole, path))
    output = tmp_path / "int8.onnx"
    arguments = ["--checkpoint", run, "--format", "onnx", "--output", output, *settings, "--quantize", "int8"]
    assert export.main(list(map(str, arguments))) == 0
    assert output.stat().st_size < 0.6 * whole.stat().st_size
    assert onnx.described(output)["quantize"] == "int8"
    nodes = package("onnx").load(output).graph.node
    made_by = {name: node.op_type for node in nodes for name in node.output}
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    assert len(convolutions) == 35
    assert {made_by[name] for node in convolutions for name in node.input} == {"DequantizeLinear"}
    assert {made_by[node.input[0]] for node in nodes if node.op_type == "MaxPool"} == {"DequantizeLinear"}
    assert "DequantizeLinear" not in {
        made_by.get(name) for node in nodes if node.op_type in ("Exp", "Softmax") for name in node.input
    }


@pytest.mark.usefixtures("as_written")
def test_openvino_in_sixteen_bits(run, photos, written, tmp_path, monkeypatch):
    """In a folder that may have any name, that of the format that it is made of too; random weights suffer more than trained."""
    monkeypatch.setitem(LIMITS, "float16", Limits(score=0.2, box_px=np.inf, missing=2.0, sure=0.3))
    monkeypatch.setattr(export, "_is_measured", lambda *_: False)  # as after any other quantization
    output = tmp_path / "saved_model"
    arguments = ["--checkpoint", run, "--format", "openvino", "--output", output, "--images", photos, "--quantize", "float16"]
    assert export.main(list(map(str, arguments))) == 0
    sizes = [(folder / "model.bin").stat().st_size for folder in (output, written / NAMES["openvino"])]
    assert sizes[0] < 0.6 * sizes[1]


def test_axes_and_outputs_of_onnx_have_names(written):
    graph = package("onnx").load(written / "model.onnx").graph
    axes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert list(axes) == ["images", *OUTPUTS]
    assert axes["images"] == ["batch", "height", "width", 3]
    assert axes["boxes_px"] == ["batch", 200, 4]


def test_tensors_of_tflite_have_names_and_the_documented_order(written):
    interpreter = package("ai_edge_litert.interpreter").Interpreter(str(written / "model.tflite"))
    assert [detail["name"] for detail in interpreter.get_input_details()] == ["images"]
    assert [detail["name"] for detail in interpreter.get_output_details()] == list(OUTPUTS)


def test_tflite_as_the_examples_for_it_expect(run, command):
    """The size is read from the file, and outputs go by number: boxes (ymin, xmin, ymax, xmax), classes from 0, scores, number."""
    output = command("tflite", "--image-size", "100", "140", "--tflite-postprocess", "--score-threshold", "0.3")
    interpreter = package("ai_edge_litert.interpreter").Interpreter(str(output))
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    assert (given["shape"].tolist(), given["dtype"]) == ([1, 100, 140, 3], np.uint8)
    picture = np.array(Image.fromarray(np.random.default_rng(1).integers(0, 256, (5, 6, 3), np.uint8)).resize((140, 100)))
    interpreter.set_tensor(given["index"], picture[None])
    interpreter.invoke()
    boxes, classes, scores, count = (interpreter.get_tensor(detail["index"])[0] for detail in interpreter.get_output_details())
    expected = Detector(*load_trained(run), settings=DetectionConfig(score_threshold=SURE))(picture)
    sure = scores >= SURE
    assert count >= sure.sum() == len(expected) > 0
    np.testing.assert_array_equal(classes[sure] + 1, expected.labels)
    np.testing.assert_allclose(boxes[sure][:, [1, 0, 3, 2]] * (140, 100, 140, 100), expected.boxes_px, atol=0.5)
    assert litert.described(output)["outputs"].keys() == {
        "detection_boxes",
        "detection_classes",
        "detection_scores",
        "num_detections",
    }


@pytest.fixture
def coco(photos, tmp_path):
    """The photos with a box each, two of them of a size that is not the file's to say, and one file that is no picture."""
    (tmp_path / "data/test").mkdir(parents=True)
    names = ["a.jpg", "b.png", "broken.jpg", "d.jpg"]
    for name, source in zip(names, ["a.jpg", "b.png", None, "c/d.jpg"], strict=True):
        (tmp_path / "data/test" / name).write_bytes((photos / source).read_bytes() if source else b"no picture")
    images = [{"id": number, "file_name": name, "width": 60, "height": 60} for number, name in enumerate(names)]
    rows = [{"id": 1 + number, "image_id": number, "category_id": 1, "bbox": [1, 1, 40, 40]} for number in range(4)]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASS_NAMES, start=1)]
    content = {"images": images, "annotations": rows, "categories": categories}
    (tmp_path / "data/test/_annotations.coco.json").write_text(json.dumps(content))
    return ["--dataset", "coco", "--data", str(tmp_path / "data"), "--split", "test"]


@pytest.fixture
def as_written(written, monkeypatch):
    """A SavedModel is copied from the one that has been written with the same settings."""
    monkeypatch.setattr(saved_model, "write", copy_of(written / NAMES["saved_model"]))


@pytest.mark.usefixtures("as_written")
def test_pictures_that_cannot_be_read_are_skipped_and_named(run, coco, tmp_path, capsys):
    output = tmp_path / "model"
    arguments = ["--checkpoint", str(run), "--format", "saved_model", "--output", str(output), *coco]
    assert export.main(arguments) == 1
    printed = capsys.readouterr().out
    assert "In 3 pictures" in printed
    assert "AP50 on 3 of 4 pictures: " in printed
    assert "A detection counts from a score of 0.011, and where a picture has all 200" in " ".join(printed.split())
    assert printed.count("skipped: ") == printed.count("broken.jpg") == 1
    assert output.is_dir()


def test_no_more_pictures_are_measured_than_a_runtime_takes_in_bearable_time(run, coco, monkeypatch):
    monkeypatch.setattr(measure, "MOST", 2)
    dataset = open_dataset("coco", [Path(coco[3])], ["test"])
    config = ExportConfig(checkpoint=run, format="saved_model", output=run / "new")
    model, _ = load_trained(run)
    seen = []

    def artefact(images):
        seen.append(images.shape)
        return {"boxes_px": np.zeros((1, 1, 4)), "labels": np.ones((1, 1)), "scores": np.ones((1, 1)), "count": np.zeros(1)}

    measured = measure.measure(model, artefact, dataset, config, Console(quiet=True))
    assert (measured.pictures, len(measured.skipped), measured.artefact) == (1, 1, 0)  # the first and, broken, the third
    assert seen == [(1, 60, 80, 3)]


@pytest.mark.usefixtures("as_written")
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
        ({"format": "onnx", "output": "a.onnx", "quantize": "dynamic"}, "onnx, which is written in float32 or int8"),
        ({"format": "openvino", "output": "a", "quantize": "int8"}, "openvino, which is written in float32 or float16"),
        ({"format": "saved_model", "output": "a", "quantize": "int8"}, "saved_model, which is written in float32$"),
        ({"format": "openvino", "output": "model.xml"}, "openvino is written as a folder; leave out .xml"),
        ({"format": "saved_model", "output": "saved_model.pb"}, "saved_model is written as a folder; leave out .pb"),
        ({"format": "onnx", "output": "missing/a.onnx"}, "no folder"),
        ({"format": "onnx", "output": "a.onnx", "batch_size": 0}, "at least 1"),
        (
            {"format": "onnx", "output": "a.onnx", "raw_heads": True, "detection": DetectionFlags(top_k=7)},
            "leaves suppression out",
        ),
        ({"format": "onnx", "output": "a.onnx", "dataset": "voc"}, "one goes with the other"),
        ({"format": "onnx", "output": "a.onnx", "image_size": (0, 300)}, "--image-size"),
        ({"format": "onnx", "output": "a.onnx", "tflite_postprocess": True}, "is for --format tflite"),
        ({"format": "tflite", "output": "a.tflite", "tflite_postprocess": True, "raw_heads": True}, "not with --raw-heads"),
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


@pytest.mark.parametrize("items", [0, 1, 5, 16, 17, 31, 100, 199])
@pytest.mark.parametrize("number", [1, 16, 100])
def test_spread(items, number):
    """Over all items, the last of them included as far as distances allow."""
    chosen = spread(range(items), number)
    assert len(chosen) == min(items, number)
    distances = np.diff([*chosen, items])
    assert not len(chosen) or chosen[0] == 0
    assert not len(chosen) or distances.max() - distances.min() <= 1


def test_metadata_is_json(written):
    assert json.loads((written / NAMES["saved_model"] / saved_model.EXTRA / "tf_ssd.json").read_text())["inputs"].keys() == {
        "images"
    }


@pytest.fixture
def serving(written):
    """A server in this process that answers as the REST API of TF Serving is documented, by the model's signature."""
    signature = tf.saved_model.load(str(written / NAMES["saved_model"])).signatures["serving_default"]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert (self.path, request["signature_name"]) == ("/v1/models/shapes:predict", "serving_default")
            (given,) = signature.structured_input_signature[1].values()
            outputs = signature(**{given.name: tf.constant(request["instances"], given.dtype)})
            rows = [
                {name: value[row].numpy().tolist() for name, value in outputs.items()} for row in range(len(request["instances"]))
            ]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"predictions": rows}).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("localhost", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/v1/models/shapes"
        server.shutdown()
        thread.join()


def test_the_example_of_tf_serving(run, serving, photos, capsys):
    """Boxes are in pixels of the picture, which is larger than what is sent."""
    with_tf_serving.main([serving, str(photos / "c/d.jpg")])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    (first, *_) = Detector(*load_trained(run), settings=DetectionConfig(score_threshold=SURE))([photos / "c/d.jpg"])
    assert len(lines) == 200
    assert max(float(line[-1]) for line in lines) > with_tf_serving.LARGEST
    np.testing.assert_allclose([float(line[2]) for line in lines][:20], first.scores[:20], atol=0.05)
