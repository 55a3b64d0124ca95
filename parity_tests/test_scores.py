"""Scores and their cross entropy, of either kind, and what sigmoids mean for the loss and for detection.

Whatever does not depend on the kind of scores is tested with a softmax in `test_loss` and `test_detect`.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from parity_tests import strategies
from parity_tests.adapters import EAGER, REFERENCE, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import ALL_AND_DTYPES, DTYPES, SIDES_AND_DTYPES, _name
from parity_tests.test_loss import B, C, K, Problem, small_problem

KINDS = pytest.mark.parametrize("scores", ["softmax", "sigmoid"])
SIGMOID = {"scores": "sigmoid"}
# In graphs and by XLA the loss and the detections of sigmoids are compared at random in `test_loss` and `test_detect`.
CONSTRUCTED = pytest.mark.parametrize("side", [EAGER, REFERENCE], ids=_name)
LN2 = np.log(2)


@pytest.mark.rule("R-SCO-1", "R-SCO-3")
@SIDES_AND_DTYPES
@KINDS
@given(logits=strategies.logit_arrays(B, K, C), labels=strategies.label_arrays(B, K, classes=C))
def test_agreement(side: Implementation, dtype: type, scores: str, logits: np.ndarray, labels: np.ndarray) -> None:
    """Value and gradient of the cross entropy, and the probabilities."""
    logits, kind = logits.astype(dtype), {"scores": scores}
    for operation, inputs in (("scores.probabilities", (logits,)), ("scores.cross_entropy", (logits, labels))):
        (actual,) = side.call(operation, *inputs, **kind)
        assert np.all(actual >= 0)
        for wide in (logits, logits.astype(np.float64)):
            (expected,) = REFERENCE.call(operation, wide, *inputs[1:], **kind)
            # A probability inherits the rounding of its logit: absolute, of the size of the largest logit.
            scale = max(1.0, float(np.abs(logits).max())) if len(inputs) == 1 else 1.0
            assert_agree(operation=operation, actual=actual, expected=expected, inputs=inputs, options=kind, scale=scale)
    ours, theirs = (witness.gradients("scores.cross_entropy", logits, labels, **kind)[0] for witness in (side, REFERENCE))
    context = {"operation": "scores.cross_entropy", "inputs": (logits, labels), "options": kind, "what": "gradient"}
    assert_agree(actual=ours, expected=theirs, scale=max(1.0, float(np.abs(logits).max())), **context)


@pytest.mark.rule("R-SCO-3")
@ALL_AND_DTYPES
def test_every_slot_counts_by_itself(side: Implementation, dtype: type) -> None:
    """Probabilities 1/2, 3/4 and 1/4; slot 0 is a slot as any other, and background's own. Slope: probability - target."""
    logits = np.tile(np.log([1, 3, 1 / 3]), (1, 3, 1)).astype(dtype)
    labels = np.array([[0, 1, 2]], np.int32)
    np.testing.assert_allclose(side.call("scores.probabilities", logits, **SIGMOID)[0][0, 0], [1 / 2, 3 / 4, 1 / 4], rtol=1e-6)
    (entropy,) = side.call("scores.cross_entropy", logits, labels, **SIGMOID)
    by_hand = np.log([[2 * 4 * 4 / 3, 2 * 4 / 3 * 4 / 3, 2 * 4 * 4]])
    np.testing.assert_allclose(entropy, by_hand, rtol=4 * np.finfo(dtype).eps)
    (gradient,) = side.gradients("scores.cross_entropy", logits[:, :1], labels[:, :1], **SIGMOID)
    weight = gradient[0, 0, 1] / (3 / 4)
    np.testing.assert_allclose(gradient[0, 0], weight * np.array([-1 / 2, 3 / 4, 1 / 4]), rtol=1e-6)


@pytest.mark.rule("R-SCO-3", "R-SCO-4", "R-LOSS-12")
@ALL_AND_DTYPES
def test_saturated_sigmoids_keep_value_and_gradient(side: Implementation, dtype: type) -> None:
    """Three slots wrong by 1000 cost 3000, and each pulls in full; right by 1000, or a class that is impossible, costs nothing."""
    logits = np.array([[[1000, -1000, 1000], [1000, -1000, -np.inf]]], dtype)
    labels, offsets = np.array([[1, 0]], np.int32), np.zeros((1, 2, 4), dtype)
    total, *_ = side.call("loss.multibox_loss", offsets, logits, offsets, labels, **SIGMOID)
    assert total == 3000
    _, gradient = side.gradients("loss.multibox_loss", offsets, logits, offsets, labels, wrt=(0, 1), **SIGMOID)
    np.testing.assert_array_equal(gradient, [[[1, -1, 1], [0, 0, 0]]])


@pytest.mark.rule("R-SCO-3")
@CONSTRUCTED
@DTYPES
def test_small_costs_are_exact(side: Implementation, dtype: type) -> None:
    """A sigmoid that is right by 30 costs ln(1 + e^-30), in each of two slots."""
    logits = np.array([[30, -30]], dtype)
    (entropy,) = side.call("scores.cross_entropy", logits, np.zeros(1, np.int32), **SIGMOID)
    np.testing.assert_allclose(entropy, 2 * np.log1p(np.exp(-30)), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.rule("R-LOSS-9")
@CONSTRUCTED
@pytest.mark.parametrize("slot", [0, 1, 2])
@pytest.mark.parametrize("image", [0, 1], ids=["labelled", "unlabelled"])
def test_nan_in_any_slot_makes_the_loss_nan(side: Implementation, slot: int, image: int) -> None:
    """Also of a box so easy that it is not mined."""
    problem = small_problem([[1, 0, 0, 0, 0, 0, 0, 0], [0] * 8])
    problem.logits[:, 1] = (100, -100, -100)
    problem.logits[image, 1, slot] = np.nan
    total, localization, confidence, _ = side.call("loss.multibox_loss", *problem, **SIGMOID)
    assert np.isnan(total)
    assert np.isnan(confidence)
    assert np.isfinite(localization)
    assert np.isnan(side.gradients("loss.multibox_loss", *problem, wrt=(1,), **SIGMOID)[0][image, 1, slot])


@pytest.mark.rule("R-LOSS-10")
@CONSTRUCTED
@KINDS
@pytest.mark.parametrize("label", [-1, 3, 99])
def test_label_out_of_range_is_nan(side: Implementation, scores: str, label: int) -> None:
    problem = small_problem([[1, 0, label, 0, 0, 0]])
    for weights in (None, (1.0, 2.0, 3.0)):
        assert np.isnan(side.call("loss.multibox_loss", *problem, scores=scores, class_weights=weights)[0])
    (entropy,) = side.call("scores.cross_entropy", problem.logits, problem.target_labels, scores=scores)
    assert np.isnan(entropy).tolist() == [[False, False, True, False, False, False]]


def evens(labels: list[list[int]], dtype: type = np.float64) -> Problem:
    """Every logit and offset 0: a slot costs ln 2, and pulls by a half."""
    shape = np.shape(labels)
    return Problem(np.zeros((*shape, 4)), np.zeros((*shape, 3)), np.zeros((*shape, 4)), np.array(labels, np.int32)).astype(dtype)


@pytest.mark.rule("R-LOSS-5", "R-SCO-3")
@CONSTRUCTED
@DTYPES
def test_loss_by_hand(side: Implementation, dtype: type) -> None:
    """One positive, and the three lowest of the background boxes: four times three slots, divided by N = 1."""
    problem = evens([[0, 2, 0, 0, 0]], dtype)
    total, _, confidence, positives = side.call("loss.multibox_loss", *problem, **SIGMOID)
    assert total == confidence == pytest.approx(4 * 3 * LN2)
    assert total.dtype == dtype
    assert positives == 1
    (gradient,) = side.gradients("loss.multibox_loss", *problem, wrt=(1,), **SIGMOID)
    background, positive, nothing = [-0.5, 0.5, 0.5], [0.5, 0.5, -0.5], [0, 0, 0]
    assert gradient[0].tolist() == [background, positive, background, background, nothing]
    (mask,) = side.call("loss.hard_negative_mask", problem.logits, problem.target_labels, **SIGMOID)
    assert np.flatnonzero(mask).tolist() == [0, 2, 3]


@pytest.mark.rule("R-MIN-1", "R-SCO-3")
@CONSTRUCTED
def test_hardness_is_the_sum_over_the_slots(side: Implementation) -> None:
    """Box 2 is the least likely to be background by slot 0, and by a softmax; two classes of box 1 are likely at once."""
    problem = evens([[1, 0, 0, 0]])
    problem.logits[0, 1:] = (0, 2, 2), (-2, 1, -9), (9, -9, -9)
    options = {"negative_ratio": 1, **SIGMOID}
    (mask,) = side.call("loss.hard_negative_mask", problem.logits, problem.target_labels, **options)
    assert np.flatnonzero(mask).tolist() == [1]
    expected = 3 * LN2 + LN2 + 2 * np.log1p(np.exp(2))
    assert side.call("loss.multibox_loss", *problem, **options)[0] == pytest.approx(expected)


@pytest.mark.rule("R-LOSS-7")
@CONSTRUCTED
@pytest.mark.parametrize("normalizer", ["batch", "image"])
def test_a_batch_without_labels_is_exactly_zero(side: Implementation, normalizer: str) -> None:
    """Unless the hardest negatives of each image are asked for."""
    problem, options = small_problem(np.zeros((2, 6)), dtype=np.float64), {"normalizer": normalizer, **SIGMOID}
    assert all(part == 0 for part in side.call("loss.multibox_loss", *problem, **options))
    assert not side.gradients("loss.multibox_loss", *problem, wrt=(1,), **options)[0].any()
    (entropy,) = REFERENCE.call("scores.cross_entropy", problem.logits, problem.target_labels, **SIGMOID)
    hardest = np.sort(entropy)[:, -2:].sum() / (1 if normalizer == "batch" else 2)
    assert side.call("loss.multibox_loss", *problem, min_negatives=2, **options)[0] == pytest.approx(hardest)


@pytest.mark.rule("R-LOSS-8")
@CONSTRUCTED
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_offsets_of_background_boxes_cannot_touch_the_loss(side: Implementation, value: float) -> None:
    problem = small_problem([[1, 0, 0, 0, 0, 0]])
    expected = side.call("loss.multibox_loss", *problem, **SIGMOID)
    problem.offsets[0, 1:] = value
    np.testing.assert_array_equal(side.call("loss.multibox_loss", *problem, **SIGMOID), expected)
    (gradient,) = side.gradients("loss.multibox_loss", *problem, wrt=(0,), **SIGMOID)
    assert np.all(gradient[0, 1:] == 0)


@pytest.mark.rule("R-LOSS-11")
@CONSTRUCTED
def test_half_precision_is_computed_in_float32(side: Implementation) -> None:
    """Forty boxes of three slots each wrong by 30 000: their sum exceeds float16 many times."""
    labels = np.ones((1, 40), np.int32)
    logits = np.tile(np.array([30000, -30000, 30000], np.float16), (1, 40, 1))
    offsets = np.zeros((1, 40, 4), np.float16)
    total, *_ = side.call("loss.multibox_loss", offsets, logits, offsets, labels, **SIGMOID)
    assert total.dtype == np.float32
    assert total == pytest.approx(3 * 29_999, rel=1e-3)


def detected(side: Implementation, logits: Any, **options: Any) -> list[tuple[int, int, float]]:
    """(default box, label, score) of what is found in one image; the default boxes lie apart."""
    logits = np.array([logits], np.float64)
    count = logits.shape[1]
    defaults = np.array([(row + 0.5, 0.5, 1, 1) for row in range(count)]) / (count, 1, count, 1)
    found = side.call("detect.detect", np.zeros((1, count, 4)), logits, defaults, max_detections=9, **SIGMOID, **options)
    rows = zip(found[0][0], found[1][0].tolist(), found[2][0].tolist(), strict=True)
    return [(round(float(box[0] * count)), label, round(score, 6)) for box, label, score in rows][: int(found[3][0])]


@pytest.mark.rule("R-DET-2")
@CONSTRUCTED
def test_slot_0_is_ignored_and_several_classes_may_be_likely(side: Implementation) -> None:
    """Scores 1/2, 3/4 and 1/4; slot 0 neither is detected nor takes anything from the others."""
    logits = [(50, 0, np.log(3)), (-50, -np.log(3), -50)]
    assert detected(side, logits) == [(0, 2, 0.75), (0, 1, 0.5), (1, 1, 0.25)]
    assert detected(side, logits, class_agnostic=True) == [(0, 2, 0.75), (1, 1, 0.25)]
    assert detected(side, [(50, -50, -50)]) == []


@pytest.mark.rule("R-DET-2")
@CONSTRUCTED
def test_a_score_equal_to_the_threshold_is_not_enough(side: Implementation) -> None:
    assert detected(side, [(0, 0, 0)], score_threshold=0.5) == []
    assert detected(side, [(0, 0, 0)], score_threshold=0.4999) == [(0, 1, 0.5), (0, 2, 0.5)]


@pytest.mark.rule("R-DET-6")
@CONSTRUCTED
def test_ties_go_to_the_lowest_class_then_the_lowest_default_box(side: Implementation) -> None:
    assert detected(side, [(3, 0, 0), (0, 0, 0)]) == [(0, 1, 0.5), (1, 1, 0.5), (0, 2, 0.5), (1, 2, 0.5)]


@pytest.mark.rule("R-DET-2")
@CONSTRUCTED
def test_nan_is_no_detection(side: Implementation) -> None:
    """Of its slot alone: the others do not depend on it."""
    assert detected(side, [(0, np.nan, 0), (np.nan, 0, np.nan)]) == [(1, 1, 0.5), (0, 2, 0.5)]


@pytest.mark.rule("R-ARG-1")
@pytest.mark.parametrize("side", [EAGER, REFERENCE], ids=_name)
@pytest.mark.parametrize(
    ("operation", "inputs"),
    [
        ("scores.probabilities", (np.zeros((1, 2)),)),
        ("scores.cross_entropy", (np.zeros((1, 2)), np.zeros(1, np.int32))),
        ("loss.hard_negative_mask", (np.zeros((1, 1, 2)), np.zeros((1, 1), np.int32))),
        ("loss.multibox_loss", evens([[1, 0]])),
        ("detect.detect", (np.zeros((1, 1, 4)), np.zeros((1, 1, 2)), np.ones((1, 4)))),
    ],
)
def test_another_kind_is_refused(side: Implementation, operation: str, inputs: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(ValueError, match="tanh"):
        side.call(operation, *inputs, scores="tanh")
