"""Relations between what is found in pictures and in tiles of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_ssd.config import DetectionConfig, ModelConfig, Tiling
from tf_ssd.data.images.tiles import tiles_of
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.detect import Detections
from tf_ssd.errors import ConfigError
from tf_ssd.evaluate.over_dataset import NOTHING, detections_in
from tf_ssd.metrics import ImageDetections
from tf_ssd.model import ssd300
from tf_ssd.predict.compiled import detection_function
from tf_ssd.predict.detector import Detector
from tf_ssd.predict.merge import merged
from tf_ssd.predict.tiles import TiledDetection

NAMES = ("circle", "square", "triangle")
SETTINGS = DetectionConfig(score_threshold=0.2)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ssd300(ModelConfig(num_classes=4, width=0.0625, batch_norm=True))


@pytest.fixture(scope="module")
def four():
    return np.random.default_rng(0).integers(0, 256, (4, 300, 300, 3), np.uint8)


@pytest.fixture(scope="module")
def mosaic(four):
    return np.concatenate([np.concatenate(four[:2], axis=1), np.concatenate(four[2:], axis=1)])


def rows(found):
    """Detections as a set."""
    return {(*box, label, score) for box, label, score in zip(found.boxes_px, found.labels, found.scores, strict=True)}


def assert_nearly(found, expected):
    """Of batches of other sizes, for which convolutions may add up in another order, as they do on processors without AVX-512."""
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.boxes_px, expected.boxes_px, atol=1e-2)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


def test_a_picture_of_four_has_the_detections_of_the_four(model, detector, four, mosaic):
    tiling = Tiling(2, 0)
    tiles_px = tiles_of((600, 600), tiling, image_size=300, name="")
    tiled = TiledDetection(detection_function(model, SETTINGS), SETTINGS, 300, tiling, 4)
    found = list(tiled.in_tiles(mosaic, tiles_px))
    together = merged(found, tiles_px, size=(600, 600), iou_threshold=0.45, class_agnostic=False)
    expected = set()
    for alone, (left, top, _, _) in zip(detector(list(four)), tiles_px.tolist(), strict=True):
        assert len(alone) > 5
        expected |= rows(ImageDetections(alone.boxes_px + np.array([left, top, left, top]), alone.labels, alone.scores))
    assert rows(together) == expected
    assert (np.diff(together.scores) <= 0).all()


@pytest.mark.parametrize("tiles", [1, "auto"])
def test_one_tile_that_is_all_of_the_picture_changes_nothing(detector, four, tiles):
    ordinary, tiled = detector(four[0]), detector(four[0], tiles=tiles)
    for name in ("boxes_px", "labels", "scores"):
        np.testing.assert_array_equal(getattr(tiled, name), getattr(ordinary, name))
    assert tiled.names == ordinary.names


def test_a_network_that_finds_nothing_in_tiles_changes_nothing(mosaic):
    whole = ImageDetections(np.array([[10, 20, 300, 400], [0, 0, 90.5, 70]]), np.array([1, 2]), np.float32([0.9, 0.6]))

    def find(images):
        count = len(images)
        return Detections(tf.zeros([count, 5, 4]), tf.zeros([count, 5], tf.int32), tf.zeros([count, 5]), tf.zeros(count, tf.int32))

    found = TiledDetection(find, SETTINGS, 300, Tiling(2), 3)(whole, (600, 600), lambda: mosaic, name="")
    assert rows(found) == rows(whole)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_how_many_tiles_go_through_at_a_time_does_not_matter(model, mosaic, batch_size):
    sizes = []

    def find(images):
        sizes.append(len(images))
        return detection_function(model, SETTINGS)(images)

    def found(batch_size):
        return TiledDetection(find, SETTINGS, 300, Tiling(2), batch_size)(NOTHING, (600, 600), lambda: mosaic, name="")

    expected = found(4)
    del sizes[:]
    some = found(batch_size)
    assert sizes == {1: [1, 1, 1, 1], 3: [3, 1]}[batch_size]
    assert_nearly(some, expected)


def test_every_form_of_a_picture_gives_the_same(detector, mosaic, tmp_path):
    path = tmp_path / "mosaic.png"
    Image.fromarray(mosaic).save(path)
    expected = rows(detector(mosaic, tiles=2))
    assert len(expected) > len(detector(mosaic))
    for picture in (path, path.read_bytes(), Image.open(path), tf.constant(mosaic)):
        assert rows(detector(picture, tiles=2)) == expected
    with_others = detector([mosaic[:50, :40], path], tiles="auto")
    assert with_others[0].size == (40, 50)
    assert_nearly(with_others[1], detector(mosaic, tiles=2))  # 600 px are 2 tiles of 334


def test_evaluation_finds_the_same(model, tmp_path):
    dataset = SyntheticDataset(2, seed=0, image_size=120)
    expected = Detector(model, NAMES, settings=SETTINGS)([dataset[index].image for index in range(2)], tiles=2, tile_overlap=0.3)
    pairs = detections_in(dataset, model, batch_size=2, settings=SETTINGS, tiling=Tiling(2, 0.3))
    for (_, ours), theirs in zip(pairs, expected, strict=True):
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_allclose(ours.boxes_px, theirs.boxes_px, atol=1e-3)


def test_tiny_tiles_and_numbers_out_of_range(detector, four):
    with pytest.raises(ConfigError, match="--tiles 12: the picture has 300 x 300 px, so that a tile would have 31 x 31; give"):
        detector(four[0], tiles=12)
    with pytest.raises(ConfigError, match="--tiles=17: must be from 1 to 16"):
        detector([], tiles=17)
