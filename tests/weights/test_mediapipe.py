import numpy as np
import pytest

from tests.weights.tflite_files import stored, tflite_bytes
from tf_ssd.data.classes import read_class_names
from tf_ssd.errors import WeightsError
from tf_ssd.model import ssd
from tf_ssd.weights import __main__ as command
from tf_ssd.weights import import_weights, load_model
from tf_ssd.weights.mediapipe import CONFIG, MEDIAPIPE, class_names_inside

CLASSES = 3  # background included
LABEL_MAP = b"???\nCat\nDog\n"
CONV = "FeatureExtractor/MobilenetV2/Conv"


@pytest.fixture(scope="module")
def shapes():
    """Of all variables of the network, "layer.variable"."""
    model = ssd(CONFIG, num_classes=CLASSES)
    return {f"{layer.name}.{variable.name}": tuple(variable.shape) for layer in model.layers for variable in layer.weights}


@pytest.fixture(scope="module")
def arrays(shapes):
    """What the file of a whole detector holds, by the names that `read_weights` gives."""
    rng, found = np.random.default_rng(0), {}
    for name, (variable, conversion) in MEDIAPIPE.targets.items():
        found[name] = rng.normal(size=conversion.published_shape(shapes[variable])).astype(np.float16)
    return found


@pytest.fixture(scope="module")
def bundle(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "objectron_solution_packed_assets.data"
    path.write_bytes(LABEL_MAP + tflite_bytes(stored(arrays)))
    return path


def write(path, arrays, **settings):
    path.write_bytes(tflite_bytes(stored(arrays), **settings))
    return path


def test_published_names():
    places = {name: target.variable for name, target in MEDIAPIPE.targets.items()}
    assert len(places) == 144
    body = "FeatureExtractor/MobilenetV2"
    assert places[f"{body}/expanded_conv/depthwise/kernel"] == "expanded_conv_depthwise.kernel"
    assert places[f"{body}/expanded_conv_16/project/bias"] == "block_16_project.bias"
    assert places[f"{body}/layer_19_1_Conv2d_5_1x1_64/kernel"] == "extra4_1.kernel"
    assert places[f"{body}/layer_19_2_Conv2d_2_3x3_s2_512/bias"] == "extra1_2.bias"
    assert places["BoxPredictor_3/ClassPredictor/kernel"] == "logits_3.kernel"


def test_every_variable_is_filled_once(shapes):
    assert sorted(target.variable for target in MEDIAPIPE.targets.values()) == sorted(shapes)


def as_ours(layer, array):
    """By loops over what is rearranged."""
    if layer.startswith("offsets"):
        array = np.stack([array[4 * box + part] for box in range(len(array) // 4) for part in (1, 0, 3, 2)])
    if array.ndim == 1:
        return array
    if len(array) == 1:  # depthwise
        return array[0][..., None]
    return np.stack(
        [[[array[:, y, x, i] for i in range(array.shape[3])] for x in range(array.shape[2])] for y in range(array.shape[1])]
    )


def test_the_command_with_a_bundle(bundle, arrays, tmp_path, capsys):
    output = tmp_path / "detector.keras"
    assert command.main(["--from", "mediapipe", str(bundle), "--output", str(output)]) == 0
    assert "Cat to Dog" in capsys.readouterr().out
    assert read_class_names(tmp_path / "detector.classes.txt") == ("Cat", "Dog")
    model = load_model(output)
    config = model.config
    assert (config.num_classes, config.scores, config.variances, config.batch_norm) == (CLASSES, "sigmoid", (0.1, 0.2), False)
    for name, (variable, _) in MEDIAPIPE.targets.items():
        layer, part = variable.split(".")
        np.testing.assert_array_equal(getattr(model.get_layer(layer), part), as_ours(layer, arrays[name]), err_msg=name)


def test_other_classes(bundle):
    assert import_weights("mediapipe", bundle, num_classes=5).output["logits"].shape == (None, 1917, 5)


def test_class_names(bundle):
    assert class_names_inside(bundle, CLASSES) == ("Cat", "Dog")
    assert class_names_inside(bundle, CLASSES + 1) is None


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({f"{CONV}_1/bias": None}, {}, rf"not the SSD MobileNetV2 .*: 1 tensor missing \({CONV}_1/bias\), 0 tensors unexpected"),
        ({f"{CONV}_2/bias": np.ones(3, np.float16)}, {}, rf"0 tensors missing, 1 tensor unexpected \({CONV}_2/bias\)"),
        (
            {f"{CONV}/kernel": np.ones((32, 3, 3, 4), np.float16)},
            {},
            rf"{CONV}/kernel has shape \(32, 3, 3, 4\), but .*\(32, 3, 3, 3\)",
        ),
        ({f"{CONV}/kernel": np.ones((32, 3, 3, 3), np.int8)}, {}, f"{CONV}/kernel is of type int8; weights are floating-point"),
        ({f"{CONV}/kernel": np.full((32, 3, 3, 3), np.inf, np.float32)}, {}, f"{CONV}/kernel holds NaN or infinite"),
        ({}, {"taken": (1, 320, 320, 3)}, r"takes \[1, 320, 320, 3\], but the SSD MobileNetV2 .* takes \[1, 300, 300, 3\]"),
    ],
)
def test_another_detector(change, settings, message, arrays, tmp_path):
    tensors = {name: array for name, array in {**arrays, **change}.items() if array is not None}
    with pytest.raises(WeightsError, match=rf"^\S*a\.tflite: .*{message}"):
        import_weights("mediapipe", write(tmp_path / "a.tflite", tensors, **settings))


def test_constants_of_one_name(arrays, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(tflite_bytes([*stored(arrays), (f"{CONV}/Conv2D;twice", arrays[f"{CONV}/kernel"])]))
    with pytest.raises(WeightsError, match=f"holds two tensors {CONV}/kernel"):
        import_weights("mediapipe", path)


def test_the_source_is_told(bundle):
    with pytest.raises(WeightsError, match=r"but, it seems, the SSD MobileNetV2 of MediaPipe's Objectron: try --from mediapipe"):
        import_weights("torchvision", bundle)


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("cut.tflite", tflite_bytes([("a", np.ones(3, np.float32))])[:60], "cut.tflite: cannot be read as .tflite"),
        ("hands.data", LABEL_MAP + b"<html>", "hands.data: holds no model for LiteRT"),
        (
            "other.data",
            tflite_bytes([("a", np.ones(3, np.float32))]),
            "other.data: holds 1 tensor, of which --from mediapipe knows none (a/bias)",
        ),
        ("missing.tflite", None, "missing.tflite: no such file"),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(name, content, named, tmp_path, capsys):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert command.main(["--from", "mediapipe", str(tmp_path / name), "--output", str(tmp_path / "a.keras")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert named in message
    assert [path.name for path in tmp_path.iterdir()] == [name] * (content is not None)
