"""From predictions to detections."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tf_ssd.config
from parity_tests import strategies
from parity_tests.adapters import EAGER, GRAPH, REFERENCE, XLA, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import ALL, SIDES, _name, third
from tf_ssd.default_boxes import default_boxes

CLASSES, IMAGES = 4, 2
GRID = tf_ssd.config.caffe_boxes(
    image_size=64,
    feature_maps=(4, 2),
    steps=(16, 32),
    min_sizes=(16, 32),
    max_sizes=(64, 128),
    aspect_ratios=((4,), (4,)),
    clip="none",
)


# Any two values of limits, kinds of suppression and kinds of scores occur together.
SETTINGS: list[dict[str, Any]] = [
    {},
    {"top_k": 5, "class_agnostic": True},
    {"max_detections": 7},
    {"class_agnostic": True, "scores": "sigmoid"},
    {"top_k": 5, "scores": "sigmoid"},
    {"max_detections": 7, "class_agnostic": True, "scores": "sigmoid"},
]

# On the grid nothing depends on rounding, in float32 as in float64; XLA, which takes long to compile, need not show it twice.
ON_THE_GRID = pytest.mark.parametrize(
    ("side", "dtype"), [(EAGER, np.float32), (EAGER, np.float64), (GRAPH, np.float32), (XLA, np.float32)], ids=_name
)


def distinct_scores(seed: int, *shape: int, scores: str) -> np.ndarray:
    """Logits (*shape, CLASSES) whose scores are different multiples of 2^-14, so that rounding cannot change their order.

    Background has what is left, and with sigmoids as much more as its logit may have.
    """
    rng = np.random.default_rng(seed)
    classes = CLASSES - 1
    count = int(np.prod(shape)) * classes
    numbers = rng.choice(np.arange(1, 2**12), count, replace=False).reshape(*shape, classes) / 2**14
    logits = np.log(np.concatenate([1 - numbers.sum(-1, keepdims=True), numbers], axis=-1))
    return logits if scores == "softmax" else np.concatenate([-logits[..., :1], logits[..., 1:] - np.log1p(-numbers)], axis=-1)


def undisturbed(seed: int, dtype: type, scores: str = "softmax") -> tuple[np.ndarray, ...]:
    """Offsets of 0, logits and default boxes on the grid."""
    defaults = default_boxes(GRID, dtype="float64").numpy().astype(dtype)
    logits = distinct_scores(seed, IMAGES, len(defaults), scores=scores).astype(dtype)
    return np.zeros((IMAGES, len(defaults), 4), dtype), logits, defaults


def arbitrary(seed: int) -> tuple[np.ndarray, ...]:
    """Offsets, logits and default boxes in float64."""
    defaults = default_boxes(GRID, dtype="float64").numpy()
    rng = np.random.default_rng(seed)
    offsets = rng.normal(scale=2, size=(IMAGES, len(defaults), 4))
    return offsets, rng.normal(scale=3, size=(IMAGES, len(defaults), CLASSES)), defaults


def check_detect(side: Implementation, *inputs: np.ndarray, **options: Any) -> tuple[np.ndarray, ...]:
    """All four results agree with the reference: labels, number and order exactly."""
    actual = side.call("detect.detect", *inputs, **options)
    expected = REFERENCE.call("detect.detect", *inputs, **options)
    context = {"operation": "detect.detect", "inputs": inputs, "options": options}
    for name, ours, theirs in zip(("boxes", "labels", "scores", "count"), actual, expected, strict=True):
        dtype = np.int32 if name in ("labels", "count") else theirs.dtype
        assert_agree(actual=ours, expected=theirs.astype(dtype), what=name, **context)
    return actual


def single(side: Implementation, defaults: Any, scores: Any, **options: Any) -> list[tuple[int, float]]:
    """(label, score) of the detections in one image, for undisturbed default boxes and probabilities (K, C - 1)."""
    scores = np.array(scores, np.float64)
    logits = np.log(np.concatenate([1 - scores.sum(-1, keepdims=True), scores], axis=-1))[None]
    defaults = np.array(defaults, np.float64)
    _, labels, found, count = side.call("detect.detect", np.zeros((1, len(defaults), 4)), logits, defaults, **options)
    return [(int(label), round(float(score), 6)) for label, score in zip(labels[0], found[0], strict=True)][: int(count[0])]


@pytest.mark.rule("R-DET-3", "R-DET-4", "R-DET-5", "R-DET-6")
@ON_THE_GRID
@third
@given(seed=strategies.seeds, options=st.sampled_from(SETTINGS))
def test_on_the_grid(side: Implementation, dtype: type, seed: int, options: dict[str, Any]) -> None:
    """Boxes on the grid, where every overlap is exact."""
    check_detect(side, *undisturbed(seed, dtype, options.get("scores", "softmax")), **options)


@pytest.mark.rule("R-DET-3", "R-DET-4", "R-DET-5")
@SIDES
@third
@given(seed=strategies.seeds)
def test_arbitrary_predictions(side: Implementation, seed: int) -> None:
    """In float64: the chance that rounding decides an overlap is then below 1e-9 a draw."""
    for options in ({}, {"class_agnostic": True, "scores": "sigmoid"}):
        check_detect(side, *arbitrary(seed), score_threshold=0.05, **options)


@pytest.mark.rule("R-DET-1")
@ON_THE_GRID
@given(seed=strategies.seeds, options=st.sampled_from(SETTINGS))
def test_some_boxes_have_no_area(side: Implementation, dtype: type, seed: int, options: dict[str, Any]) -> None:
    """Some lie beside the image and some are NaN, many of them with the best scores; none is found or takes another's place."""
    offsets, logits, defaults = undisturbed(seed, dtype, options.get("scores", "softmax"))
    odd = np.random.default_rng(seed).integers(0, 4, offsets.shape[:2])
    offsets[odd == 0, 0] = 10 * (2 / defaults[np.nonzero(odd == 0)[1], 2])  # to the right by two images
    offsets[odd == 1, 1] = np.nan
    logits[odd == 0, 1:] += 2
    boxes, *_, count = check_detect(side, offsets, logits, defaults, **options)
    for image, number in enumerate(count):
        assert (boxes[image, :number, 2:] > boxes[image, :number, :2]).all()


@pytest.mark.rule("R-DET-3")
@SIDES
def test_all_default_boxes(side: Implementation) -> None:
    rng = np.random.default_rng(5)
    defaults = default_boxes(tf_ssd.config.VOC300, dtype="float64").numpy()
    check_detect(side, rng.normal(size=(1, 8732, 4)), rng.normal(size=(1, 8732, 5)) * 2, defaults)


@pytest.mark.rule("R-DET-4")
@ALL
def test_a_suppressed_box_does_not_suppress(side: Implementation) -> None:
    """B overlaps A (IoU 3/5) and C (3/5), A and C overlap less (1/3): A removes B, so C stays."""
    a, b, c = ((x, 0.25, 0.25, 0.25) for x in (0.25, 0.3125, 0.375))
    assert single(side, [a, b, c], [[0.9], [0.8], [0.7]]) == [(1, 0.9), (1, 0.7)]
    assert single(side, [a, b, c], [[0.8], [0.9], [0.7]]) == [(1, 0.9)]


@pytest.mark.rule("R-DET-4")
@ALL
def test_overlap_equal_to_the_threshold_stays(side: Implementation) -> None:
    boxes = [(0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.25)]  # IoU 1/2
    assert len(single(side, boxes, [[0.9], [0.8]], iou_threshold=0.5)) == 2
    assert len(single(side, boxes, [[0.9], [0.8]], iou_threshold=0.4999)) == 1


@pytest.mark.rule("R-DET-3")
@ALL
def test_classes_do_not_suppress_each_other(side: Implementation) -> None:
    box = (0.5, 0.5, 0.5, 0.5)
    assert single(side, [box, box], [[0.5, 0.25], [0.125, 0.75]]) == [(2, 0.75), (1, 0.5)]


@pytest.mark.rule("R-DET-7")
@ALL
def test_class_agnostic_suppression_leaves_one_detection_for_one_place(side: Implementation) -> None:
    """Two boxes of one place and one elsewhere; each box counts for its best class alone."""
    box, elsewhere = (0.5, 0.5, 0.5, 0.5), (0.125, 0.125, 0.25, 0.25)
    scores = [[0.5, 0.25], [0.125, 0.75], [0.375, 0.25]]
    found = single(side, [box, box, elsewhere], scores, class_agnostic=True)
    assert found == [(2, 0.75), (1, 0.375)]
    assert single(side, [box, box, elsewhere], scores, class_agnostic=True, iou_threshold=1.0) == [(2, 0.75), (1, 0.5), (1, 0.375)]
    assert single(side, [box, box, elsewhere], scores, class_agnostic=True, top_k=1) == [(2, 0.75)]


@pytest.mark.rule("R-DET-6", "R-DET-7")
@ALL
def test_class_agnostic_ties_go_to_the_lowest_class_of_the_lowest_default_box(side: Implementation) -> None:
    """Four boxes apart, the last two with the same best score for another class."""
    apart = [(x, y, 0.25, 0.25) for y in (0.25, 0.75) for x in (0.25, 0.75)]
    logits = np.array([[(0.0, 0, 0), (0, 0, 0), (0, -1, 1), (0, 1, -1)]])
    options = {"class_agnostic": True, "top_k": 3, "max_detections": 4}
    boxes, labels, _, count = side.call("detect.detect", np.zeros((1, 4, 4)), logits, np.array(apart), **options)
    assert count == [3]
    assert labels.tolist() == [[2, 1, 1, 0]]
    assert boxes[0, :3, :2].tolist() == [[0.125, 0.625], [0.625, 0.625], [0.125, 0.125]]


@pytest.mark.rule("R-DET-1")
@ALL
def test_a_box_without_area_takes_nobodys_place(side: Implementation) -> None:
    """Flat, wholly outside, or NaN, and each better than the two that are left."""
    flat, outside, broken = (0.5, 0.5, 0.25, 0), (2, 0.5, 0.5, 0.5), (np.nan, 0.5, 0.5, 0.5)
    left, right = (0.25, 0.5, 0.25, 0.5), (0.75, 0.5, 0.25, 0.5)
    scores = [[0.9], [0.8], [0.7], [0.6], [0.5]]
    for options in ({"top_k": 2}, {"max_detections": 2}, {"top_k": 2, "class_agnostic": True}):
        assert single(side, [flat, outside, broken, left, right], scores, **options) == [(1, 0.6), (1, 0.5)]


@pytest.mark.rule("R-DET-2")
@ALL
def test_score_equal_to_the_threshold_is_not_enough(side: Implementation) -> None:
    """Four equal logits: every probability is exactly 1/4."""
    logits, defaults = np.zeros((1, 1, 4)), np.array([(0.5, 0.5, 0.5, 0.5)])
    for threshold, expected in ((0.25, 0), (0.2499, 3)):
        count = side.call("detect.detect", np.zeros((1, 1, 4)), logits, defaults, score_threshold=threshold)[3]
        assert count == [expected]


@pytest.mark.rule("R-DET-6")
@ALL
def test_ties_go_to_the_lowest_class_then_the_lowest_default_box(side: Implementation) -> None:
    defaults = np.array([(0.25, 0.25, 0.25, 0.25), (0.75, 0.75, 0.25, 0.25)])
    boxes, labels, _, count = side.call("detect.detect", np.zeros((1, 2, 4)), np.zeros((1, 2, 3)), defaults, max_detections=3)
    assert count == [3]
    assert labels.tolist() == [[1, 1, 2]]
    assert boxes[0, :, 0].tolist() == [0.125, 0.625, 0.125]


@pytest.mark.rule("R-DET-3")
@ALL
def test_top_k_applies_per_class_before_suppression(side: Implementation) -> None:
    apart = [(0.125, 0.125, 0.25, 0.25), (0.625, 0.625, 0.25, 0.25)]
    assert single(side, [apart[0], apart[0], apart[1]], [[0.9], [0.8], [0.7]], top_k=2) == [(1, 0.9)]


@pytest.mark.rule("R-DET-1")
@ALL
def test_boxes_are_clipped_before_suppression(side: Implementation) -> None:
    """Two boxes that reach far over the left edge by different widths are one and the same inside the image."""
    defaults = [(-0.25, 0.5, 1.5, 0.5), (0.125, 0.5, 0.75, 0.5)]  # xmax = 1/2 for both
    assert len(single(side, defaults, [[0.9], [0.8]])) == 1
    boxes, *_ = side.call("detect.detect", np.zeros((1, 2, 4)), np.zeros((1, 2, 2)), np.array(defaults))
    assert boxes[0, 0].tolist() == [0, 0.25, 0.5, 0.75]


@pytest.mark.rule("R-DET-8")
@ALL
def test_nothing_found_is_padding(side: Implementation) -> None:
    logits = np.array([[[50.0, 0, 0]] * 3])
    boxes, labels, scores, count = side.call("detect.detect", np.zeros((1, 3, 4)), logits, np.full((3, 4), 0.5))
    assert boxes.shape == (1, 200, 4)
    assert not any(array.any() for array in (boxes, labels, scores, count))


@pytest.mark.rule("R-DET-9")
@ALL
def test_half_precision_is_computed_in_float32(side: Implementation) -> None:
    rng = np.random.default_rng(3)
    defaults = default_boxes(GRID, dtype="float32").numpy()
    half = [rng.normal(size=(1, len(defaults), size)).astype(np.float16) for size in (4, 3)]
    actual = side.call("detect.detect", *half, defaults)
    assert actual[0].dtype == np.float32
    for ours, theirs in zip(actual, side.call("detect.detect", *(x.astype(np.float32) for x in half), defaults), strict=True):
        np.testing.assert_array_equal(ours, theirs)
