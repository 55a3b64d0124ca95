import io
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_ssd import coder, detect, matcher
from tf_ssd.config import VOC300, DetectionConfig, LossConfig, ModelConfig, caffe_boxes
from tf_ssd.default_boxes import default_boxes
from tf_ssd.model import ssd300
from tf_ssd.predict.detector import Detector
from tf_ssd.predict.explain import Candidates, cell_scores, explain, matches, suppression

# Four cells of 150 px with squares of 150 and 212 px, then one of 300 px with squares of 300 and 324: K = 10.
TINY = caffe_boxes(min_sizes=(150, 300), max_sizes=(300, 350), feature_maps=(2, 1), steps=(150, 300), aspect_ratios=((), ()))
CONFIG = ModelConfig(num_classes=4, boxes=TINY)
TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT = [0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1]


def logits_with(boxes: int, scores: dict[tuple[int, int], float]) -> tf.Tensor:
    """(K, 4) logits: scores by default box and label, each of which is that of the background but for the rest."""
    probabilities = np.zeros((boxes, 4))
    for place, score in scores.items():
        probabilities[place] = score
    probabilities[:, 0] = 1 - probabilities.sum(axis=1)
    return tf.constant(np.log(probabilities + 1e-9), tf.float32)


def find(boxes, scores, *, score_threshold=0.3, **settings):
    """Suppression where each default box, in order, predicts one of the boxes, and the rest nothing."""
    rows = np.float32([*boxes, *[[0, 0, 1, 1]] * (10 - len(boxes))])
    offsets = coder.encode(tf.constant(rows), default_boxes(TINY))
    return suppression(offsets, logits_with(10, scores), CONFIG, DetectionConfig(score_threshold=score_threshold, **settings))


# Cells


def test_a_score_lights_exactly_its_cell():
    """Box 3 of row 4, column 11 of the second map: 5776 + (4 * 19 + 11) * 6 + 3."""
    index = 6301
    np.testing.assert_allclose(default_boxes(VOC300)[index, :2], [11.5 * 16 / 300, 4.5 * 16 / 300], rtol=1e-6)
    maps = cell_scores(logits_with(8732, {(index, 2): 0.7}), ModelConfig(num_classes=4))
    assert [scores.shape for scores in maps] == [(38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1)]
    assert maps[1][4, 11] == pytest.approx(0.7, abs=1e-5)
    maps[1][4, 11] = 0
    assert max(scores.max() for scores in maps) < 1e-6


@pytest.mark.parametrize(("index", "level"), [(0, 0), (5775, 0), (5776, 1), (7942, 2), (8542, 3), (8692, 4), (8728, 5), (8731, 5)])
def test_the_first_and_last_boxes_of_maps(index, level):
    maps = cell_scores(logits_with(8732, {(index, 1): 0.5}), ModelConfig(num_classes=4))
    assert [scores.max() > 0.4 for scores in maps] == [number == level for number in range(6)]


def test_the_best_box_and_class_of_a_cell_count_and_background_does_not():
    maps = cell_scores(logits_with(10, {(2, 1): 0.2, (2, 3): 0.25, (3, 2): 0.4, (9, 1): 0.1}), CONFIG)
    np.testing.assert_allclose(maps[0], [[0, 0.4], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(maps[1], [[0.1]], atol=1e-6)


def test_cells_of_a_network_whose_scores_are_sigmoids():
    """Slot 0, however high, lights nothing; the best of the other slots does, by itself."""
    logits = np.full((10, 4), -20, np.float32)
    logits[:, 0], logits[3, 1:], logits[9, 2] = 20, (-1, 0, -2), np.log(3)
    maps = cell_scores(tf.constant(logits), replace(CONFIG, scores="sigmoid"))
    np.testing.assert_allclose(maps[0], [[0, 0.5], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(maps[1], [[0.75]], atol=1e-6)


# Matching


def test_default_boxes_of_an_object():
    """The square of 150 px is the object's own; those of 212 and 300 px overlap it by 0.5 and 0.25."""
    gt_index, best = matches(np.float32([TOP_RIGHT]), np.array([1]), CONFIG)
    assert gt_index[2] == 0
    assert best.tolist() == [2]
    lower = ModelConfig(boxes=TINY, loss=LossConfig(match_threshold=0.2))
    gt_index, best = matches(np.float32([TOP_RIGHT]), np.array([1]), lower)
    assert np.flatnonzero(gt_index == 0).tolist() == [2, 3, 8, 9]
    assert best.tolist() == [2]


def test_objects_without_default_boxes():
    no_area, padding = [0.3, 0.3, 0.3, 0.8], [0.0, 0.0, 0.5, 0.5]
    gt_index, best = matches(np.float32([no_area, padding, BOTTOM_LEFT]), np.array([1, 0, 2]), CONFIG)
    assert best.tolist() == [-1, -1, 4]
    assert set(gt_index.tolist()) == {-1, 2}


def test_no_objects():
    gt_index, best = matches(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), CONFIG)
    assert gt_index.tolist() == [-1] * 10
    assert best.shape == (0,)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_is_the_one_that_was_claimed(seed):
    """No overlap reaches a threshold of 2, so that what is left is what each object claimed for itself."""
    random = np.random.default_rng(seed)
    corners = random.uniform(0.2, 0.6, (30, 2))
    crowd = np.float32(np.concatenate([corners, corners + random.uniform(0.05, 0.3, (30, 2))], axis=1))
    labels = np.ones(30, np.int64)
    claimed = matcher.match(crowd[None], labels[None], default_boxes(VOC300), threshold=2.0)[0].numpy()
    best = matches(crowd, labels, ModelConfig()).best
    np.testing.assert_array_equal(best, [np.flatnonzero(claimed == row)[0] for row in range(30)])


# Suppression


def test_a_duplicate_is_removed_and_its_remover_known():
    shifted = [0.55, 0, 1, 0.5]  # IoU 0.9 with TOP_RIGHT
    found = find([TOP_LEFT, TOP_RIGHT, shifted], {(0, 1): 0.95, (1, 2): 0.8, (2, 2): 0.6})
    assert found.kept.labels.tolist() == [1, 2]
    np.testing.assert_allclose(found.kept.boxes, [TOP_LEFT, TOP_RIGHT], atol=1e-6)
    np.testing.assert_allclose(found.kept.scores, [0.95, 0.8], atol=1e-5)
    np.testing.assert_allclose(found.removed.boxes, [shifted], atol=1e-6)
    assert found.removed.labels.tolist() == [2]
    assert found.remover.tolist() == [1]


def test_another_class_is_not_removed():
    found = find([TOP_RIGHT, TOP_RIGHT], {(0, 2): 0.8, (1, 3): 0.6})
    assert found.kept.labels.tolist() == [2, 3]
    assert len(found.removed.labels) == len(found.remover) == 0


def test_another_class_is_removed_if_classes_do_not_matter():
    found = find([TOP_RIGHT, TOP_RIGHT, TOP_LEFT], {(0, 2): 0.8, (1, 3): 0.6, (2, 1): 0.4}, class_agnostic=True)
    assert (found.kept.labels.tolist(), found.removed.labels.tolist(), found.remover.tolist()) == ([2, 1], [3], [0])


def test_a_box_without_area_is_neither():
    beside = [1.2, 0, 1.7, 0.5]
    found = find([beside, beside, TOP_LEFT], {(0, 2): 0.9, (1, 2): 0.8, (2, 2): 0.7})
    np.testing.assert_allclose(found.kept.boxes, [TOP_LEFT], atol=1e-6)
    assert len(found.removed.labels) == 0


def test_what_is_below_the_threshold_is_neither():
    found = find([TOP_RIGHT, TOP_RIGHT, TOP_LEFT], {(0, 2): 0.8, (1, 2): 0.4, (2, 1): 0.4}, score_threshold=0.5)
    assert found.kept.labels.tolist() == [2]
    assert len(found.removed.labels) == 0


def test_nothing_was_found():
    found = find([], {})
    assert len(found.kept.labels) == len(found.removed.labels) == len(found.remover) == 0
    assert found.kept.boxes.shape == found.removed.boxes.shape == (0, 4)


def test_logits_that_are_no_numbers_find_nothing():
    found = suppression(tf.zeros((10, 4)), tf.fill((10, 4), np.nan), CONFIG, DetectionConfig())
    assert len(found.kept.labels) == len(found.removed.labels) == 0


@pytest.mark.parametrize(
    ("spread", "settings"),
    [
        (1.0, {}),
        (1.0, {"score_threshold": 0.5, "iou_threshold": 0.3}),
        (3.0, {"score_threshold": 0.9, "top_k": 50}),
        (1.0, {"class_agnostic": True, "max_detections": 30}),
    ],
)
def test_what_is_kept_is_what_is_detected(spread, settings):
    random = np.random.default_rng(0)
    offsets, logits = (tf.constant(random.normal(0, spread, (8732, size)), tf.float32) for size in (4, 4))
    found = suppression(offsets, logits, ModelConfig(num_classes=4), DetectionConfig(**settings))
    detected = detect.detect(offsets[None], logits[None], default_boxes(VOC300), **settings)
    expected = Candidates(*(column[0].numpy()[: detected.count[0]] for column in detected[:3]))
    for actual, wanted in zip(found.kept, expected, strict=True):
        np.testing.assert_array_equal(actual, wanted)
    assert len(found.removed.labels) == len(found.remover) > 0
    assert found.remover.max() < len(found.kept.labels)
    if not settings.get("class_agnostic"):
        np.testing.assert_array_equal(found.removed.labels, found.kept.labels[found.remover])


# All of it


def test_a_picture_is_explained_as_it_was_detected_in():
    """A picture that is large, and so read reduced, and turned."""
    keras.utils.set_random_seed(0)
    model = ssd300(ModelConfig(num_classes=4, width=0.0625, batch_norm=True))
    for level in range(6):  # so that few scores are near 1, and they differ by more than rounding
        kernel = model.get_layer(f"logits_{level}").kernel
        kernel.assign(kernel / 10)
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8)).save(file, "PNG", exif=exif)
    settings = DetectionConfig(score_threshold=0.7)
    detector = Detector(model, None, settings=settings)
    detected = detector(file.getvalue())
    explained = explain(*detector.heads(file.getvalue()), model.config, settings)
    assert 0 < len(detected) < 200
    assert explained.suppression.kept.labels.tolist() == detected.labels.tolist()
    np.testing.assert_allclose(explained.suppression.kept.boxes * (700, 900, 700, 900), detected.boxes_px, atol=1e-2)
    assert explained.default_boxes.shape == (8732, 4)
    assert len(explained.cell_scores) == 6
    assert len(explained.matches.best) == len(detected)
