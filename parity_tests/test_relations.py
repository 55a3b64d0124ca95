"""What must stay, or change in a known way, when a picture, a batch or a setting is changed: relations that need no reference."""

from typing import Any, Literal

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import strategies
from parity_tests.parametrize import third
from parity_tests.shallow import pictures, shallow_network
from tf_ssd import boxes, detect, matcher
from tf_ssd.config import DetectionConfig, ModelConfig, caffe_boxes
from tf_ssd.data.augment.windows import relative_to
from tf_ssd.default_boxes import default_boxes
from tf_ssd.metrics import AveragePrecision, ImageDetections, ImageGroundTruth, average_precision
from tf_ssd.metrics.voc import voc
from tf_ssd.model import ssd300
from tf_ssd.predict.detections import PictureDetections
from tf_ssd.predict.detector import Detector

CLASSES = 4
Problem = tuple[list[ImageDetections], list[ImageGroundTruth]]
METRICS: tuple[Literal["voc07", "voc12", "coco"], ...] = ("voc07", "voc12", "coco")
every_metric = pytest.mark.parametrize("metric", METRICS)
GRID = default_boxes(
    caffe_boxes((0.2, 0.5), (0.5, 0.9), ((2,), (2,)), image_size=1, feature_maps=(4, 2), steps=(0.25, 0.5)), dtype="float64"
).numpy()  # (80, 4)


def problem(seed: int, images: int = 4) -> Problem:
    """Pictures of 100 pixels with 0 to 5 objects each, most of them found nearly where they are, and some false alarms."""
    rng = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(images):
        count, more = rng.integers(0, 6), rng.integers(0, 4)
        objects, alarms = (
            100 * strategies.random_boxes(int(rng.integers(2**32)), count + more, smallest=0.1),
            rng.uniform(size=count),
        )
        labels = rng.integers(1, CLASSES, count + more)
        kept = np.r_[alarms < 0.8, np.ones(more, bool)]
        moved = objects + rng.normal(0, 3, objects.shape)
        found.append(ImageDetections(moved[kept], labels[kept], rng.uniform(0.1, 1, kept.sum())))
        objects, labels, nothing = objects[:count], labels[:count], np.zeros(count, bool)
        truth.append(ImageGroundTruth(objects, labels, nothing, nothing, np.prod(objects[:, 2:] - objects[:, :2], axis=1)))
    return found, truth


def score(found: list[ImageDetections], truth: list[ImageGroundTruth], metric: Any) -> AveragePrecision:
    return average_precision(found, truth, num_classes=CLASSES, metric=metric)


def assert_same(actual: AveragePrecision, expected: AveragePrecision) -> None:
    np.testing.assert_allclose(actual.per_class, expected.per_class, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(actual.mean, expected.mean, rtol=1e-12)


@every_metric
@third
@given(seed=strategies.seeds)
def test_a_picture_of_background_changes_no_average_precision(metric: str, seed: int) -> None:
    found, truth = problem(seed)
    none = problem(0, 1)
    empty = ImageDetections(none[0][0].boxes_px[:0], none[0][0].labels[:0], none[0][0].scores[:0])
    no_object = ImageGroundTruth(
        *(getattr(none[1][0], name)[:0] for name in ("boxes_px", "labels", "left_out", "crowd", "areas_px"))
    )
    assert_same(score([empty, *found], [no_object, *truth], metric), score(found, truth, metric))


@every_metric
@third
@given(seed=strategies.seeds)
def test_every_picture_given_twice_changes_no_average_precision(metric: str, seed: int) -> None:
    found, truth = problem(seed)
    assert_same(score(found * 2, truth * 2, metric), score(found, truth, metric))


@every_metric
@third
@given(seed=strategies.seeds, order=st.permutations(range(4)))
def test_the_order_of_the_pictures_does_not_matter(metric: str, seed: int, order: list[int]) -> None:
    found, truth = problem(seed)
    assert_same(score([found[k] for k in order], [truth[k] for k in order], metric), score(found, truth, metric))


@every_metric
@third
@given(seed=strategies.seeds, order=st.permutations(range(1, CLASSES)))
def test_average_precisions_go_with_their_classes(metric: str, seed: int, order: list[int]) -> None:
    found, truth = problem(seed)
    new = np.array([0, *order])
    renamed = [ImageDetections(each.boxes_px, new[each.labels], each.scores) for each in found]
    objects = [ImageGroundTruth(t.boxes_px, new[t.labels], t.left_out, t.crowd, t.areas_px) for t in truth]
    before, after = score(found, truth, metric), score(renamed, objects, metric)
    np.testing.assert_allclose(after.per_class[new[1:] - 1], before.per_class, rtol=1e-12)


@every_metric
@third
@given(seed=strategies.seeds)
def test_pixels_of_another_size_change_no_average_precision(metric: str, seed: int) -> None:
    found, truth = problem(seed)
    larger = [ImageDetections(8 * each.boxes_px, each.labels, each.scores) for each in found]
    objects = [ImageGroundTruth(8 * t.boxes_px, t.labels, t.left_out, t.crowd, 64 * t.areas_px) for t in truth]
    assert_same(score(larger, objects, metric), score(found, truth, metric))


@third
@given(seed=strategies.seeds)
def test_more_detections_never_lower_recall_and_a_lower_threshold_never_lowers_precision(seed: int) -> None:
    found, truth = problem(seed)
    more = [
        ImageDetections(*(np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("boxes_px", "labels", "scores")))
        for a, b in zip(found, problem(seed + 1)[0], strict=True)
    ]
    for before, after in zip(score(found, truth, "voc12").curves, score(more, truth, "voc12").curves, strict=True):
        assert after.recall[-1:].sum() >= before.recall[-1:].sum()
    strict, lenient = (voc(found, truth, num_classes=CLASSES, iou_threshold=threshold).per_class for threshold in (0.7, 0.4))
    assert np.all((lenient >= strict) | np.isnan(strict))


def predictions(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and logits (1, 80, ...) for the grid of default boxes."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (1, len(GRID), 4)), rng.normal(0, 3, (1, len(GRID), CLASSES))


def found(offsets: np.ndarray, logits: np.ndarray, defaults: np.ndarray = GRID, **options: Any) -> list[tuple[int, float, tuple]]:
    """Label, score and box of each detection, rounded far more finely than two of them differ."""
    result = detect.detect(tf.constant(offsets), tf.constant(logits), tf.constant(defaults), **options)
    rows = zip(*(column.numpy()[0] for column in result[:3]), strict=True)
    real = [(int(label), round(float(score), 9), tuple(np.round(box, 9) + 0.0)) for box, label, score in rows]
    return real[: int(result.count[0])]


@third
@given(seed=strategies.seeds)
def test_a_higher_score_threshold_leaves_the_first_detections(seed: int) -> None:
    inputs = predictions(seed)
    everything = found(*inputs, score_threshold=0.1)
    for threshold in (0.3, 0.6, 0.9):
        assert found(*inputs, score_threshold=threshold) == [each for each in everything if each[1] > threshold]
    assert found(*inputs, score_threshold=0.1, max_detections=5) == everything[:5]


@third
@given(seed=strategies.seeds, order=st.permutations(range(1, CLASSES)))
def test_detections_go_with_their_classes(seed: int, order: list[int]) -> None:
    offsets, logits = predictions(seed)
    slots = [0, *order]
    renamed = found(offsets, logits[..., slots], score_threshold=0.1)
    assert sorted((slots[label], *rest) for label, *rest in renamed) == sorted(found(offsets, logits, score_threshold=0.1))


@third
@given(seed=strategies.seeds)
def test_a_distant_box_changes_no_other_detection(seed: int) -> None:
    """In the picture, but beyond what the others reach: they are moved into its left half."""
    offsets, logits = predictions(seed)
    left = GRID * np.array([0.25, 0.5, 0.25, 0.5])
    before = found(0 * offsets, logits, left, score_threshold=0.1, top_k=100)
    one = np.array([[0.9, 0.9, 0.1, 0.1]])
    more = np.concatenate([logits, [[(0, 9, 0, 0)]]], axis=1)
    after = found(np.zeros((1, len(GRID) + 1, 4)), more, np.concatenate([left, one]), score_threshold=0.1, top_k=100)
    assert [each for each in after if each[2][0] < 0.8] == before
    assert len(after) == len(before) + 1


@third
@given(seed=strategies.seeds, rows=st.integers(1, 4))
def test_what_padding_holds_does_not_matter(seed: int, rows: int) -> None:
    """Neither its coordinates nor, as label 0 is padding, where it stands; the class of a row matters to its own boxes alone."""
    truth, labels = strategies.random_boxes(seed, 1, 3, smallest=0.1), np.array([[1, 2, 3]], np.int32)
    expected = matcher.targets(tf.constant(truth), tf.constant(labels), tf.constant(GRID))
    padding = strategies.random_boxes(seed + 1, 1, rows)
    both = np.concatenate([padding, truth], axis=1), np.concatenate([np.zeros((1, rows), np.int32), labels], axis=1)
    for one, other in zip(matcher.targets(*map(tf.constant, both), tf.constant(GRID)), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@third
@given(seed=strategies.seeds, margin=st.floats(0, 1))
def test_a_crop_that_keeps_all_boxes_keeps_their_overlaps(seed: int, margin: float) -> None:
    """Overlap does not depend on the window that boxes are fractions of, and each box is found where it was."""
    truth = 0.2 + 0.6 * strategies.random_boxes(seed, 5, smallest=0.05)
    window = np.array([0.2, 0.2, 0.8, 0.8]) + 0.2 * margin * np.array([-1, -1, 1, 1])
    inside = relative_to(tf.constant(truth), tf.constant(window)).numpy()
    np.testing.assert_allclose(boxes.iou(inside, inside), boxes.iou(truth, truth), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(inside * (window[2:] - window[:2])[[0, 1, 0, 1]] + window[[0, 1, 0, 1]], truth, rtol=1e-12)


@pytest.fixture(scope="module")
def detector() -> Detector:
    """Of a network without a body, which finds something everywhere."""
    return Detector(shallow_network(), None, settings=DetectionConfig(score_threshold=0.2))


def rows(found: PictureDetections, factor: float = 1) -> list[tuple]:
    return [(int(label), *np.round(factor * box, 3)) for label, box in zip(found.labels, found.boxes_px, strict=True)]


def test_a_picture_of_twice_the_size_has_its_detections_at_twice_the_place(detector: Detector) -> None:
    for picture in pictures(count=3):
        large = picture.repeat(2, axis=0).repeat(2, axis=1)
        assert rows(detector(picture), 2) == rows(detector(large))
        assert len(detector(picture))


def test_pictures_do_not_change_each_others_detections(detector: Detector) -> None:
    several = list(pictures(count=3))
    assert [rows(each) for each in detector(several)] == [rows(detector(picture)) for picture in several]


def test_a_spot_that_moves_by_a_stride_moves_the_first_map_by_a_cell() -> None:
    """On pixels of the mean colour, which the network takes for zeros as it does what lies beyond the edge; biases are zero."""
    keras.utils.set_random_seed(0)
    model = ssd300(ModelConfig(num_classes=CLASSES, width=1 / 16, batch_norm=False))
    heads = keras.Model(model.inputs, [model.get_layer(f"{name}_0").output for name in ("offsets", "logits")])
    blank = np.broadcast_to(np.float32(model.config.architecture.pixel_mean), (1, 300, 300, 3))
    here, moved = blank.copy(), blank.copy()
    spot = np.random.default_rng(0).uniform(0, 255, (8, 8, 3))
    here[0, 136:144, 128:136], moved[0, 144:152, 144:152] = spot, spot  # one cell of 8 pixels down, two to the right
    for before, after in zip(map(np.array, heads([here])), map(np.array, heads([moved])), strict=True):
        np.testing.assert_allclose(after[:, 1:, 2:], before[:, :-1, :-2], rtol=1e-3, atol=1e-5 * np.abs(before).max())
        assert np.abs(before).max() > 0
