"""torchvision as third witness: `SSD.compute_loss` on given targets, in all that both agree on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from parity_tests import test_loss as our_tests
from parity_tests.adapters import REFERENCE, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import DTYPES, thousand
from parity_tests.test_loss import Problem, problems, small_problem
from parity_tests.test_torchvision_boxes import SIDES, SIDES_AND_DTYPES
from parity_tests.torchvision_adapter import TORCHVISION

PARTS = ("total", "localization", "confidence")


@st.composite
def sparse_problems(draw: Any) -> Problem:
    """Problems in which no image asks for more negatives than it has: a quarter of its boxes positive at most."""
    problem = draw(problems())
    labels = problem.target_labels
    surplus = np.cumsum(labels > 0, axis=1) > labels.shape[1] // 4
    return problem._replace(target_labels=np.where(surplus, 0, labels).astype(np.int32))


def cross_entropy(problem: Problem) -> np.ndarray:
    """(B, K) float64, of each box with its own label."""
    return REFERENCE.call("scores.cross_entropy", problem.logits.astype(np.float64), problem.target_labels)[0]


def near_the_cut(problem: Problem) -> np.ndarray:
    """(B, K) negatives that may be mined in place of one another, being equal or nearly so in torchvision's unstable sort."""
    hardness, background = cross_entropy(problem), problem.target_labels == 0
    result = np.zeros_like(background)
    for image, count in enumerate(3 * (~background).sum(axis=1)):
        if not 0 < count < background[image].sum():
            continue
        cut = np.sort(hardness[image, background[image]])[-count]
        near = np.abs(hardness[image] - cut) <= 32 * np.finfo(problem.logits.dtype).eps * max(1, cut)
        result[image] = near & background[image] if np.sum(near & background[image]) > 1 else False
    return result


def check_loss(side: Implementation, problem: Problem) -> None:
    """Value and gradient agree with torchvision in the same dtype, the value with torchvision in float64 as well."""
    operation = "loss.multibox_loss"
    context: dict[str, Any] = {"operation": operation, "inputs": problem}
    actual, gradients = side.value_and_gradients(operation, *problem, wrt=(0, 1))
    for wide in (problem, problem.astype(np.float64)):
        for name, ours, theirs in zip(PARTS, actual, TORCHVISION.call(operation, *wide), strict=False):
            assert_agree(actual=ours, expected=theirs, what=name, **context)
    expected_gradients = TORCHVISION.gradients(operation, *problem, wrt=(0, 1))
    assert_agree(actual=gradients[0], expected=expected_gradients[0], what="gradient for offsets", **context)
    # A softmax probability inherits the rounding of its logit: absolute, of the size of the largest logit.
    scale, decided = max(1.0, float(np.abs(problem.logits).max())), ~near_the_cut(problem)[..., None]
    logits = {"actual": gradients[1] * decided, "expected": expected_gradients[1] * decided}
    assert_agree(**logits, scale=scale, what="gradient for logits", **context)


@SIDES_AND_DTYPES
@thousand
@given(problem=sparse_problems())
def test_multibox_loss(side: Implementation, dtype: type, problem: Problem) -> None:
    check_loss(side, problem.astype(dtype))


@SIDES
@DTYPES
def test_multibox_loss_of_all_default_boxes(side: Implementation, dtype: type) -> None:
    rng = np.random.default_rng(0)
    labels = np.where(rng.uniform(size=(2, 8732)) < 0.003, rng.integers(1, 21, (2, 8732)), 0)
    check_loss(side, small_problem(labels, classes=21, dtype=dtype))


@pytest.mark.parametrize(
    "condition",
    [
        lambda problem: np.any((problem.target_labels > 0).sum(axis=1) == 5),  # which ask for all 15 of the rest
        lambda problem: not problem.target_labels.any(),
        lambda problem: near_the_cut(problem).any(),
        lambda problem: np.abs(problem.logits).max() > 100,
    ],
    ids=["exactly as many negatives as asked for", "no labels at all", "ties at the cut", "saturated"],
)
def test_the_problems_reach(condition: Callable[[Problem], bool]) -> None:
    quick = settings(max_examples=500, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    find(sparse_problems(), condition, settings=quick)


@pytest.mark.parametrize(
    "test",
    [
        our_tests.test_an_image_without_labels_leaves_the_other_alone,
        our_tests.test_one_images_logits_do_not_touch_anothers_loss,
    ],
    ids=lambda test: test.__name__,
)
def test_torchvision_passes_our_own(test: Callable[..., None]) -> None:
    test(side=TORCHVISION)


@SIDES
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_offsets_of_background_boxes_touch_neither_loss(side: Implementation, value: float) -> None:
    """Both select the offsets of positives, where a multiplication by a mask would let NaN through."""
    for implementation in (side, TORCHVISION):
        our_tests.test_offsets_of_background_boxes_cannot_touch_the_loss(side=implementation, value=value)


@SIDES
@DTYPES
def test_a_batch_without_labels_is_exactly_zero(side: Implementation, dtype: type) -> None:
    problem = small_problem(np.zeros((2, 6)), dtype=dtype)
    for implementation in (side, TORCHVISION):
        parts, gradients = implementation.value_and_gradients("loss.multibox_loss", *problem, wrt=(0, 1))
        assert not any(parts)
        assert not any(gradient.any() for gradient in gradients)


@SIDES
def test_both_divide_by_the_positives_of_the_batch(side: Implementation) -> None:
    """Image 0 has 1 positive with error 2 (loss 3/2), image 1 has 3 with error 1 (1/2 each), image 2 none: 3 / 4.

    With `normalizer="image"` it would be the mean of 3/2, 1/2 and 0: 2 / 3. Ten times the same images change neither.
    """
    offsets = np.zeros((3, 12, 4))
    offsets[0, 0, 0], offsets[1, :3, 0] = 2, 1
    labels = np.zeros((3, 12), np.int32)
    labels[0, 0] = labels[1, :3] = 1
    problem = Problem(offsets, np.zeros((3, 12, 2)), np.zeros((3, 12, 4)), labels)
    for images in (problem, problem.images([0, 1, 2] * 10)):
        for implementation in (side, TORCHVISION):
            assert implementation.call("loss.multibox_loss", *images)[1] == pytest.approx(3 / 4)
        assert side.call("loss.multibox_loss", *images, normalizer="image")[1] == pytest.approx(2 / 3)
