"""The strategies reach every special case that the checks are meant to see."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import tf_ssd.config
from parity_tests import strategies, test_loss
from parity_tests.adapters import REFERENCE
from parity_tests.strategies import GroundTruth
from parity_tests.test_detect import distinct_scores
from tf_ssd.default_boxes import default_boxes

# The first hit will do; finding the smallest takes long.
SEARCH = settings(max_examples=3000, phases=[Phase.generate], deadline=None, database=None, suppress_health_check=list(HealthCheck))


def matching(strategy: str) -> Callable[[GroundTruth, np.ndarray], np.ndarray]:
    return lambda truth, defaults: REFERENCE.call("matcher.match", *truth, defaults, strategy=strategy)[0]


def overlaps(truth: GroundTruth, defaults: np.ndarray) -> np.ndarray:
    """IoU (G, K) of the first image."""
    return REFERENCE.call("boxes.iou", truth.boxes[0], REFERENCE.call("boxes.to_xyxy", defaults)[0])[0]


def valid(truth: GroundTruth) -> np.ndarray:
    width, height = (truth.boxes[0, :, axis + 2] - truth.boxes[0, :, axis] for axis in (0, 1))
    return (truth.labels[0] > 0) & (width > 0) & (height > 0)


MATCHING_CASES: dict[str, Callable[[GroundTruth, np.ndarray], Any]] = {
    "no labels": lambda truth, _: not truth.labels[0].any(),
    "padding between objects": lambda truth, _: np.any(np.diff(np.sign(truth.labels[0]).astype(int)) > 0),
    "NaN padding": lambda truth, _: np.isnan(truth.boxes).any(),
    "object without width": lambda truth, _: np.any((truth.labels[0] > 0) & (truth.boxes[0, :, 0] == truth.boxes[0, :, 2])),
    "inverted object": lambda truth, _: np.any((truth.labels[0] > 0) & (truth.boxes[0, :, 0] > truth.boxes[0, :, 2])),
    "object that touches nothing": lambda truth, boxes: np.any(valid(truth) & (overlaps(truth, boxes).max(1) == 0)),
    "two objects alike": lambda truth, _: len(np.unique(truth.boxes[0][valid(truth)], axis=0)) < valid(truth).sum(),
    "shared best default box": lambda truth, boxes: len({*overlaps(truth, boxes)[valid(truth)].argmax(1)}) < valid(truth).sum(),
    "overlap equal to the threshold": lambda truth, boxes: np.any(overlaps(truth, boxes)[valid(truth)] == 0.5),
    "two best default boxes": lambda truth, boxes: any(
        row.max() > 0 and np.sum(row == row.max()) > 1 for row in overlaps(truth, boxes)[valid(truth)]
    ),
    "the two strategies differ": lambda truth, boxes: np.any(
        matching("bipartite")(truth, boxes) != matching("argmax")(truth, boxes)
    ),
    "more objects than default boxes": lambda truth, boxes: valid(truth).sum() > len(boxes),
}


@pytest.mark.parametrize("case", MATCHING_CASES)
def test_matching_cases_are_reached(case: str) -> None:
    def reached(drawn: tuple[GroundTruth, dict[str, Any]]) -> bool:
        truth, config = drawn
        defaults = default_boxes(tf_ssd.config.caffe_boxes(**config), dtype="float64").numpy()
        return bool(MATCHING_CASES[case](truth, defaults))

    find(st.tuples(strategies.ground_truths(), strategies.grid_configs()), reached, settings=SEARCH)


LOSS_CASES: dict[str, Callable[[test_loss.Problem], Any]] = {
    "image without positives": lambda p: np.any((p.target_labels > 0).sum(1) == 0),
    "no positives at all": lambda p: not p.target_labels.any(),
    "nothing but positives": lambda p: np.any((p.target_labels == 0).sum(1) == 0),
    "three times the positives exceed the background": lambda p: np.any(
        3 * (p.target_labels > 0).sum(1) > (p.target_labels == 0).sum(1)
    ),
    "saturated": lambda p: np.abs(p.logits).max() > 200,
    "exact ties": lambda p: len(np.unique(p.logits[0], axis=0)) == 1,
}


@pytest.mark.parametrize("case", LOSS_CASES)
def test_loss_cases_are_reached(case: str) -> None:
    find(test_loss.problems(ignored=True), lambda problem: bool(LOSS_CASES[case](problem)), settings=SEARCH)


@given(count=st.integers(1, 8), data=st.data())
def test_grid_boxes_are_exact_and_inside(count: int, data: st.DataObject) -> None:
    boxes = data.draw(strategies.grid_boxes(count=count))
    assert boxes.shape == (count, 4)
    assert np.all((boxes >= 0) & (boxes <= 1) & (boxes * strategies.GRID == np.round(boxes * strategies.GRID)))
    assert np.all(boxes[:, 2:] >= boxes[:, :2])


@given(seed=strategies.seeds)
def test_distinct_scores_are_distinct(seed: int) -> None:
    softmax, sigmoid = np.exp(distinct_scores(seed, 2, 40, scores="softmax")), distinct_scores(seed, 2, 40, scores="sigmoid")
    np.testing.assert_allclose(softmax.sum(-1), 1)
    for scores in (softmax, 1 / (1 + np.exp(-sigmoid))):
        assert np.diff(np.sort(scores[..., 1:].ravel())).min() > 2**-15
