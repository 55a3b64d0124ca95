"""torchvision as third witness: `SSDMatcher` on `box_iou`, which is our strategy "argmax"."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tf_ssd.config
from parity_tests import strategies
from parity_tests.adapters import Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import DTYPES, tenth, thousand
from parity_tests.strategies import GroundTruth
from parity_tests.test_matcher import QUARTERS, match
from parity_tests.test_torchvision_boxes import SIDES, SIDES_AND_DTYPES
from parity_tests.torchvision_adapter import SSD300, TORCHVISION
from tf_ssd.default_boxes import default_boxes


def acceptable(truth: GroundTruth) -> GroundTruth:
    """Rows without area turned into padding, as `SSD.forward` refuses them; ours never match, so nothing else may change."""
    has_area = np.all(truth.boxes[..., 2:] > truth.boxes[..., :2], axis=-1)
    return GroundTruth(truth.boxes, np.where(has_area, truth.labels, 0).astype(np.int32))


def check_match(side: Implementation, truth: GroundTruth, defaults: np.ndarray, dtype: type, **options: Any) -> None:
    """The same row for every default box."""
    defaults = defaults.astype(dtype)
    (actual,) = side.call("matcher.match", truth.boxes.astype(dtype), truth.labels, defaults, strategy="argmax", **options)
    boxes, labels = acceptable(truth)
    (expected,) = TORCHVISION.call("matcher.match", boxes.astype(dtype), labels, defaults, **options)
    inputs, options = (truth.boxes.astype(dtype), truth.labels, defaults), {"strategy": "argmax", **options}
    assert_agree(operation="matcher.match", actual=actual.astype(np.int32), expected=expected, inputs=inputs, options=options)


def match_both(side: Implementation, boxes: Any, labels: Any, defaults: Any, **options: Any) -> tuple[list[int], ...]:
    """Matching of one image by `side` ("argmax") and by torchvision."""
    ours = match(side, boxes, labels, defaults, strategy="argmax", **options)
    return ours, match(TORCHVISION, boxes, labels, defaults, **options)


@SIDES_AND_DTYPES
@thousand
@given(
    truth=strategies.ground_truths(images=2, rows=6),
    config=strategies.grid_configs(maps=(4, 2, 1)),
    threshold=st.sampled_from([0.25, 0.5]),
)
def test_on_the_grid(side: Implementation, dtype: type, truth: GroundTruth, config: dict[str, Any], threshold: float) -> None:
    """Equal overlaps, overlaps equal to the threshold, shared best boxes and objects outside of the image among them."""
    defaults = default_boxes(tf_ssd.config.caffe_boxes(**config), dtype="float64").numpy()
    check_match(side, truth, defaults, dtype, threshold=threshold)


@SIDES
@DTYPES
@tenth
@given(seed=strategies.seeds)
def test_arbitrary_boxes_on_all_default_boxes(side: Implementation, dtype: type, seed: int) -> None:
    """Crowds of 30. Not under XLA, which rounds overlaps in its own way: IoU is equal to the bit otherwise, so matching is too."""
    boxes = strategies.random_boxes(seed, 2, 30, smallest=0.02)
    labels = np.random.default_rng(seed).integers(0, 4, (2, 30)).astype(np.int32)
    defaults = default_boxes(tf_ssd.config.COCO300, dtype="float64").numpy()
    check_match(side, GroundTruth(boxes, labels), defaults, dtype)


@SIDES
def test_overlap_equal_to_the_threshold_is_enough(side: Implementation) -> None:
    """The object claims the whole image (IoU 3/4) and takes the left part (1/2) by threshold; 3/5 in float32 is no exception."""
    defaults = [(0.5, 0.5, 1, 1), (0.1875, 0.5, 0.375, 1)]
    assert match_both(side, [(0, 0, 0.75, 1)], [1], defaults, threshold=0.5) == ([0, 0], [0, 0])
    assert match_both(side, [(0, 0, 0.75, 1)], [1], defaults, threshold=0.5000001) == ([0, -1], [0, -1])
    defaults = [(0.3125, 0.5, 0.625, 1), (0.1875, 0.5, 0.375, 1)]
    assert match_both(side, [(0, 0, 0.625, 1)], [1], defaults, threshold=0.6) == ([0, 0], [0, 0])


@SIDES
def test_two_objects_with_one_best_default_box(side: Implementation) -> None:
    """IoU with the first quarter: 1 and 7/9; of the second object with the second quarter: 1/15. torchvision loses row 0."""
    boxes = [(0, 0, 0.5, 0.5), (0.0625, 0, 0.5625, 0.5)]
    assert match_both(side, boxes, [1, 1], QUARTERS) == ([1, -1, -1, -1], [1, -1, -1, -1])
    assert match_both(side, boxes[::-1], [1, 1], QUARTERS) == ([1, -1, -1, -1], [1, -1, -1, -1])
    assert match(side, boxes, [1, 1], QUARTERS, strategy="bipartite") == [0, 1, -1, -1]


@SIDES
def test_an_object_that_overlaps_nothing_evicts_the_match_of_default_box_0(side: Implementation) -> None:
    """All its overlaps are 0, the largest of them is the first, and torchvision sets no lower bound."""
    boxes = [(0, 0, 0.5, 0.5), (2, 2, 3, 3)]
    assert match_both(side, boxes, [1, 1], QUARTERS) == ([1, -1, -1, -1], [1, -1, -1, -1])
    assert match(side, boxes, [1, 1], QUARTERS, strategy="bipartite") == [0, -1, -1, -1]


@SIDES
def test_ties_go_to_the_lowest_default_box_and_the_lowest_row(side: Implementation) -> None:
    """Two equal objects, two equal default boxes: both claim box 0, the last wins; box 1 takes row 0 by threshold."""
    twice = np.repeat(QUARTERS[:1], 2, axis=0)
    assert match_both(side, [(0, 0, 0.5, 0.5)] * 2, [1, 1], twice) == ([1, 0], [1, 0])
    assert match(side, [(0, 0, 0.5, 0.5)] * 2, [1, 1], twice, strategy="bipartite") == [0, 1]


@SIDES
def test_an_image_without_labels(side: Implementation) -> None:
    """The matcher itself refuses it; `SSD.forward` calls all its default boxes background without asking."""
    with pytest.raises(ValueError, match="No ground-truth boxes"):
        SSD300.proposal_matcher(torch.zeros(0, 4))
    assert match_both(side, [], [], QUARTERS) == ([-1] * 4, [-1] * 4)


@SIDES
@pytest.mark.parametrize("flat", [(0.25, 0, 0.25, 0.5), (0.75, 0.75, 0.5, 0.5)], ids=["no width", "inverted"])
def test_an_object_without_area_evicts_the_match_of_default_box_0(side: Implementation, flat: tuple[float, ...]) -> None:
    """The matcher takes it for one more that overlaps nothing, and `SSD.forward` must keep it away. Here it never matches."""
    boxes = [(0, 0, 0.5, 0.5), flat]
    assert match_both(side, boxes, [1, 1], QUARTERS) == ([0, -1, -1, -1], [1, -1, -1, -1])


@SIDES
def test_one_nan_takes_all_default_boxes(side: Implementation) -> None:
    """Its overlap with each is NaN: the largest of a column, and not below the threshold. Here such an object has no area.

    `SSD.forward` does not refuse it either, as NaN <= NaN is false.
    """
    boxes = [(0, 0, 0.5, 0.5), (np.nan, 0, 0.5, 0.5)]
    assert match_both(side, boxes, [1, 1], QUARTERS) == ([0, -1, -1, -1], [1, 1, 1, 1])
