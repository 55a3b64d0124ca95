from math import log

import pytest
import torch

from reference_torch.boxes import to_cxcywh
from reference_torch.detect import detect, nms

DTYPES = [torch.float32, torch.float64]
NAN = float("nan")

A, B, C, D = [0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]  # the quarters of the image
MIDDLE = [0.25, 0, 0.75, 0.5]  # IoU with A and with B (1/8) / (1/4 + 1/4 - 1/8) = 1/3


def keep(boxes, scores, iou_threshold, dtype=torch.float32):
    boxes, scores = torch.tensor(boxes, dtype=dtype).reshape(-1, 4), torch.tensor(scores, dtype=dtype)
    kept = nms(boxes, scores, iou_threshold=iou_threshold)
    assert kept.dtype == torch.int64
    return kept.tolist()


def run(boxes, logits, dtype=torch.float32, **options):
    """Detections of default boxes at the given xyxy places, with offsets 0."""
    default_boxes = to_cxcywh(torch.tensor(boxes, dtype=dtype))
    return detect(torch.zeros(len(boxes), 4, dtype=dtype), torch.tensor(logits, dtype=dtype), default_boxes, **options)


def logits_of(*probabilities):
    return [[log(p) for p in row] for row in probabilities]


# --- non-maximum suppression ---


def test_nms_by_hand():
    # MIDDLE goes for A; B overlaps only MIDDLE, which is gone, and stays
    assert keep([A, MIDDLE, B], [0.9, 0.8, 0.7], 0.3) == [0, 2]
    assert keep([A, MIDDLE, B], [0.7, 0.9, 0.8], 0.3) == [1]
    assert keep([A, B, C], [0.1, 0.3, 0.2], 0.3) == [1, 2, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_nms_keeps_an_iou_exactly_at_the_threshold(dtype):
    assert keep([A, MIDDLE], [0.9, 0.8], 1 / 3, dtype) == [0, 1]
    assert keep([A, MIDDLE], [0.9, 0.8], 0.333, dtype) == [0]
    assert keep([A, A], [0.9, 0.8], 1.0, dtype) == [0, 1]


def test_nms_ties_go_to_the_lowest_index():
    assert keep([A, A, B, A], [0.5, 0.5, 0.5, 0.5], 0.5) == [0, 2]
    number = 600
    grid = [[i, 0, i + 1, 1] for i in range(number // 2)]
    assert keep(grid + grid, [0.5] * number, 0.5) == list(range(number // 2))


def test_nms_of_boxes_without_area_and_of_nothing():
    point, upside_down = [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]
    assert keep([point, point, A, upside_down], [0.9, 0.8, 0.7, 0.6], 0.0) == [0, 1, 2, 3]
    assert keep([], [], 0.5) == []


# --- detections ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_detect_by_hand(dtype):
    logits = logits_of([0.2, 0.7, 0.1], [0.5, 0.2, 0.3], [0.98, 0.005, 0.015])
    found = run([A, B, C], logits, dtype)
    assert found.labels.tolist() == [1, 2, 1, 2, 2]
    assert found.labels.dtype == torch.int64
    torch.testing.assert_close(found.scores, torch.tensor([0.7, 0.3, 0.2, 0.1, 0.015], dtype=dtype), rtol=1e-5, atol=0)
    torch.testing.assert_close(found.boxes, torch.tensor([A, B, B, A, C], dtype=dtype), rtol=0, atol=1e-7)


def test_offsets_are_decoded_with_the_given_variances_and_limit():
    offsets, logits = torch.tensor([[1.0, 0, 10, 0]]), torch.tensor([[0.0, 5]])
    default_boxes = torch.tensor([[0.25, 0.5, 0.125, 0.25]])
    options = {"variances": (1.0, 0.1), "max_log_scale": log(2)}
    # centre 1/4 + 1/8; width 1/8 * min(e^1, 2) = 1/4
    expected = torch.tensor([[0.25, 0.375, 0.5, 0.625]])
    torch.testing.assert_close(detect(offsets, logits, default_boxes, **options).boxes, expected)
    # by default: centre 1/4 + 1/80, width 1/8 * e^2
    width = 0.125 * 7.38905609893065
    boxes = detect(offsets, logits, default_boxes).boxes
    torch.testing.assert_close(boxes, torch.tensor([[0, 0.375, 0.2625 + width / 2, 0.625]]))
    wide = detect(torch.tensor([[0.0, 0, 50, 0]]), logits, torch.tensor([[0.5, 0.5, 2**-10, 1.0]])).boxes
    assert (wide[0, 2] - wide[0, 0]).item() == pytest.approx(62.5 / 1024, rel=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_score_exactly_at_the_threshold_is_dropped(dtype):
    logits = [[0, 0], [0, 0.5]]
    assert run([A, B], logits, dtype, score_threshold=0.5).boxes.tolist() == [B]
    assert len(run([A, B], logits, dtype, score_threshold=0.4999).scores) == 2


def test_nothing_found():
    for logits in ([[9, 0, 0]] * 2, [[NAN, 0, 0]] * 2):
        found = run([A, B], logits, torch.float64)
        assert found.boxes.shape == (0, 4)
        assert found.labels.shape == found.scores.shape == (0,)
        assert found.boxes.dtype == found.scores.dtype == torch.float64
        assert found.labels.dtype == torch.int64


def test_background_is_never_a_detection():
    assert run([A], [[5, 0, 0]], score_threshold=0.0).labels.tolist() == [1, 2]


def test_ties_go_to_the_lowest_class_then_the_lowest_default_box():
    found = run([B, A], [[0, 0, 0], [0, 0, 0]])
    assert found.labels.tolist() == [1, 1, 2, 2]
    assert found.boxes.tolist() == [B, A, B, A]
    found = run([B, A], [[0, 0, 0], [0, 0, 0]], max_detections=3)
    assert found.labels.tolist() == [1, 1, 2]


def test_suppression_is_per_class():
    found = run([A, A], logits_of([0.3, 0.5, 0.2], [0.4, 0.2, 0.4]))
    assert found.labels.tolist() == [1, 2]
    assert found.scores.tolist() == pytest.approx([0.5, 0.4], rel=1e-5)


def test_iou_threshold():
    logits = logits_of([0.1, 0.9], [0.2, 0.8])
    assert len(run([A, MIDDLE], logits).scores) == 2  # 1/3 <= 0.45
    assert run([A, MIDDLE], logits, iou_threshold=0.3).boxes.tolist() == [A]
    # IoU of A and A cut to 7/16 and 1/2 of its height: 7/16 < 0.45 < 1/2
    assert len(run([A, [0, 0, 0.5, 7 / 32]], logits).scores) == 2
    assert len(run([A, [0, 0, 0.5, 1 / 4]], logits).scores) == 1


def test_top_k_is_taken_per_class_and_before_suppression():
    logits = logits_of([0.1, 0.9], [0.2, 0.8], [0.3, 0.7])
    assert run([A, A, B], logits, top_k=2).boxes.tolist() == [A]
    assert run([A, A, B], logits, top_k=3).boxes.tolist() == [A, B]
    logits = logits_of([0.2, 0.6, 0.2], [0.3, 0.5, 0.2], [0.4, 0.3, 0.3])
    found = run([A, B, C], logits, top_k=1)
    assert (found.labels.tolist(), found.boxes.tolist()) == ([1, 2], [A, C])


def test_numbers_by_default():
    boxes = [[i / 450, 0, (i + 1) / 450, 1] for i in range(450)]
    assert len(run(boxes, [[0, 0]] * 450).scores) == 200
    assert len(run(boxes, [[0, 0]] * 450, max_detections=1000).scores) == 400
    assert len(run([A], logits_of([0.991, 0.009])).scores) == 0
    assert len(run([A], logits_of([0.989, 0.011])).scores) == 1


def test_ties_at_top_k_go_to_the_lowest_default_box():
    assert run([D, C, B, A], [[0, 0]] * 4, top_k=2).boxes.tolist() == [D, C]


def test_max_detections_keeps_the_best_of_all_classes():
    logits = logits_of([0.1, 0.2, 0.7], [0.1, 0.5, 0.4])
    found = run([A, B], logits, max_detections=2)
    assert found.labels.tolist() == [2, 1]
    assert found.boxes.tolist() == [A, B]
    assert len(run([A, B], logits).scores) == 4


def test_boxes_are_clipped_before_suppression():
    outside = [-0.5, 0, 0.5, 0.5]  # IoU with A 1/2, and 1 once clipped
    found = run([outside, A], logits_of([0.1, 0.9], [0.2, 0.8]), iou_threshold=0.6)
    assert found.boxes.tolist() == [A]


def test_boxes_without_area_are_never_found_and_take_no_place():
    boxes = [[2, 2, 3, 3], [0.5, 0, 0.5, 1], [NAN, 0, 1, 1], B, C]
    logits = [[0, 3], [0, 3], [0, 3], [0, 2], [0, 1]]
    assert run(boxes, logits).boxes.tolist() == [B, C]
    assert run(boxes, logits, top_k=1).boxes.tolist() == [B]
    assert run(boxes, logits, max_detections=1).boxes.tolist() == [B]


def test_class_agnostic_suppression():
    logits = logits_of([0.3, 0.5, 0.2], [0.2, 0.2, 0.6], [0.6, 0.2, 0.2])
    found = run([A, A, B], logits, class_agnostic=True)
    assert (found.labels.tolist(), found.boxes.tolist()) == ([2, 1], [A, B])
    found = run([A, A, B], logits, class_agnostic=True, iou_threshold=1.0)
    assert (found.labels.tolist(), found.boxes.tolist()) == ([2, 1, 1], [A, A, B])
    assert run([A, C, B], logits, class_agnostic=True, top_k=2).boxes.tolist() == [C, A]
    assert run([A, B], logits_of([0.9, 0.1], [0.95, 0.05]), class_agnostic=True, score_threshold=0.2).boxes.shape == (0, 4)


def test_saturated_logits():
    found = run([A, B], [[0, 1000, 0], [1000, 0, 0]])
    assert (found.labels.tolist(), found.scores.tolist(), found.boxes.tolist()) == ([1], [1], [A])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    default_boxes = to_cxcywh(torch.tensor([A, B]))
    logits = torch.tensor([[0, 1.0], [0, 2]])
    half = detect(torch.zeros(2, 4, dtype=dtype), logits.to(dtype), default_boxes)
    full = detect(torch.zeros(2, 4), logits, default_boxes)
    for a, b in zip(half, full, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)
