from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tf_ssd
from tests.conftest import forget_detectors
from tf_ssd.boxes_px import area, iou
from tf_ssd.config import DetectionConfig
from tf_ssd.data.classes import write_class_names
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ConfigError, ImageError, WeightsError
from tf_ssd.evaluate.over_dataset import detections_in
from tf_ssd.predict.compiled import detection_function, network_function
from tf_ssd.predict.detector import Detector
from tf_ssd.weights import save_model

NAMES = ("circle", "square", "triangle")


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)


def encoded(pixels, form="PNG", **options) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def assert_same(a, b):
    for name in ("boxes_px", "labels", "scores"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert (a.names, a.size) == (b.names, b.size)


def test_every_form_of_a_picture_gives_the_same(detector, photo, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(photo))
    expected = detector(photo)
    assert len(expected) > 0
    assert expected.size == (160, 90)
    for picture in (path, str(path), path.read_bytes(), Image.fromarray(photo)):
        assert_same(detector(picture), expected)


def test_several_threads_get_what_one_gets(detector):
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (60 + 7 * number, 90 + 3 * number, 3), np.uint8) for number in range(8)]
    expected = [detector(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(detector, pictures), expected, strict=True):
            assert_same(found, alone)


def test_boxes_are_pixels_of_the_picture_and_scores_fall(detector, photo):
    found = detector(photo)
    assert (found.boxes_px >= 0).all()
    assert (found.boxes_px <= [160, 90, 160, 90]).all()
    assert (found.boxes_px.max(axis=0) > [1, 1, 2, 2]).all()
    assert (np.diff(found.scores) <= 0).all()
    assert found.scores.min() >= 0.2
    assert found.names == tuple(NAMES[label - 1] for label in found.labels)


def test_detections_are_those_of_evaluation(model):
    dataset = SyntheticDataset(3, seed=0, image_size=120)
    expected = [found for _, found in detections_in(dataset, model, batch_size=3)]
    found = Detector(model, NAMES, settings=DetectionConfig())([dataset[index].image for index in range(3)])
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_allclose(ours.boxes_px, theirs.boxes_px, atol=1e-3)


@pytest.fixture
def doubtful(model):
    """The model with scores far below 0.01 for the first class."""
    biases = [model.get_layer(f"logits_{number}").bias for number in range(len(model.config.boxes.feature_maps))]
    before = [bias.numpy() for bias in biases]
    for bias in biases:
        bias.assign_sub(np.tile([0.0, 40, 0, 0], bias.shape[0] // 4))
    yield model
    for bias, values in zip(biases, before, strict=True):
        bias.assign(values)


def test_settings_below_those_of_evaluation_find_more(doubtful, photo):
    """A threshold under 0.01, and more of everything."""
    usual = Detector(doubtful, NAMES, settings=DetectionConfig())(photo)
    more = Detector(doubtful, NAMES, settings=DetectionConfig(score_threshold=1e-30, top_k=500, max_detections=1500))(photo)
    assert len(more) > len(usual) == 200
    assert 1 not in usual.labels
    assert more.scores[more.labels == 1].max() < 0.01
    np.testing.assert_array_equal(more.labels[:150], usual.labels[:150])


def test_class_agnostic(model, photo):
    """No two detections in one place, whatever their classes, nor a box without area."""
    found = Detector(model, NAMES, settings=DetectionConfig(class_agnostic=True, iou_threshold=0.3))(photo)
    assert len(set(found.labels)) > 1
    overlaps = iou(found.boxes_px, found.boxes_px)
    assert overlaps[~np.eye(len(found), dtype=bool)].max() <= 0.3 + 1e-6
    assert (area(found.boxes_px) > 0).all()


def test_several_pictures_of_different_sizes(detector, photo):
    pictures = [photo, photo[:40, :50], photo[..., 0], *[photo] * 8]
    found = detector(pictures)
    assert [detections.size for detections in found] == [(160, 90), (50, 40), (160, 90), *[(160, 90)] * 8]
    np.testing.assert_array_equal(found[10].labels, found[0].labels)
    np.testing.assert_allclose(found[10].scores, found[0].scores, rtol=1e-5)
    assert detector([]) == []


def test_a_high_threshold_leaves_nothing(model, photo):
    found = Detector(model, NAMES, settings=DetectionConfig(score_threshold=1 - 1e-9))(photo)
    assert (len(found), found.names, found.boxes_px.shape) == (0, (), (0, 4))


def test_a_large_array_is_reduced_as_a_file_is(detector, photo):
    large = np.asarray(Image.fromarray(photo).resize((1601, 1203), Image.Resampling.BICUBIC))
    assert_same(detector(large), detector(encoded(large)))


def test_exif_orientation(model, detector, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(photo, exif=exif)
    upright = encoded(np.rot90(photo, -1))
    assert_same(detector(turned), detector(upright))
    assert_same(detector(Image.open(BytesIO(turned))), detector(upright))
    assert Detector(model, NAMES, exif="ignore")(turned).size == (160, 90)


def test_a_tensor_is_one_picture(detector):
    """It has a length, as a list of pictures has, and its rows could pass for grey pictures."""
    picture = np.random.default_rng(0).integers(256, size=(40, 50, 3), dtype=np.uint8)
    expected = detector(picture)
    for found in (detector(tf.constant(picture)), *detector([tf.constant(picture)])):
        assert found.size == (50, 40)
        np.testing.assert_array_equal(found.boxes_px, expected.boxes_px)
    with pytest.raises(ValueError, match=r"a picture is \(H, W, 3\)"):
        detector(tf.constant(picture[None]))


@pytest.mark.parametrize("wrong", [None, [None], 5, bytearray(b"photo"), {"photo": 1}, iter(())])
def test_something_that_is_no_picture(detector, wrong):
    with pytest.raises(TypeError, match=r"a picture is a NumPy array, a TensorFlow tensor, .* or encoded bytes, not of type"):
        detector(wrong)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_an_array_that_is_no_picture(detector, wrong):
    with pytest.raises(ValueError, match=r"a picture is \(H, W, 3\)"):
        detector(wrong)


def test_a_file_that_is_no_picture(detector, tmp_path):
    with pytest.raises(ImageError, match=r"missing\.jpg: cannot be read"):
        detector(tmp_path / "missing.jpg")


def test_what_is_not_set_is_as_the_network_has_it(model, photo, monkeypatch):
    own = DetectionConfig(score_threshold=0.001, iou_threshold=0.55, top_k=30, max_detections=7)
    monkeypatch.setattr(model, "config", replace(model.config, detection=own))
    assert Detector(model, NAMES).settings == replace(own, score_threshold=0.3)
    side = model.config.boxes.image_size
    images = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, side, side, 3)), tf.float32)
    by_its_own, by_others = detection_function(model)(images), detection_function(model, own)(images)
    assert by_its_own.boxes.shape == (1, 7, 4)
    np.testing.assert_array_equal(by_its_own.scores, by_others.scores)


def test_a_network_is_compiled_once_for_all_settings(model, photo):
    forget_detectors()
    for threshold in (0.2, 0.4):
        detector = Detector(model, NAMES, settings=DetectionConfig(score_threshold=threshold))
        detector(photo)
        detector.heads(photo)
    assert network_function(model).experimental_get_tracing_count() == 1


def test_load(model, photo, tmp_path, monkeypatch):
    save_model(model, tmp_path / "model.keras")
    assert tf_ssd.load(tmp_path).class_names == ("1", "2", "3")
    write_class_names(tmp_path / "classes.txt", NAMES)
    settings = {"score_threshold": 0.001, "iou_threshold": 0.2, "top_k": 9, "max_detections": 5, "class_agnostic": True}
    loaded = tf_ssd.load(str(tmp_path), **settings)
    assert (loaded.class_names, vars(loaded.settings)) == (NAMES, settings)
    assert len(loaded(photo)) == 5
    assert tf_ssd.load(tmp_path).settings == Detector(model, NAMES).settings == DetectionConfig(score_threshold=0.3)
    (tmp_path / "thresholds.json").write_text('{"model.keras": {"overall": {"threshold": 0.45}}}')
    assert tf_ssd.load(tmp_path, score_threshold="best").settings.score_threshold == 0.45
    with pytest.raises(ConfigError, match="--iou-threshold=2: must be above 0, up to 1"):
        tf_ssd.load(tmp_path, iou_threshold=2)
    with monkeypatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "jax")
        with pytest.raises(ConfigError, match="KERAS_BACKEND=jax"):
            tf_ssd.load(tmp_path)
    write_class_names(tmp_path / "classes.txt", NAMES[:2])
    with pytest.raises(ConfigError, match="2 classes, but the model has 3"):
        tf_ssd.load(tmp_path / "model.keras")
    with pytest.raises(WeightsError, match="no such file"):
        tf_ssd.load(tmp_path / "other.keras")
