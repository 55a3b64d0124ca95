"""Where `SSD.compute_loss` differs from our contract: each difference with both numbers, and how one follows from the other."""

import numpy as np
import pytest
from hypothesis import given

from parity_tests.adapters import REFERENCE, Implementation
from parity_tests.parametrize import thousand
from parity_tests.test_loss import Problem, problems, small_problem
from parity_tests.test_torchvision_boxes import SIDES
from parity_tests.test_torchvision_loss import cross_entropy
from parity_tests.torchvision_adapter import TORCHVISION

LOSS = "loss.multibox_loss"


def equal_logits(positives: int, background: int) -> Problem:
    """One image, two classes, logits 0: the cross entropy of every box is ln 2. The first boxes are the positives."""
    labels = np.array([[1] * positives + [0] * background], np.int32)
    return Problem(np.zeros((*labels.shape, 4)), np.zeros((*labels.shape, 2)), np.zeros((*labels.shape, 4)), labels)


def check_positives_counted_twice(side: Implementation, problem: Problem) -> None:
    """Torchvision's confidence is ours and a second time the positives that its mining takes, image by image.

    It ranks all K boxes, the positives last, and takes the first 3 P: all K - P of the background, and 4 P - K of the positives.
    If these are not all P, it is left to an unstable sort which: the sum lies between that of the easiest and of the hardest.
    """
    least = most = float(side.call(LOSS, *problem)[2])
    entropy, positive = cross_entropy(problem), problem.target_labels > 0
    for losses, chosen in zip(entropy, positive, strict=True):
        twice = int(np.clip(4 * chosen.sum() - len(chosen), 0, chosen.sum()))
        ordered = np.sort(losses[chosen])
        least += ordered[:twice].sum() / max(1, positive.sum())
        most += ordered[len(ordered) - twice :].sum() / max(1, positive.sum())
    margin = 1e-12 * (1 + most)
    assert least - margin <= TORCHVISION.call(LOSS, *problem)[2] <= most + margin


@SIDES
@thousand
@given(problem=problems())
def test_positives_are_counted_twice_when_negatives_run_out(side: Implementation, problem: Problem) -> None:
    check_positives_counted_twice(side, problem)


@SIDES
@pytest.mark.parametrize("case", [(1, 3, 1), (2, 5, 8 / 7), (2, 2, 6 / 4), (4, 0, 2)], ids=str)
def test_the_factor_by_hand(side: Implementation, case: tuple[int, int, float]) -> None:
    """(P + min(3 P, K)) / (P + min(3 P, K - P)) boxes of ln 2 each. (2, 2): 2 + 4 instead of 2 + 2. (4, 0): all four twice."""
    positives, background, factor = case
    problem = equal_logits(positives, background)
    ours = (positives + min(3 * positives, background)) * np.log(2) / positives
    assert side.call(LOSS, *problem)[2] == pytest.approx(ours)
    assert TORCHVISION.call(LOSS, *problem)[2] == pytest.approx(factor * ours)


@SIDES
def test_the_gradient_of_positives_is_doubled_without_background(side: Implementation) -> None:
    """Without background every logit's gradient is doubled, and the box loss is as it was."""
    problem = small_problem([[1, 2, 1, 1]], dtype=np.float64)
    ours, theirs = (witness.gradients(LOSS, *problem, wrt=(0, 1)) for witness in (side, TORCHVISION))
    np.testing.assert_allclose(theirs[0], ours[0], rtol=1e-14)
    np.testing.assert_allclose(theirs[1], 2 * ours[1], rtol=1e-12)


@SIDES
def test_no_negatives_without_positives(side: Implementation) -> None:
    """`min_negatives` has no counterpart: the two hardest negatives of an unlabelled image cost 5 and 4 here, nothing there."""
    problem = equal_logits(0, 6)
    problem.logits[0, [1, 4], 0] = (-5, -4)
    by_hand = np.log1p(np.exp(5)) + np.log1p(np.exp(4))
    assert side.call(LOSS, *problem, min_negatives=2)[0] == pytest.approx(by_hand)
    assert side.call(LOSS, *problem)[0] == TORCHVISION.call(LOSS, *problem)[0] == 0


@SIDES
@pytest.mark.parametrize("width", [16, 200])
def test_ties_at_the_cut_go_anywhere(side: Implementation, width: int) -> None:
    """One positive, box 0, asks for three of `width` - 1 equal negatives: the lowest here, any three there, for the same loss.

    `Tensor.sort` is not asked to be stable. With AVX-512 it keeps the order up to 16 elements, and no longer from 17 on.
    """
    problem = equal_logits(1, width - 1)
    ours, theirs = (witness.gradients(LOSS, *problem, wrt=(1,))[0] for witness in (side, TORCHVISION))
    assert np.flatnonzero(ours[0].any(axis=1)).tolist() == [0, 1, 2, 3]
    mined = np.flatnonzero(theirs[0].any(axis=1))
    assert len(mined) == 4
    assert mined[0] == 0
    assert TORCHVISION.call(LOSS, *problem)[2] == pytest.approx(4 * np.log(2))


@SIDES
def test_nan_in_a_negative_of_a_labelled_image_is_loud_in_both(side: Implementation) -> None:
    """Torchvision's sort puts NaN first, so that it is mined however easy the box was."""
    problem = small_problem([[1, 0, 0, 0, 0, 0, 0, 0]])
    problem.logits[0, 5] = (50, np.nan, 0)
    for implementation in (side, TORCHVISION):
        assert np.isnan(implementation.call(LOSS, *problem)[0])
        assert np.isnan(implementation.gradients(LOSS, *problem, wrt=(1,))[0][0, 5]).all()


@SIDES
def test_nan_in_an_unlabelled_image_is_silent_in_torchvision(side: Implementation) -> None:
    """Nothing is mined there: the loss is that of the labelled image alone, while its gradient is NaN (0 x NaN). Here both are."""
    problem = small_problem([[1, 0, 0, 0, 0, 0, 0, 0], [0] * 8])
    labelled_alone = TORCHVISION.call(LOSS, *problem.images([0]))[0]
    problem.logits[1, 5, 1] = np.nan
    assert TORCHVISION.call(LOSS, *problem)[0] == pytest.approx(labelled_alone, rel=1e-6)
    assert np.isnan(side.call(LOSS, *problem)[0])
    for implementation in (side, TORCHVISION):
        assert np.isnan(implementation.gradients(LOSS, *problem, wrt=(1,))[0][1, 5]).all()


@SIDES
@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range_stop_torchvision(side: Implementation, label: int) -> None:
    """By an exception of the cross entropy; here by a NaN, as a graph cannot raise."""
    problem = small_problem([[1, 0, label, 0, 0, 0, 0, 0]])
    with pytest.raises(IndexError, match="out of bounds"):
        TORCHVISION.call(LOSS, *problem)
    assert np.isnan(side.call(LOSS, *problem)[0])


@SIDES
def test_label_minus_100_is_ignored_by_torchvision(side: Implementation) -> None:
    """The `ignore_index` of `cross_entropy`: no class loss, and yet a box loss and a place in N = 2. Here: nothing at all."""
    problem = equal_logits(2, 6)
    problem.target_labels[0, 1] = -100
    problem.offsets[0, :2, 0] = 1.5  # each costs 1
    _, localization, confidence = TORCHVISION.call(LOSS, *problem)
    assert localization == pytest.approx((1 + 1) / 2)
    assert confidence == pytest.approx((1 + 3) * np.log(2) / 2)  # one positive, and three negatives for it alone
    _, localization, confidence = side.call(LOSS, *problem)[:3]
    assert localization == pytest.approx(1)
    assert confidence == pytest.approx((1 + 3) * np.log(2))


@SIDES
def test_half_precision_overflows_in_torchvision(side: Implementation) -> None:
    """1000 positives and 3000 negatives of 20 each: 80 000 exceeds float16's 65 504 before it is divided by 1000. Here it is 80."""
    problem = equal_logits(1000, 3000).astype(np.float16)
    problem.logits[0, :1000, 0] = problem.logits[0, 1000:, 1] = 20
    assert TORCHVISION.call(LOSS, *problem)[2] == np.inf
    assert side.call(LOSS, *problem)[2] == pytest.approx(80)


@SIDES
def test_a_ratio_that_is_no_integer_is_rounded_up_by_torchvision(side: Implementation) -> None:
    """It is set as `positive_fraction`: 0.3 stands for 7/3 negatives per positive, and the ranks 0, 1 and 2 are below 7/3.

    tf_ssd takes integers; reference_torch rounds down.
    """
    problem = equal_logits(1, 7)
    assert TORCHVISION.call(LOSS, *problem, positive_fraction=0.3)[2] == pytest.approx((1 + 3) * np.log(2))
    assert side.call(LOSS, *problem, negative_ratio=3)[2] == pytest.approx((1 + 3) * np.log(2))
    assert REFERENCE.call(LOSS, *problem, negative_ratio=7 / 3)[2] == pytest.approx((1 + 2) * np.log(2))
