"""torchvision as third witness: `ops.nms` and `ops.batched_nms`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import strategies
from parity_tests.adapters import Implementation, TensorFlow
from parity_tests.parametrize import DTYPES
from parity_tests.test_torchvision_boxes import SIDES, SIDES_AND_DTYPES
from parity_tests.torchvision_adapter import TORCHVISION, Torchvision
from tf_ssd.detect import AT_ONCE

COUNT = 12
THRESHOLDS = st.sampled_from([0.25, 0.45, 0.5])
scores = st.lists(st.integers(1, 8), min_size=COUNT, max_size=COUNT).map(lambda values: np.array(values) / 8)


def kept(side: Implementation | Torchvision, boxes: np.ndarray, scores: np.ndarray, *, iou_threshold: float = 0.45) -> list[int]:
    """Indices of the boxes that survive, best first. tf_ssd wants the boxes sorted; the others sort them."""
    if not isinstance(side, TensorFlow):
        return side.call("detect.nms", boxes, scores, iou_threshold=iou_threshold)[0].tolist()
    order = np.argsort(-scores, kind="stable")
    (survives,) = side.call("detect.nms", boxes[order], np.ones(len(boxes), bool), iou_threshold=iou_threshold)
    return order[survives].tolist()


def kept_per_class(side: Implementation, boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> list[int]:
    """The same class by class, best first over all classes, ties to the lowest index."""
    survivors = []
    for label in np.unique(classes):
        (chosen,) = np.nonzero(classes == label)
        survivors += chosen[kept(side, boxes[chosen], scores[chosen])].tolist()
    return sorted(survivors, key=lambda index: (-scores[index], index))


def kept_by_batched_nms(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> list[int]:
    return TORCHVISION.call("detect.batched_nms", boxes, scores, classes, iou_threshold=0.45)[0].tolist()


def check_nms(side: Implementation, boxes: np.ndarray, scores: np.ndarray, iou_threshold: float) -> None:
    """Who survives, and in which order."""
    expected = kept(TORCHVISION, boxes, scores, iou_threshold=iou_threshold)
    assert kept(side, boxes, scores, iou_threshold=iou_threshold) == expected


@SIDES_AND_DTYPES
@given(boxes=strategies.related_boxes(count=COUNT), scores=scores, iou_threshold=THRESHOLDS)
def test_nms(side: Implementation, dtype: type, boxes: np.ndarray, scores: np.ndarray, iou_threshold: float) -> None:
    """With overlaps equal to the threshold and equal scores in plenty: on a CPU torchvision too lets the lowest index win."""
    check_nms(side, boxes.astype(dtype), scores.astype(dtype), iou_threshold)


@SIDES_AND_DTYPES
def test_many_boxes(side: Implementation, dtype: type) -> None:
    """More than tf_ssd looks at together, so that most are suppressed across its halves."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 0.5, (3 * AT_ONCE, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 0.5, corners.shape)], axis=-1).astype(dtype)
    scores = rng.permutation(len(boxes)).astype(dtype)
    assert AT_ONCE > len(kept(side, boxes, scores)) > 10
    check_nms(side, boxes, scores, 0.45)


@SIDES_AND_DTYPES
@given(boxes=strategies.grid_boxes(count=COUNT), scores=scores)
def test_boxes_without_area_survive_and_remove_nobody(
    side: Implementation, dtype: type, boxes: np.ndarray, scores: np.ndarray
) -> None:
    """In torchvision their overlap with themselves is 0/0 = NaN, which exceeds no threshold; here it is 0."""
    check_nms(side, boxes.astype(dtype), scores.astype(dtype), 0.25)
    flat = np.flatnonzero(np.any(boxes[:, 2:] == boxes[:, :2], axis=1))
    assert set(flat) <= set(kept(side, boxes.astype(dtype), scores.astype(dtype)))


@SIDES_AND_DTYPES
@pytest.mark.parametrize("width", [9, 10, 12])
def test_overlap_equal_to_the_threshold(side: Implementation, dtype: type, width: int) -> None:
    """IoU `width` / 20. Nobody exceeds it, but torchvision compares a float32 overlap with the threshold in float64.

    float32(0.45) < 0.45 and float32(0.5) = 0.5, yet float32(0.6) = 0.600000024 > 0.6: there it suppresses, in float32 alone.
    """
    iou_threshold = width / 20
    boxes, scores = np.array([(0, 0, 20, 1), (0, 0, width, 1)], dtype), np.array([0.9, 0.8], dtype)
    assert kept(side, boxes, scores, iou_threshold=iou_threshold) == [0, 1]
    suppressed = float(dtype(iou_threshold)) > iou_threshold
    assert suppressed == (dtype is np.float32 and width == 12)
    assert kept(TORCHVISION, boxes, scores, iou_threshold=iou_threshold) == ([0] if suppressed else [0, 1])


@SIDES
@DTYPES
@given(boxes=strategies.related_boxes(count=COUNT), order=st.permutations(range(COUNT)), seed=strategies.seeds)
def test_batched_nms(side: Implementation, dtype: type, boxes: np.ndarray, order: list[int], seed: int) -> None:
    """Class by class, although torchvision does all classes at once by moving each to a place of its own."""
    scores, classes = (np.array(order) + 1).astype(dtype) / 16, np.random.default_rng(seed).integers(1, 4, COUNT)
    inputs = boxes.astype(dtype), scores, classes
    assert kept_by_batched_nms(*inputs) == kept_per_class(side, *inputs)


@SIDES
def test_moving_the_classes_apart_fails_left_of_zero(side: Implementation) -> None:
    """Class c moves by c * (largest coordinate + 1), here 11: its (-11, -11, -1, -1) lands on the (0, 0, 10, 10) of class 0.

    `SSD` clips to the image first, so that no coordinate is negative there.
    """
    inputs = np.array([(0, 0, 10, 10), (-11, -11, -1, -1)], np.float32), np.array([0.9, 0.8], np.float32), np.array([0, 1])
    assert kept_by_batched_nms(*inputs) == [0]
    assert kept_per_class(side, *inputs) == [0, 1]


@SIDES
def test_moving_the_classes_apart_rounds_the_boxes(side: Implementation) -> None:
    """Class 90 of an image of 300 px moves by 90 * 301 = 27090, where a float32 has steps of 1/512 px.

    Boxes 1 px and 0.4501 px wide overlap by 0.4501 > 0.45: the second goes. Moved, it is 230/512 = 0.4492 px wide: it stays.
    From 1001 boxes on (4000 numbers) torchvision loops over the classes instead, and it goes again.
    """
    boxes = np.array([(0, 0, 1, 1), (0, 0, 0.4501, 1), (290, 290, 300, 300)], np.float32)
    scores, classes = np.array([0.9, 0.8, 0.7], np.float32), np.array([90, 90, 1])
    assert kept_by_batched_nms(boxes, scores, classes) == [0, 1, 2]
    assert kept_per_class(side, boxes, scores, classes) == [0, 2]
    assert kept_by_batched_nms(boxes.astype(np.float64), scores.astype(np.float64), classes) == [0, 2]
    # A thousand more, of a class of its own each, change nothing for the three but which of its two ways torchvision takes.
    more = np.repeat(boxes[2:], 1000, axis=0), np.linspace(0.6, 0.1, 1000, dtype=np.float32), np.arange(100, 1100)
    crowd = [np.concatenate(pair) for pair in zip((boxes, scores, classes), more, strict=True)]
    assert kept_by_batched_nms(*crowd)[:2] == [0, 2]


@SIDES
def test_one_nan_switches_suppression_off_in_torchvision(side: Implementation) -> None:
    """The largest coordinate is then NaN, and so is every moved box: none overlaps another. `ops.nms` alone is not affected."""
    boxes = np.array([(0, 0, 1, 1), (0, 0, 1, 1), (np.nan,) * 4], np.float32)
    scores, classes = np.array([0.9, 0.8, 0.7], np.float32), np.ones(3, np.int64)
    assert kept_by_batched_nms(boxes, scores, classes) == [0, 1, 2]
    assert kept(TORCHVISION, boxes, scores) == kept(side, boxes, scores) == [0, 2]
