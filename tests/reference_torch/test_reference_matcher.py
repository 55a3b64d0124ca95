from math import log

import pytest
import torch

from reference_torch.boxes import iou, to_cxcywh, to_xyxy
from reference_torch.default_boxes import VOC300, default_boxes
from reference_torch.matcher import match, targets

STRATEGIES = ["bipartite", "argmax"]
NAN = float("nan")

# The four quarters of the image; xyxy, and as default boxes.
A, B, C, D = [0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]
OUTSIDE = [2.0, 2.0, 3.0, 3.0]
THREE_QUARTERS = [0, 0, 0.75, 0.5]  # IoU with A (1/4) / (3/8) = 2/3, with B (1/8) / (1/4 + 3/8 - 1/8) = 1/4
MIDDLE = [0.25, 0, 0.75, 0.5]  # IoU with A and with B (1/8) / (3/8) = 1/3
TOP_HALF = [0, 0, 1, 0.5]  # IoU with A and with B (1/4) / (1/2) = 1/2


def run(gt_boxes, labels=None, boxes=(A, B, C, D), dtype=torch.float32, **options):
    gt_boxes = torch.tensor(gt_boxes, dtype=dtype).reshape(-1, 4)
    labels = torch.ones(len(gt_boxes), dtype=torch.int64) if labels is None else torch.tensor(labels)
    gt_index = match(gt_boxes, labels, to_cxcywh(torch.tensor(boxes, dtype=dtype)), **options)
    assert gt_index.dtype == torch.int64
    assert gt_index.shape == (len(boxes),)
    return gt_index.tolist()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_its_own(strategy):
    assert run([C, A], strategy=strategy) == [1, -1, 0, -1]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_ground_truth(strategy):
    assert run([], labels=[], strategy=strategy) == [-1] * 4


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("label", [0, -1])
@pytest.mark.parametrize("box", [A, OUTSIDE, [0, 0, 0, 0], [NAN] * 4])
def test_padding_never_matches(strategy, label, box):
    assert run([box], labels=[label], strategy=strategy, threshold=0.0) == [-1] * 4
    # rows keep their numbers when padding stands between them
    assert run([box, B, box, C, box], labels=[label, 1, label, 2, label], strategy=strategy) == [-1, 1, 3, -1]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("box", [[0.25, 0, 0.25, 0.5], [0, 0, 0.5, 0], [0.5, 0.5, 0, 0], [0, 0, NAN, 0.5], [NAN] * 4])
def test_without_area_never_matches(strategy, box):
    assert run([box], strategy=strategy) == [-1] * 4
    assert run([box], strategy=strategy, threshold=0.0) == [-1] * 4
    assert run([A, box], strategy=strategy) == [0, -1, -1, -1]
    assert run([box, A], strategy=strategy) == [1, -1, -1, -1]


def test_overlapping_nothing():
    assert run([OUTSIDE]) == [-1] * 4
    assert run([A, OUTSIDE]) == [0, -1, -1, -1]
    # "argmax" lets it take default box 0, and evict whoever had it
    assert run([OUTSIDE], strategy="argmax") == [0, -1, -1, -1]
    assert run([A, OUTSIDE], strategy="argmax") == [1, -1, -1, -1]
    assert run([OUTSIDE, A], strategy="argmax") == [1, -1, -1, -1]


def test_smallest_overlap_that_counts():
    # a corner of side 2^-n in A: IoU 2^-2n / 2^-2 = 9.5e-7 for n = 11, 3.8e-6 for n = 10
    below, above = [0, 0, 2**-11, 2**-11], [0, 0, 2**-10, 2**-10]
    assert run([below]) == [-1] * 4
    assert run([above]) == [0, -1, -1, -1]
    assert run([below], strategy="argmax") == [0, -1, -1, -1]


def test_two_with_one_best_default_box():
    # both prefer A: the closer one gets it, the other its own second best (1/4, below the threshold)
    assert run([A, THREE_QUARTERS]) == [0, 1, -1, -1]
    assert run([THREE_QUARTERS, A]) == [1, 0, -1, -1]
    # "argmax": the last row wins, the other is lost
    assert run([A, THREE_QUARTERS], strategy="argmax") == [1, -1, -1, -1]
    assert run([THREE_QUARTERS, A], strategy="argmax") == [1, -1, -1, -1]


def test_ties_go_to_the_lowest_row_then_the_lowest_default_box():
    assert run([MIDDLE]) == [0, -1, -1, -1]
    assert run([MIDDLE, MIDDLE]) == [0, 1, -1, -1]
    assert run([MIDDLE, MIDDLE], strategy="argmax") == [1, -1, -1, -1]
    # three equal default boxes, two equal ground truths: the threshold step gives the rest to row 0
    assert run([A, A], boxes=[A, A, A]) == [0, 1, 0]
    assert run([A, A], boxes=[A, A, A], strategy="argmax") == [1, 0, 0]


def test_the_first_of_very_many_equals():
    # argmax of torch must give the first of equals, however many threads search
    assert run([OUTSIDE, A], boxes=[D] * 3 + [A] * 50000, threshold=2.0) == [-1] * 3 + [1] + [-1] * 49999


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_iou_exactly_at_the_threshold_is_positive(strategy, dtype):
    assert run([TOP_HALF], strategy=strategy, dtype=dtype) == [0, 0, -1, -1]
    assert run([TOP_HALF], strategy=strategy, dtype=dtype, threshold=0.5001) == [0, -1, -1, -1]
    # 1/3 is rounded up in float32, 5/6 down: the threshold is compared in the dtype of the IoU
    assert run([MIDDLE], strategy=strategy, dtype=dtype, threshold=1 / 3) == [0, 0, -1, -1]
    five_sixths = [0, 0, 0.5, 0.3125]  # of A cut to 3/4 of its height
    boxes = [five_sixths, five_sixths]
    assert run([[0, 0, 0.5, 0.375]], boxes=boxes, strategy=strategy, dtype=dtype, threshold=5 / 6) == [0, 0]
    assert run([[0, 0, 0.5, 0.375]], boxes=boxes, strategy=strategy, dtype=dtype, threshold=0.8334) == [0, -1]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_threshold_step_takes_the_best_ground_truth(strategy):
    # the second and third default boxes are A cut to 7/8 and 3/4 of its height; the second ground truth is A cut to 3/4
    boxes = [A, [0, 0, 0.5, 0.4375], [0, 0, 0.5, 0.375]]
    # the second: 7/8 with the first ground truth, 6/7 with the second
    assert run([A, boxes[2]], boxes=boxes, strategy=strategy) == [0, 0, 1]
    assert run([boxes[2], A], boxes=boxes, strategy=strategy) == [1, 1, 0]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_claim_beats_a_better_overlap(strategy):
    # default boxes A and A cut to 7/8; the second ground truth, A cut to half, has IoU 1/2 and 4/7 with them. It gets
    # the second default box, though the first ground truth overlaps that one by 7/8.
    assert run([A, [0, 0, 0.5, 0.25]], boxes=[A, [0, 0, 0.5, 0.4375]], strategy=strategy) == [0, 1]


def test_more_ground_truth_than_default_boxes():
    assert run([MIDDLE, THREE_QUARTERS, A], boxes=[A]) == [2]
    assert run([MIDDLE, A, THREE_QUARTERS], boxes=[A], strategy="argmax") == [2]


def test_default_box_without_area_is_never_claimed_by_overlap():
    assert run([A], boxes=[[0.25, 0.25, 0.25, 0.25], A]) == [-1, 0]


def test_bipartite_loses_none_of_a_crowd_and_argmax_does():
    generator = torch.Generator().manual_seed(0)
    corner = 0.4 + 0.1 * torch.rand(40, 2, dtype=torch.float64, generator=generator)
    gt_boxes = torch.cat((corner, corner + 0.03), dim=1)
    labels, boxes = torch.ones(40, dtype=torch.int64), default_boxes(VOC300, dtype=torch.float64)
    overlaps = iou(gt_boxes, to_xyxy(boxes))
    gt_index = match(gt_boxes, labels, boxes)
    assert set(range(40)) <= set(gt_index.tolist())
    assert len(set(match(gt_boxes, labels, boxes, strategy="argmax").tolist())) - 1 < 40
    # no pair would both rather have each other than what they got
    owned = torch.tensor([overlaps[row][gt_index == row].max() for row in range(40)])
    taken = torch.where(gt_index >= 0, overlaps[gt_index, torch.arange(len(boxes))], 0)
    assert not ((overlaps > owned[:, None]) & (overlaps > taken[None])).any()


def test_match_has_no_gradient_and_no_third_strategy():
    gt_boxes = torch.tensor([A], requires_grad=True)
    assert not targets(gt_boxes, torch.tensor([1]), to_cxcywh(torch.tensor([A]))).offsets.requires_grad
    for function in (match, targets):
        with pytest.raises(ValueError, match="'hungarian'"):
            function(torch.zeros(0, 4), torch.zeros(0), torch.rand(3, 4), strategy="hungarian")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_targets_by_hand(dtype):
    gt_boxes = torch.tensor([[0, 0, 0, 0], MIDDLE], dtype=dtype)
    boxes = to_cxcywh(torch.tensor([A, B], dtype=dtype))
    offsets, labels = targets(gt_boxes, torch.tensor([0, 7], dtype=torch.int32), boxes)
    # MIDDLE is A moved right by half its width: (1/4) / (1/2) / .1 = 5
    torch.testing.assert_close(offsets, torch.tensor([[5, 0, 0, 0], [0, 0, 0, 0]], dtype=dtype), rtol=1e-6, atol=0)
    assert labels.tolist() == [7, 0]
    assert labels.dtype == torch.int64


def test_targets_pass_their_options_on():
    gt_boxes, labels, boxes = torch.tensor([TOP_HALF, A]), torch.tensor([1, 2]), to_cxcywh(torch.tensor([A, B]))
    offsets, got = targets(gt_boxes, labels, boxes, variances=(0.5, 0.25))
    # row 1 claims A; row 0 claims B, moved left by half of B and twice as wide: (-1/4) / (1/2) / .5, ln(2) / .25
    torch.testing.assert_close(offsets, torch.tensor([[0, 0, 0, 0], [-1, 0, log(2) / 0.25, 0]]))
    assert got.tolist() == [2, 1]
    assert targets(gt_boxes, labels, boxes, threshold=0.6, strategy="argmax").labels.tolist() == [2, 0]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("gt_boxes", [[], [[2.0] * 4], [[NAN] * 4]])
def test_targets_of_nothing_are_zero(strategy, gt_boxes):
    gt_boxes = torch.tensor(gt_boxes).reshape(-1, 4)
    offsets, labels = targets(gt_boxes, torch.ones(len(gt_boxes)), torch.rand(5, 4) + 0.1, strategy=strategy)
    assert torch.equal(offsets, torch.zeros(5, 4))
    assert torch.equal(labels, torch.zeros(5, dtype=torch.int64))
