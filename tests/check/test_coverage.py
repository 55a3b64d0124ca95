import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd import boxes as box_ops
from tf_ssd.check.coverage import (
    Coverage,
    GroundTruth,
    batches,
    by_aspect,
    by_side,
    ground_truth,
    measure,
)
from tf_ssd.config import COCO300, VOC300
from tf_ssd.data.coverage import BOXES_AT_A_TIME, best_ious
from tf_ssd.default_boxes import default_boxes
from tf_ssd.matcher import match


def square(side_px: float, ratio: float = 1.0) -> list[float]:
    """A box about the centre of the image, by the side of a square of the same area, and width over height."""
    half = np.array([side_px * ratio**0.5, side_px / ratio**0.5]) / 600
    return [*(0.5 - half), *(0.5 + half)]


def truth(*images) -> GroundTruth:
    boxes = np.float32([box for image in images for box in image]).reshape(-1, 4)
    return GroundTruth(boxes, np.array([len(image) for image in images]))


def random_boxes(seed: int, number: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    low = random.uniform(0, 0.9, (number, 2))
    return np.concatenate([low, low + random.uniform(0.01, 1, (number, 2)) * (1 - low)], axis=-1).astype(np.float32)


@given(st.integers(0, 2**32), st.integers(0, 2 * BOXES_AT_A_TIME + 1))
def test_the_best_iou_is_the_largest(seed, number):
    boxes = random_boxes(seed, number)
    expected = box_ops.iou(boxes, box_ops.to_xyxy(default_boxes(VOC300))).numpy().max(axis=-1, initial=0)
    np.testing.assert_allclose(best_ious(boxes, VOC300), expected, rtol=1e-5)


def test_the_best_iou_counted_by_hand():
    """On the last map one cell lies about the centre, with boxes of 264 px and sqrt(264 * 315) = 288.4 px."""
    boxes = np.float32([square(264), square(288.37), square(300), [0, 0, 0, 0]])
    np.testing.assert_allclose(best_ious(boxes, VOC300), [1, 1, 288.37**2 / 300**2, 0], rtol=1e-4)


@given(st.integers(0, 2**32), st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_positives_are_those_of_each_image_matched_on_its_own(seed, counts):
    boxes = random_boxes(seed, sum(counts))
    found = measure(GroundTruth(boxes, np.array(counts)), COCO300).positives
    ends = np.cumsum(counts)
    for image in {0, len(counts) - 1}:
        rows = boxes[ends[image] - counts[image] : ends[image]]
        matched = match(rows[None], np.ones((1, len(rows)), np.int32), default_boxes(COCO300))
        assert (
            abs(found[image] - np.sum(matched >= 0)) <= 1
        )  # compiled, an IoU within an ulp of the threshold may fall on either side


def test_covered_is_at_or_above_the_threshold():
    coverage = Coverage(VOC300, np.float32([0.49, 0.5, 0.51]), np.zeros(0))
    assert coverage.covered.tolist() == [False, True, True]


def test_sides_and_aspects_are_those_of_the_square_input():
    boxes = truth([square(30), square(60, ratio=4), [0, 0, 1, 0.5]])
    np.testing.assert_allclose(boxes.sides_px(300), [30, 60, 300 * 0.5**0.5], rtol=1e-5)
    np.testing.assert_allclose(boxes.aspects(), [1, 4, 2], rtol=1e-5)


def test_groups_by_size_and_aspect():
    boxes = truth([square(10), square(20), square(31, 2), square(200, 0.2)])
    coverage = Coverage(VOC300, np.float32([0.1, 0.4, 0.6, 0.8]), np.zeros(1))
    assert [(group.name, group.boxes, group.uncovered) for group in by_side(boxes, coverage)] == [
        ("below 16 px", 1, 1.0),
        ("16 to 32 px", 2, 0.5),
        ("from 128 px", 1, 0.0),
    ]
    assert [(group.name, group.boxes, group.median_iou) for group in by_aspect(boxes, coverage)] == [
        ("taller than 3:1", 1, pytest.approx(0.8)),
        ("about square", 2, pytest.approx(0.25)),
        ("up to 3:1 wide", 1, pytest.approx(0.6)),
    ]


class Rows:
    """What is needed of a survey: three images, of which the second has a crowd only, and the third nothing."""

    names = range(3)
    image = np.array([0, 0, 1])
    boxes_px = random_boxes(0, 3) * np.float32([200, 100, 200, 100])
    box_sizes = np.array([[200, 100]] * 3)
    crowd = np.array([False, True, True])


def test_crowds_and_images_without_boxes_are_left_out():
    found = ground_truth(Rows)
    np.testing.assert_allclose(found.boxes, random_boxes(0, 3)[:1], rtol=1e-6)
    assert found.counts.tolist() == [1]


def test_few_images_at_a_time_where_one_has_many_boxes():
    counts = np.array([1] * 20 + [100, 129, 3000, 4096])
    parts, shapes = zip(*batches(counts), strict=True)
    assert shapes == ((16, 8), (4, 8), (2, 256), (1, 4096), (1, 4096))
    np.testing.assert_array_equal(np.concatenate([np.arange(len(counts))[part] for part in parts]), np.arange(len(counts)))
