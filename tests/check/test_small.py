import numpy as np
import pytest

from tf_ssd.check.coverage import GroundTruth
from tf_ssd.check.small import too_small
from tf_ssd.config import COCO300, VOC300
from tf_ssd.data.coverage import best_ious

LEAST = 30 / 2**0.5  # side of half the area of a square of 30 px, the smallest default box of VOC300


def objects(*sides_px):
    """Squares in the middle of an input of 300 px."""
    half = np.array(sides_px)[:, None] / 600
    return GroundTruth(np.concatenate([0.5 - half, 0.5 - half, 0.5 + half, 0.5 + half], axis=1), np.array([len(sides_px)]))


def test_half_the_area_of_the_smallest_default_box_is_enough():
    small = too_small(objects(LEAST - 0.1, LEAST + 0.1, 100, 100), VOC300)
    assert small.side_px == pytest.approx(LEAST)
    assert small.shares[0] == 0.25
    assert too_small(objects(100), COCO300).side_px == pytest.approx(21 / 2**0.5)


def test_what_is_too_small_has_no_default_box_anywhere():
    """And a square that is just large enough has one, in the right place."""
    corners = np.random.default_rng(0).uniform(0, 270, (500, 2))
    boxes = np.float32(np.concatenate([corners, corners + LEAST - 0.1], axis=1) / 300)
    assert best_ious(boxes, VOC300).max() < 0.5
    centre = (18 * 8 + 4) / 300  # of a cell
    square = np.float32([[centre - LEAST / 600, centre - LEAST / 600, centre + LEAST / 600, centre + LEAST / 600]])
    assert best_ious(square, VOC300) == pytest.approx([0.5])


def test_tiles_make_objects_larger():
    """By 1, 1.8, 2.6, ... along a side."""
    small = too_small(objects(LEAST / 1.7, LEAST / 1.9, LEAST / 2.5, 100), VOC300)
    np.testing.assert_array_equal(small.shares[:4], [0.75, 0.5, 0, 0])
    assert len(small.shares) == 16
    assert small.tiles == 3
    assert too_small(objects(100), VOC300).tiles == 1
    assert too_small(objects(1, 100), VOC300).tiles is None


def test_a_few_may_stay_too_small():
    assert too_small(objects(*[100] * 99, 1), VOC300).tiles == 1
    assert too_small(objects(*[100] * 98, 1, 1), VOC300).tiles is None
