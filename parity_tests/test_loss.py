"""Smooth L1, hard negative mining and the MultiBox loss: value and gradient."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import strategies
from parity_tests.adapters import EAGER, GRAPH, REFERENCE, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import ALL, ALL_AND_DTYPES, SIDES, SIDES_AND_DTYPES
from parity_tests.test_boxes import check_gradient, check_operation

B, K, C = 3, 20, 4


class Problem(NamedTuple):
    """Predictions and targets of a batch, in the order of `multibox_loss`."""

    offsets: np.ndarray
    logits: np.ndarray
    target_offsets: np.ndarray
    target_labels: np.ndarray

    def astype(self, dtype: type) -> "Problem":
        """The same with floats of another type."""
        return Problem(*(array.astype(dtype) for array in self[:3]), self.target_labels)

    def images(self, chosen: Any) -> "Problem":
        """Some of the images, in another order if need be."""
        return Problem(*(array[chosen] for array in self))


@st.composite
def problems(draw: Any, *, ignored: bool = False) -> Problem:
    """float64 problems of a fixed shape, so that XLA compiles once."""
    rng = np.random.default_rng(draw(strategies.seeds))
    logits = draw(strategies.logit_arrays(B, K, C))
    labels = draw(strategies.label_arrays(B, K, classes=C, ignored=ignored))
    return Problem(rng.normal(scale=2, size=(B, K, 4)), logits, rng.normal(scale=2, size=(B, K, 4)), labels)


options = st.sampled_from(
    [
        {},
        {"negative_ratio": 1, "min_negatives": 5, "normalizer": "image", "scores": "sigmoid"},
        {"negative_ratio": 0, "alpha": 0.5, "class_weights": (0.5, 2.0, 0.0, 3.0)},
    ]
)
minings = st.sampled_from(
    [{"negative_ratio": 3, "min_negatives": 0}, {"negative_ratio": 1, "min_negatives": 5, "scores": "sigmoid"}]
)


def mined_counts(labels: np.ndarray, *, negative_ratio: int, min_negatives: int, scores: str = "softmax") -> np.ndarray:
    """How many negatives the rule asks for, per image; of either kind of scores as many."""
    positives, background = (labels > 0).sum(1), (labels == 0).sum(1)
    return np.minimum(background, np.maximum(negative_ratio * positives, min_negatives))


def undecided(logits: np.ndarray, labels: np.ndarray, mining: dict[str, Any]) -> np.ndarray:
    """(B, K) background boxes so near the cut that rounding may decide, unless all that are have the very same logits."""
    kind = {"scores": mining.get("scores", "softmax")}
    (hardness,) = REFERENCE.call("scores.cross_entropy", logits.astype(np.float64), np.zeros_like(labels), **kind)
    result = np.zeros(labels.shape, bool)
    for image, count in enumerate(mined_counts(labels, **mining)):
        background = np.flatnonzero(labels[image] == 0)
        if count == 0 or count == len(background):
            continue
        cut = np.sort(hardness[image, background])[-count]
        near = background[np.abs(hardness[image, background] - cut) <= 32 * np.finfo(logits.dtype).eps * max(1, cut)]
        if len(np.unique(logits[image, near], axis=0)) > 1:
            result[image, near] = True
    return result


def check_mining(side: Implementation, logits: np.ndarray, labels: np.ndarray, **mining: Any) -> None:
    """Number, no positives, and the choice itself, equal to the reference's except where rounding decides."""
    (actual,) = side.call("loss.hard_negative_mask", logits, labels, **mining)
    (expected,) = REFERENCE.call("loss.hard_negative_mask", logits, labels, **mining)
    np.testing.assert_array_equal(actual.sum(1), mined_counts(labels, **mining))
    assert not np.any(actual & (labels != 0))
    free = undecided(logits, labels, mining)
    context = {"operation": "loss.hard_negative_mask", "inputs": (logits, labels), "options": mining}
    assert_agree(actual=actual & ~free, expected=expected & ~free, **context)


def check_loss(side: Implementation, problem: Problem, **options: Any) -> tuple[np.ndarray, ...]:
    """Value and gradient agree with the reference in the same dtype, and the value with the reference in float64."""
    mining = {"negative_ratio": 3, "min_negatives": 0, **options}
    mining = {name: mining[name] for name in ("negative_ratio", "min_negatives", "scores") if name in mining}
    operation = "loss.multibox_loss"
    context: dict[str, Any] = {"operation": operation, "inputs": problem, "options": options}
    actual, gradients = side.value_and_gradients(operation, *problem, wrt=(0, 1), **options)
    expected, expected_gradients = REFERENCE.value_and_gradients(operation, *problem, wrt=(0, 1), **options)
    for witness in (expected, REFERENCE.call(operation, *problem.astype(np.float64), **options)):
        for name, ours, theirs in zip(("total", "localization", "confidence"), actual, witness, strict=False):
            assert_agree(actual=ours, expected=theirs, what=name, **context)
        assert actual[3] == witness[3]
    free = undecided(problem.logits, problem.target_labels, mining)[..., None]
    # A probability inherits the rounding of its logit: absolute, of the size of the largest logit.
    scale = max(1.0, float(np.nanmax(np.abs(problem.logits)))) * max(options.get("class_weights", (1.0,)))
    assert_agree(actual=gradients[0], expected=expected_gradients[0], what="gradient for offsets", **context)
    assert_agree(
        actual=np.where(free, 0, gradients[1]),
        expected=np.where(free, 0, expected_gradients[1]),
        scale=scale,
        what="gradient for logits",
        **context,
    )
    return actual


def small_problem(labels: Any, classes: int = 3, dtype: type = np.float32) -> Problem:
    """Predictions drawn from a fixed seed for the given target labels (B, K)."""
    labels, rng = np.array(labels, np.int32), np.random.default_rng(7)
    offsets, targets = rng.normal(size=(2, *labels.shape, 4))
    return Problem(offsets, rng.normal(size=(*labels.shape, classes)), targets, labels).astype(dtype)


@pytest.mark.rule("R-LOSS-4")
@SIDES_AND_DTYPES
@given(seed=strategies.seeds)
def test_smooth_l1(side: Implementation, dtype: type, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(6, 4)).astype(dtype)
    x[0] = (0, 1, -1, 1e6)  # the two pieces meet at 1 with equal value and slope
    check_operation(side, "loss.smooth_l1", x)
    check_gradient(side, "loss.smooth_l1", x)


@pytest.mark.rule("R-MIN-1", "R-MIN-2", "R-MIN-3", "R-MIN-5")
@SIDES_AND_DTYPES
@given(logits=strategies.logit_arrays(B, K, C), labels=strategies.label_arrays(B, K, classes=C, ignored=True), mining=minings)
def test_mining(side: Implementation, dtype: type, logits: np.ndarray, labels: np.ndarray, mining: dict[str, Any]) -> None:
    check_mining(side, logits.astype(dtype), labels, **mining)


@pytest.mark.rule("R-LOSS-1", "R-LOSS-2", "R-LOSS-3", "R-LOSS-12")
@SIDES_AND_DTYPES
@given(problem=problems(ignored=True), options=options)
def test_multibox_loss(side: Implementation, dtype: type, problem: Problem, options: dict[str, Any]) -> None:
    check_loss(side, problem.astype(dtype), **options)


@pytest.mark.rule("R-LOSS-1", "R-MIN-4")
@SIDES
@pytest.mark.parametrize("seed", range(3))
def test_multibox_loss_of_all_default_boxes(side: Implementation, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.where(rng.uniform(size=(2, 8732)) < 0.003, rng.integers(1, 21, (2, 8732)), 0)
    problem = small_problem(labels, classes=21)
    check_loss(side, problem)
    check_mining(side, problem.logits, problem.target_labels, negative_ratio=3, min_negatives=0)


@pytest.mark.rule("R-LOSS-1", "R-LOSS-4", "R-LOSS-5")
@ALL_AND_DTYPES
def test_known_value(side: Implementation, dtype: type) -> None:
    """Two classes, logits 0: each cross entropy is ln 2. One positive, errors 1/2 and 3: 1/8 + 5/2. Three of four negatives."""
    labels = np.array([[1, 0, 0, 0, 0]], np.int32)
    target_offsets = np.zeros((1, 5, 4))
    offsets = target_offsets.copy()
    offsets[0, 0] = (0.5, -3, 0, 0)
    problem = Problem(offsets, np.zeros((1, 5, 2)), target_offsets, labels).astype(dtype)
    total, localization, confidence, positives = side.call("loss.multibox_loss", *problem, alpha=2.0)
    assert localization == pytest.approx(2.625)
    assert confidence == pytest.approx(4 * np.log(2))
    assert total == pytest.approx(4 * np.log(2) + 2 * 2.625)
    assert positives == 1
    assert total.dtype == dtype


@pytest.mark.rule("R-LOSS-7")
@ALL_AND_DTYPES
@pytest.mark.parametrize("normalizer", ["batch", "image"])
def test_a_batch_without_labels_is_exactly_zero(side: Implementation, dtype: type, normalizer: str) -> None:
    problem = small_problem(np.zeros((2, 6)), dtype=dtype)
    parts, gradients = side.value_and_gradients("loss.multibox_loss", *problem, wrt=(0, 1), normalizer=normalizer)
    assert all(part == 0 for part in parts)
    for gradient in gradients:
        assert np.all(gradient == 0)


@pytest.mark.rule("R-LOSS-6")
@ALL
def test_an_image_without_labels_leaves_the_other_alone(side: Implementation) -> None:
    both = small_problem([[1, 0, 2, 0, 0, 0], [0] * 6], dtype=np.float64)
    (losses, gradients), (losses_alone, gradients_alone) = (
        side.value_and_gradients("loss.multibox_loss", *problem, wrt=(0, 1)) for problem in (both, both.images([0]))
    )
    np.testing.assert_allclose(losses, losses_alone, rtol=1e-14, atol=0)
    for whole, single in zip(gradients, gradients_alone, strict=True):
        np.testing.assert_allclose(whole[0], single[0], rtol=1e-14, atol=0)
        assert np.all(whole[1] == 0)


@pytest.mark.rule("R-MIN-2", "R-LOSS-6")
@ALL
def test_min_negatives_train_an_image_without_labels(side: Implementation) -> None:
    """Its two hardest negatives, by hand: background logits -5 and -4 against 0; N stays 1."""
    logits = np.zeros((1, 6, 2))
    logits[0, [1, 4], 0] = (-5, -4)
    problem = Problem(np.ones((1, 6, 4)), logits, np.zeros((1, 6, 4)), np.zeros((1, 6), np.int32))
    losses, (_, gradient) = side.value_and_gradients("loss.multibox_loss", *problem, wrt=(0, 1), min_negatives=2)
    total, localization, _, positives = losses
    assert total == pytest.approx(np.log1p(np.exp(5)) + np.log1p(np.exp(4)))
    assert localization == positives == 0
    assert np.flatnonzero(np.any(gradient[0] != 0, axis=1)).tolist() == [1, 4]


@pytest.mark.rule("R-MIN-3")
@ALL
def test_more_negatives_asked_for_than_there_are(side: Implementation) -> None:
    """3 x 4 positives > 2 background boxes: both are taken, and no positive counts twice."""
    labels = np.array([[1, 2, 0, 1, 0, 2]], np.int32)
    problem = small_problem(labels, dtype=np.float64)
    (mask,) = side.call("loss.hard_negative_mask", problem.logits, labels)
    assert mask.tolist() == [[False, False, True, False, True, False]]
    (entropy,) = REFERENCE.call("scores.cross_entropy", problem.logits, labels)
    assert side.call("loss.multibox_loss", *problem)[2] == pytest.approx(entropy.sum() / 4)
    (mask,) = side.call("loss.hard_negative_mask", problem.logits[:, :4], np.ones((1, 4), np.int32))
    assert not mask.any()


@pytest.mark.rule("R-MIN-5")
@ALL
@pytest.mark.parametrize("width", [8, 200])
def test_ties_at_the_cut_go_to_the_lowest_index(side: Implementation, width: int) -> None:
    """One positive asks for three. One box is harder than the rest, which are all equal."""
    labels = np.zeros((1, width), np.int32)
    labels[0, 1] = 1
    logits = np.zeros((1, width, 3), np.float32)
    logits[0, 5, 0] = -1
    (mask,) = side.call("loss.hard_negative_mask", logits, labels)
    assert np.flatnonzero(mask).tolist() == [0, 2, 5]
    (mask,) = side.call("loss.hard_negative_mask", logits, labels, negative_ratio=0)
    assert not mask.any()


@pytest.mark.rule("R-SCO-1", "R-LOSS-12")
@ALL_AND_DTYPES
def test_saturated_logits_keep_value_and_gradient(side: Implementation, dtype: type) -> None:
    """A gap of 1000 costs 1000, and its gradient is -1 and 1, not the 0 of a clamped softmax."""
    logits = np.array([[[1000, 0], [0, 1000]]], dtype)
    labels = np.array([[1, 0]], np.int32)
    offsets = np.zeros((1, 2, 4), dtype)
    losses, (_, gradient) = side.value_and_gradients("loss.multibox_loss", offsets, logits, offsets, labels, wrt=(0, 1))
    assert losses[0] == losses[2] == 2000
    np.testing.assert_array_equal(gradient, [[[1, -1], [-1, 1]]])


@pytest.mark.rule("R-SCO-1", "R-MIN-4")
@ALL
def test_one_images_logits_do_not_touch_anothers_loss(side: Implementation) -> None:
    """A log-sum-exp shifted by the largest logit of the whole batch loses the second image below e^-104."""
    problem = small_problem([[1, 0, 0, 0, 0, 0]] * 2)
    before = side.gradients("loss.multibox_loss", *problem, wrt=(1,))[0][1]
    problem.logits[0] += 1e4
    np.testing.assert_allclose(side.gradients("loss.multibox_loss", *problem, wrt=(1,))[0][1], before, rtol=1e-6)


@pytest.mark.rule("R-LOSS-9")
@ALL
@pytest.mark.parametrize("row", [0, 1, 2], ids=["positive", "easy negative", "hard negative"])
@pytest.mark.parametrize("image", [0, 1], ids=["labelled", "unlabelled"])
def test_nan_in_any_logit_makes_the_loss_nan(side: Implementation, row: int, image: int) -> None:
    problem = small_problem([[1, 0, 0, 0, 0, 0], [0] * 6])
    problem.logits[:, 1, 0] = 100  # so easy that it is not mined
    problem.logits[image, row, 1] = np.nan
    (total, localization, confidence, _), (gradient,) = side.value_and_gradients("loss.multibox_loss", *problem, wrt=(1,))
    assert np.isnan(total)
    assert np.isnan(confidence)
    assert np.isfinite(localization)
    assert np.isnan(gradient[image, row]).all()


@pytest.mark.rule("R-MIN-6")
@ALL
def test_nan_counts_as_the_hardest_negative(side: Implementation) -> None:
    logits = np.zeros((1, 6, 2), np.float32)
    logits[0, 2, 0] = -50
    for nan in (np.nan, -np.nan):
        logits[0, 4, 1] = nan
        (mask,) = side.call("loss.hard_negative_mask", logits, np.zeros((1, 6), np.int32), min_negatives=1)
        assert np.flatnonzero(mask).tolist() == [4]


@pytest.mark.rule("R-LOSS-8")
@ALL
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_offsets_of_background_boxes_cannot_touch_the_loss(side: Implementation, value: float) -> None:
    problem = small_problem([[1, 0, 0, 0, 0, 0]])
    expected = side.call("loss.multibox_loss", *problem)
    problem.offsets[0, 1:] = value
    problem.target_offsets[0, 1:] = value
    np.testing.assert_array_equal(side.call("loss.multibox_loss", *problem), expected)
    (gradient,) = side.gradients("loss.multibox_loss", *problem, wrt=(0,))
    assert np.all(gradient[0, 1:] == 0)
    assert np.all(np.isfinite(gradient))


@pytest.mark.rule("R-MIN-8", "R-LOSS-13")
@ALL_AND_DTYPES
def test_ignored_boxes_are_neither_positive_nor_mined(side: Implementation, dtype: type) -> None:
    """Whatever is predicted for them: the loss is that without them, although they are the hardest."""
    problem = small_problem([[1, strategies.IGNORED, 0, 0, 0, 0, 0, strategies.IGNORED]], dtype=dtype)
    problem.logits[0, [1, 7], 0] = -50
    others = Problem(*(array[:, [0, 2, 3, 4, 5, 6]] for array in problem))
    for options in ({}, {"min_negatives": 99}, {"scores": "sigmoid"}):
        losses, gradients = side.value_and_gradients("loss.multibox_loss", *problem, wrt=(0, 1), **options)
        np.testing.assert_allclose(losses, REFERENCE.call("loss.multibox_loss", *others, **options), rtol=1e-6)
        for gradient in gradients:
            assert np.flatnonzero(~gradient[0].any(axis=-1)).tolist()[-1] == 7
            assert not gradient[0, 1].any()
    (mask,) = side.call("loss.hard_negative_mask", problem.logits, problem.target_labels, min_negatives=99)
    assert mask.tolist() == [[False, False, True, True, True, True, True, False]]


@pytest.mark.rule("R-LOSS-9", "R-LOSS-13")
@ALL
def test_nan_in_the_logits_of_an_ignored_box_makes_the_loss_nan(side: Implementation) -> None:
    problem = small_problem([[1, strategies.IGNORED, 0, 0, 0, 0]])
    problem.logits[0, 1, 2] = np.nan
    assert np.isnan(side.call("loss.multibox_loss", *problem)[0])


@pytest.mark.rule("R-LOSS-14")
@ALL_AND_DTYPES
def test_class_weights_by_hand(side: Implementation, dtype: type) -> None:
    """Logits 0: each cross entropy is ln 2. Positives of classes 1 and 1, weight 3; six of seven negatives, weight 1/2; N is 2."""
    labels = np.array([[1, 1, 0, 0, 0, 0, 0, 0, 0]], np.int32)
    offsets = np.zeros((1, 9, 4))
    offsets[0, 0, 0] = 2
    problem = Problem(offsets, np.zeros((1, 9, 2)), np.zeros((1, 9, 4)), labels).astype(dtype)
    losses, (_, gradient) = side.value_and_gradients("loss.multibox_loss", *problem, wrt=(0, 1), class_weights=(0.5, 3.0))
    assert losses[1] == pytest.approx(1.5 / 2)
    assert losses[2] == pytest.approx((2 * 3 + 6 * 0.5) * np.log(2) / 2)
    np.testing.assert_allclose(gradient[0, :, 1], [-0.75] * 2 + [0.125] * 6 + [0], atol=1e-6)


@pytest.mark.rule("R-LOSS-10")
@pytest.mark.rule("R-LOSS-10")
@ALL
@pytest.mark.parametrize("label", [-1, 3, 99])
def test_label_out_of_range_is_nan(side: Implementation, label: int) -> None:
    """Loud: not wrapped to the last class, not a box loss without a class loss."""
    problem = small_problem([[1, 0, label, 0, 0, 0]])
    assert np.isnan(side.call("loss.multibox_loss", *problem)[0])
    (entropy,) = side.call("scores.cross_entropy", problem.logits, problem.target_labels)
    assert np.isnan(entropy).tolist() == [[False, False, True, False, False, False]]


@pytest.mark.rule("R-LOSS-11")
@ALL
def test_half_precision_does_not_overflow(side: Implementation) -> None:
    """The sum over 4 x 3000 boxes of float16 predictions far exceeds 65504 before it is divided."""
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 3, (4, 3000)).astype(np.int32)
    predictions = [rng.normal(scale=20, size=(4, 3000, size)).astype(np.float16) for size in (4, 3)]
    inputs = (*predictions, np.zeros((4, 3000, 4), np.float32), labels)
    total, *_ = side.call("loss.multibox_loss", *inputs)
    wide = [prediction.astype(np.float64) for prediction in predictions]
    (expected, *_) = REFERENCE.call("loss.multibox_loss", *wide, *inputs[2:])
    assert total.dtype == np.float32
    assert total == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.rule("R-LOSS-2", "R-LOSS-3")
@ALL
def test_normalizers_by_hand(side: Implementation) -> None:
    """Image 0 has 1 positive with error 2 (loss 3/2), image 1 has 3 with error 1 (1/2 each), image 2 none."""
    labels = np.array([[1, 0, 0], [1, 1, 1], [0, 0, 0]], np.int32)
    offsets = np.zeros((3, 3, 4))
    offsets[0, 0, 0], offsets[1, :, 0] = 2, 1
    problem = (offsets, np.zeros((3, 3, 2)), np.zeros((3, 3, 4)), labels)
    assert side.call("loss.multibox_loss", *problem)[1] == pytest.approx((1.5 + 1.5) / 4)
    assert side.call("loss.multibox_loss", *problem, normalizer="image")[1] == pytest.approx((1.5 + 0.5 + 0) / 3)


@pytest.mark.rule("R-LOSS-2")
@given(problem=problems(ignored=True), order=st.permutations(range(B)))
def test_order_of_images_does_not_matter(problem: Problem, order: list[int]) -> None:
    actual, expected = (GRAPH.call("loss.multibox_loss", *p) for p in (problem.images(order), problem))
    np.testing.assert_allclose(actual, expected, rtol=1e-13)


@pytest.mark.rule("R-ARG-1", "R-ARG-2")
@pytest.mark.parametrize("side", [EAGER, REFERENCE], ids=lambda side: side.name)
def test_wrong_arguments(side: Implementation) -> None:
    problem = small_problem([[1, 0, 0]])
    with pytest.raises(ValueError, match="mean"):
        side.call("loss.multibox_loss", *problem, normalizer="mean")
    with pytest.raises(ValueError, match="class_weights"):
        side.call("loss.multibox_loss", *problem, class_weights=(1.0, 2.0))
    with pytest.raises(ValueError, match="target_offsets"):
        side.call("loss.multibox_loss", *problem[:2], problem.target_offsets[:, :1], problem.target_labels)
