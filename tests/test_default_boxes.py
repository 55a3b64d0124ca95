import dataclasses

import numpy as np
import pytest

from tf_ssd.config import COCO300, VOC300
from tf_ssd.default_boxes import default_boxes

# (feature map, row, column, box within the cell) -> index, counted by hand from 38*38*4 = 5776 and 19*19*6 = 2166.
PLACES = [
    ((0, 0, 0, 0), 0),
    ((0, 0, 1, 0), 4),
    ((0, 1, 0, 3), 38 * 4 + 3),
    ((1, 2, 5, 4), 5776 + (2 * 19 + 5) * 6 + 4),
    ((2, 9, 9, 5), 5776 + 2166 + 599),
    ((5, 0, 0, 3), 8731),
]


@pytest.mark.parametrize(("place", "index"), PLACES)
def test_place_of_each_box(place, index):
    level, row, column, box = place
    x, y, width, height = default_boxes(VOC300, dtype="float64").numpy()[index] * 300
    step, side = VOC300.steps[level], VOC300.shapes[level][0][0]
    assert (x, y) == pytest.approx(((column + 0.5) * step, (row + 0.5) * step))
    shapes = [(1, 1), None, (2**0.5, 0.5**0.5), (0.5**0.5, 2**0.5), (3**0.5, 3**-0.5), (3**-0.5, 3**0.5)]
    if shapes[box]:
        assert (width, height) == pytest.approx((side * shapes[box][0], side * shapes[box][1]))


def test_dtype():
    assert default_boxes(COCO300).dtype == "float32"
    assert default_boxes(COCO300, dtype="float64").dtype == "float64"


def test_clip_changes_only_what_its_name_says():
    none, size, both = (
        default_boxes(dataclasses.replace(VOC300, clip=clip), dtype="float64").numpy() for clip in ("none", "size", "cxcywh")
    )
    assert none[:, 2:].max() > 1 >= size[:, 2:].max()
    np.testing.assert_array_equal(none[:, :2], size[:, :2])
    assert both.min() >= 0
    assert both.max() <= 1
