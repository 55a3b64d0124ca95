"""Matching ground truth to default boxes, and the targets made of it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tf_ssd.config
from parity_tests import strategies
from parity_tests.adapters import EAGER, GRAPH, REFERENCE, XLA, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import ALL, SIDES, tenth, thousand
from parity_tests.strategies import GroundTruth
from tf_ssd.default_boxes import default_boxes

STRATEGIES = pytest.mark.parametrize("strategy", ["bipartite", "argmax"])
# Four quarters of the image, then the whole image: cxcywh.
QUARTERS = np.array([(0.25, 0.25, 0.5, 0.5), (0.75, 0.25, 0.5, 0.5), (0.25, 0.75, 0.5, 0.5), (0.75, 0.75, 0.5, 0.5)])
WHOLE = np.array([(0.5, 0.5, 1.0, 1.0)])
# What graphs and XLA are padded to, so that one compilation serves most cases by hand; some cases are smaller on purpose.
PADDED_ROWS, PADDED_DEFAULTS = 4, 5
OUT_OF_REACH = (9.0, 9.0, 1.0, 1.0)


def check_targets(
    side: Implementation, truth: GroundTruth, defaults: np.ndarray, dtype: type = np.float64, **options: Any
) -> np.ndarray:
    """Matching and targets agree with the reference, indices to the last one; returns the matching (B, K)."""
    inputs = (truth.boxes.astype(dtype), truth.labels, defaults.astype(dtype))
    (actual,) = side.call("matcher.match", *inputs, **options)
    (expected,) = REFERENCE.call("matcher.match", *inputs, **options)
    assert_agree(operation="matcher.match", actual=actual, expected=expected.astype(np.int32), inputs=inputs, options=options)
    offsets, labels = side.call("matcher.targets", *inputs, **options)
    expected_offsets, expected_labels = REFERENCE.call("matcher.targets", *inputs, **options)
    scale = max(1.0, float(np.nan_to_num(np.abs(expected_offsets), posinf=0).max(initial=0)))
    context = {"operation": "matcher.targets", "inputs": inputs, "options": options}
    assert_agree(actual=labels, expected=expected_labels.astype(np.int32), what="labels", **context)
    assert_agree(actual=offsets, expected=expected_offsets, scale=10 * scale, what="offsets", **context)
    np.testing.assert_array_equal(labels == 0, actual == -1)
    assert np.all(offsets[labels <= 0] == 0)
    return actual


def match(side: Implementation, boxes: Any, labels: Any, defaults: Any, **options: Any) -> list[int]:
    """Matching of one image, in float32."""
    arrays = np.array([boxes], np.float32).reshape(1, -1, 4), np.array([labels], np.int32), np.array(defaults, np.float32)
    padded = pad_with_nothing(*arrays) if side in (GRAPH, XLA) and len(boxes) and len(defaults) > 1 else arrays
    matched = side.call("matcher.match", *padded, **options)[0][0].tolist()
    assert set(matched[len(defaults) :]) <= {-1}
    return matched[: len(defaults)]


def pad_with_nothing(boxes: np.ndarray, labels: np.ndarray, defaults: np.ndarray) -> tuple[np.ndarray, ...]:
    """With rows that are padding, and default boxes that overlap nothing: neither changes the matching of the others."""
    rows, more = PADDED_ROWS - labels.shape[1], PADDED_DEFAULTS - len(defaults)
    beyond = np.tile(np.array(OUT_OF_REACH, defaults.dtype), (more, 1))
    return np.pad(boxes, [(0, 0), (0, rows), (0, 0)]), np.pad(labels, [(0, 0), (0, rows)]), np.concatenate([defaults, beyond])


@pytest.mark.rule("R-MAT-1", "R-MAT-4", "R-MAT-11", "R-MAT-12")
@STRATEGIES
@thousand
@given(truth=strategies.ground_truths(ignored=True), config=strategies.grid_configs(), threshold=st.sampled_from([0.25, 0.5]))
def test_any_shape(strategy: str, truth: GroundTruth, config: dict[str, Any], threshold: float) -> None:
    defaults = default_boxes(tf_ssd.config.caffe_boxes(**config), dtype="float64").numpy()
    check_targets(EAGER, truth, defaults, strategy=strategy, threshold=threshold)


@pytest.mark.rule("R-MAT-1", "R-MAT-2", "R-MAT-5", "R-MAT-11")
@pytest.mark.parametrize("side", [GRAPH, XLA], ids=lambda side: side.name)
@STRATEGIES
@given(truth=strategies.ground_truths(images=2, rows=6, ignored=True), config=strategies.grid_configs(maps=(4, 2, 1)))
def test_on_the_grid(side: Implementation, strategy: str, truth: GroundTruth, config: dict[str, Any]) -> None:
    """One shape, as graphs are traced and compiled for each; in float32, in which all of this is as exact as in float64."""
    defaults = default_boxes(tf_ssd.config.caffe_boxes(**config), dtype="float64").numpy()
    check_targets(side, truth, defaults, np.float32, strategy=strategy)


@pytest.mark.rule("R-MAT-1", "R-MAT-11")
@SIDES
@STRATEGIES
@tenth
@given(seed=strategies.seeds)
def test_arbitrary_boxes_on_all_default_boxes(side: Implementation, strategy: str, seed: int) -> None:
    """Crowds of up to 30 on the 8732. In float64, where the fused rounding of XLA cannot decide between near-equal overlaps."""
    boxes = strategies.random_boxes(seed, 2, 30, smallest=0.02)
    labels = np.random.default_rng(seed).integers(0, 4, (2, 30)).astype(np.int32)
    defaults = default_boxes(tf_ssd.config.VOC300, dtype="float64").numpy()
    matched = check_targets(side, GroundTruth(boxes, labels), defaults, strategy=strategy)
    if strategy == "bipartite":  # with this many default boxes to choose from, nobody goes without
        for image in range(2):
            assert set(matched[image]) == {-1, *np.flatnonzero(labels[image])}


@pytest.mark.rule("R-MAT-7", "R-MAT-10")
@ALL
@STRATEGIES
def test_no_labels_no_matches(side: Implementation, strategy: str) -> None:
    """Neither without rows, nor with padding rows, whatever their coordinates."""
    assert match(side, [], [], QUARTERS, strategy=strategy) == [-1] * 4
    padding = [(0, 0, 0, 0), (0, 0, 0.5, 0.5), (np.nan,) * 4, (np.inf,) * 4]
    assert match(side, padding, [0, 0, 0, 0], QUARTERS, strategy=strategy) == [-1] * 4


@pytest.mark.rule("R-MAT-10", "R-MAT-12")
@SIDES
def test_targets_without_rows(side: Implementation) -> None:
    offsets, labels = side.call(
        "matcher.targets", np.zeros((2, 0, 4), np.float32), np.zeros((2, 0), np.int32), QUARTERS.astype(np.float32)
    )
    assert offsets.shape == (2, 4, 4)
    assert not offsets.any()
    assert not labels.any()


@pytest.mark.rule("R-MAT-1", "R-MAT-11")
@ALL
def test_shared_best_default_box(side: Implementation) -> None:
    """Both want the first quarter. "bipartite" gives it to the better one and the next best to the other; "argmax" loses row 0."""
    boxes = [(0, 0, 0.5, 0.5), (0.0625, 0, 0.5625, 0.5)]  # IoU with the first quarter: 1 and 7/9; row 1 with the second: 1/15
    assert match(side, boxes, [1, 1], QUARTERS, strategy="bipartite") == [0, 1, -1, -1]
    assert match(side, boxes, [1, 1], QUARTERS, strategy="argmax") == [1, -1, -1, -1]


@pytest.mark.rule("R-MAT-4")
@ALL
@STRATEGIES
def test_overlap_equal_to_the_threshold_is_enough(side: Implementation, strategy: str) -> None:
    """The object claims the whole image (IoU 3/4) and takes the left half (IoU 1/2 exactly) by threshold."""
    defaults = [(0.5, 0.5, 1, 1), (0.1875, 0.5, 0.375, 1)]
    boxes = [(0, 0, 0.75, 1)]
    assert match(side, boxes, [1], defaults, strategy=strategy) == [0, 0]
    assert match(side, boxes, [1], defaults, strategy=strategy, threshold=0.5000001) == [0, -1]


@pytest.mark.rule("R-MAT-3", "R-MAT-11")
@ALL
def test_ground_truth_that_overlaps_nothing_is_left_alone(side: Implementation) -> None:
    """The strategy "argmax" lets it evict the good match of default box 0, as torchvision does."""
    boxes = [(0, 0, 0.5, 0.5), (2, 2, 3, 3)]
    assert match(side, boxes, [1, 1], QUARTERS, strategy="bipartite") == [0, -1, -1, -1]
    assert match(side, boxes, [1, 1], QUARTERS, strategy="argmax") == [1, -1, -1, -1]


@pytest.mark.rule("R-MAT-8")
@ALL
@STRATEGIES
@pytest.mark.parametrize("flat", [(0.25, 0, 0.25, 0.5), (0, 0.25, 0.5, 0.25), (0.5, 0.5, 0, 0), (np.nan, 0, 0.5, 0.5)])
def test_ground_truth_without_area_never_matches(side: Implementation, strategy: str, flat: tuple[float, ...]) -> None:
    """Zero width, zero height, inverted, NaN: no claim, no infinite offset."""
    assert match(side, [flat], [1], QUARTERS, strategy=strategy) == [-1] * 4
    assert match(side, [(0, 0, 0.5, 0.5), flat], [1, 2], QUARTERS, strategy=strategy) == [0, -1, -1, -1]


@pytest.mark.rule("R-MAT-2", "R-MAT-5")
@ALL
def test_ties_go_to_the_lowest_row_then_the_lowest_default_box(side: Implementation) -> None:
    twice = np.concatenate([QUARTERS[:1], QUARTERS[:1], WHOLE])
    quarter = (0, 0, 0.5, 0.5)
    # One object, two equal default boxes: it claims the lower and takes the other by threshold.
    assert match(side, [quarter], [1], twice, strategy="bipartite") == [0, 0, -1]
    # Two equal objects: row 0 claims box 0, row 1 the equal box 1.
    assert match(side, [quarter, quarter], [1, 1], twice, strategy="bipartite") == [0, 1, -1]
    # Three: the last gets the whole image, IoU 1/4.
    assert match(side, [quarter] * 3, [1, 1, 1], twice, strategy="bipartite") == [0, 1, 2]
    # All rows claim box 0, the last wins; box 1 takes the lowest row by threshold.
    assert match(side, [quarter] * 3, [1, 1, 1], twice, strategy="argmax") == [2, 0, -1]


@pytest.mark.rule("R-MAT-1")
@ALL
def test_the_best_pair_goes_first(side: Implementation) -> None:
    """Row 1 overlaps the first quarter better than row 0 does, so row 0 must make do with its second best, the whole image.

    IoU with (quarter, whole): row 0 (0.4375 x 0.5) 7/8 and 7/32; row 1 (0.5 x 0.5) 1 and 1/4.
    """
    boxes, defaults = [(0, 0, 0.4375, 0.5), (0, 0, 0.5, 0.5)], np.concatenate([QUARTERS[:1], WHOLE])
    assert match(side, boxes, [1, 1], defaults, strategy="bipartite") == [1, 0]


@pytest.mark.rule("R-MAT-1")
@ALL
def test_more_ground_truth_than_default_boxes(side: Implementation) -> None:
    boxes = [(0, 0, 0.25, 0.25), (0, 0, 0.5, 0.5), (0, 0, 1, 1)]
    assert match(side, boxes, [1, 1, 1], WHOLE, strategy="bipartite") == [2]


@pytest.mark.rule("R-MAT-6")
@ALL
@STRATEGIES
def test_a_claim_stands_although_another_overlaps_more(side: Implementation, strategy: str) -> None:
    """Row 1 overlaps default box 1 by 9/16 only, but owns it; row 0 overlaps it less. Padding between them changes nothing."""
    defaults = [(0.25, 0.25, 0.5, 0.5), (0.75, 0.75, 0.5, 0.5)]
    boxes = [(0, 0, 0.5, 0.5), (0, 0, 1, 1), (0.5, 0.5, 0.875, 0.875)]
    assert match(side, boxes, [1, 0, 2], defaults, strategy=strategy) == [0, 2]


@pytest.mark.rule("R-MAT-7")
@thousand
@given(truth=strategies.ground_truths(images=1, rows=5, ignored=True), config=strategies.grid_configs(), place=st.integers(0, 5))
def test_padding_rows_anywhere_change_nothing(truth: GroundTruth, config: dict[str, Any], place: int) -> None:
    defaults = default_boxes(tf_ssd.config.caffe_boxes(**config), dtype="float64").numpy()
    padded = np.insert(truth.boxes, place, 0.5, axis=1), np.insert(truth.labels, place, 0, axis=1)
    for operation in ("bipartite", "argmax"):
        before = EAGER.call("matcher.targets", *truth, defaults, strategy=operation)
        after = EAGER.call("matcher.targets", *padded, defaults, strategy=operation)
        for a, b in zip(before, after, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.rule("R-MAT-13")
@ALL
@STRATEGIES
def test_an_ignored_row_claims_nothing_and_covers_what_it_overlaps(side: Implementation, strategy: str) -> None:
    """By the threshold alone, with no offsets; an IoU of 1/4 is not enough, although nothing else is there."""
    quarter, ignored = (0, 0, 0.5, 0.5), strategies.IGNORED
    assert match(side, [quarter], [ignored], np.concatenate([QUARTERS, WHOLE]), strategy=strategy) == [0, -1, -1, -1, -1]
    assert match(side, [quarter], [ignored], WHOLE, strategy=strategy) == [-1]
    arrays = np.array([[quarter, (0, 0, 1, 1)]], np.float32), np.array([[ignored, 2]], np.int32), QUARTERS.astype(np.float32)
    offsets, labels = side.call("matcher.targets", *arrays, strategy=strategy)
    assert labels.tolist() == [[2, 0, 0, 0]]  # the object claims it, as its best one
    offsets, labels = side.call("matcher.targets", arrays[0], np.array([[ignored, 0]], np.int32), arrays[2], strategy=strategy)
    assert labels.tolist() == [[ignored, 0, 0, 0]]
    assert not offsets.any()


@pytest.mark.rule("R-MAT-5", "R-MAT-13")
@ALL
@STRATEGIES
def test_of_an_object_and_an_ignored_row_the_larger_overlap_decides_where_nobody_claims(
    side: Implementation, strategy: str
) -> None:
    """The object claims the whole image; the left half overlaps it by 1/2, and the ignored row by more or by as much."""
    defaults = [(0.5, 0.5, 1, 1), (0.25, 0.5, 0.5, 1)]
    whole, ignored = (0, 0, 1, 1), strategies.IGNORED
    assert match(side, [whole, (0, 0, 0.5, 1)], [1, ignored], defaults, strategy=strategy) == [0, 1]
    assert match(side, [whole, (0, 0, 0.25, 1)], [1, ignored], defaults, strategy=strategy) == [0, 0]  # a tie: the lowest row
    assert match(side, [(0, 0, 0.25, 1), whole], [ignored, 1], defaults, strategy=strategy) == [1, 0]


@pytest.mark.rule("R-MAT-6", "R-MAT-13")
@ALL
@STRATEGIES
def test_a_claim_stands_although_an_ignored_row_overlaps_more(side: Implementation, strategy: str) -> None:
    """As where somebody stands in front of a crowd: 7/8 and 1."""
    boxes = [(0, 0, 0.5, 0.5), (0, 0, 0.4375, 0.5)]
    assert match(side, boxes, [strategies.IGNORED, 1], QUARTERS, strategy=strategy) == [1, -1, -1, -1]


@pytest.mark.rule("R-ARG-1")
@pytest.mark.parametrize("side", [EAGER, REFERENCE], ids=lambda side: side.name)
def test_unknown_strategy(side: Implementation) -> None:
    with pytest.raises(ValueError, match="greedy"):
        match(side, [(0, 0, 1, 1)], [1], WHOLE, strategy="greedy")


@pytest.mark.rule("R-ARG-2")
def test_threshold_must_be_positive() -> None:
    with pytest.raises(ValueError, match="threshold"):
        match(EAGER, [(0, 0, 1, 1)], [1], WHOLE, threshold=0)
