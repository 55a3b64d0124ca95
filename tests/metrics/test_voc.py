from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.boxes_px import area
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth
from tf_ssd.metrics.voc import voc

# Ground truth stands on a row of squares with side 10; `at(0)` and `at(1)` do not touch.


def at(column: float, row: float = 0) -> tuple[float, float, float, float]:
    return (20 * column, 20 * row, 20 * column + 10, 20 * row + 10)


def detected(*rows) -> ImageDetections:
    """From (box, label, score)."""
    boxes, labels, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return ImageDetections(np.reshape(boxes, (-1, 4)), np.array(labels, int), np.array(scores, float))


def truth(*rows, left_out=()) -> ImageGroundTruth:
    """From (box, label); `left_out` lists row numbers."""
    boxes, labels = zip(*rows, strict=True) if rows else ((), ())
    boxes_px = np.reshape(boxes, (-1, 4)).astype(float)
    chosen = np.isin(np.arange(len(rows)), left_out)
    return ImageGroundTruth(boxes_px, np.array(labels, int), chosen, np.zeros(len(rows), bool), area(boxes_px))


def ap(detections, ground_truth, *, num_classes=2, **options) -> list[float]:
    return voc(detections, ground_truth, num_classes=num_classes, **options).per_class.tolist()


# Counted by hand: TP and FP in order of score, then the sum over hits of (best precision from there on) / ground truth.


def test_a_perfect_detector():
    assert ap([detected((at(0), 1, 0.9), (at(1), 1, 0.2))], [truth((at(0), 1), (at(1), 1))]) == [1]


def test_a_false_positive_between_two_hits():
    # TP FP TP of 2: precision 1, 1/2, 2/3
    detections = [detected((at(0), 1, 0.9), (at(5), 1, 0.8), (at(1), 1, 0.7))]
    assert ap(detections, [truth((at(0), 1), (at(1), 1))]) == pytest.approx([(1 + 2 / 3) / 2])


def test_the_envelope_lifts_what_lies_before_a_better_precision():
    # FP TP TP TP of 4: precision 0, 1/2, 2/3, 3/4, so 3/4 at all three, and the fourth is missed
    detections = [detected((at(5), 1, 0.9), (at(0), 1, 0.8), (at(1), 1, 0.7), (at(2), 1, 0.6))]
    assert ap(detections, [truth(*((at(column), 1) for column in range(4)))]) == pytest.approx([3 * 0.75 / 4])


def test_misses_cost_recall():
    assert ap([detected((at(0), 1, 0.9))], [truth((at(0), 1), (at(1), 1), (at(2), 1))]) == pytest.approx([1 / 3])


def test_a_duplicate_is_a_false_positive():
    # TP FP TP of 2
    detections = [detected((at(0), 1, 0.9), (at(0), 1, 0.8), (at(1), 1, 0.7))]
    assert ap(detections, [truth((at(0), 1), (at(1), 1))]) == pytest.approx([(1 + 2 / 3) / 2])


def test_the_better_score_has_the_ground_truth_not_the_better_overlap():
    left = (0, 0, 8, 10)  # IoU 0.8 with at(0)
    # TP FP of 1, in either order of rows
    assert ap([detected((at(0), 1, 0.8), (left, 1, 0.9))], [truth((at(0), 1))]) == [1]


def test_a_detection_is_compared_with_its_best_ground_truth_only():
    # Both overlap the first ground truth most; the second is left over though IoU 75 / 125 would do.
    first, second = (0, 0, 10, 10), (3, 0, 13, 10)
    detections = [detected((first, 1, 0.9), ((0.5, 0, 10.5, 10), 1, 0.8))]
    assert ap(detections, [truth((first, 1), (second, 1))]) == [0.5]


def test_two_ground_truths_with_equal_overlap_give_the_first_row():
    wide = (0, 0, 20, 10)  # IoU 1/2 with both halves
    left, right = (0, 0, 10, 10), (10, 0, 20, 10)
    detections = [detected((wide, 1, 0.9), (right, 1, 0.8))]
    assert ap(detections, [truth((left, 1), (right, 1))], iou_threshold=0.4) == [1]
    assert ap([detected((wide, 1, 0.9), (left, 1, 0.8))], [truth((left, 1), (right, 1))], iou_threshold=0.4) == [0.5]


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, 1), (0.500001, 0)])
def test_an_overlap_equal_to_the_threshold_is_enough(threshold, expected):
    half = (0, 0, 5, 10)
    assert ap([detected((half, 1, 0.9))], [truth(((0, 0, 10, 10), 1))], iou_threshold=threshold) == [expected]


# Left out: VOC's difficult, COCO's crowds


def test_left_out_ground_truth_is_not_missed():
    result = voc([detected((at(0), 1, 0.9))], [truth((at(0), 1), (at(1), 1), left_out=[1])], num_classes=2)
    assert result.per_class.tolist() == [1]
    assert result.ground_truth_counts.tolist() == [1]


def test_finding_left_out_ground_truth_once_or_twice_does_not_matter():
    detections = [detected((at(1), 1, 0.95), (at(1), 1, 0.94), (at(0), 1, 0.9))]
    assert ap(detections, [truth((at(0), 1), (at(1), 1), left_out=[1])]) == [1]


def test_left_out_ground_truth_below_the_threshold_does_not_excuse_a_false_positive():
    quarter = (20, 0, 25, 5)  # IoU 1/4 with at(1)
    # FP TP of 1
    detections = [detected((quarter, 1, 0.95), (at(0), 1, 0.9))]
    assert ap(detections, [truth((at(0), 1), (at(1), 1), left_out=[1])]) == [0.5]


def test_only_left_out_ground_truth_is_none():
    result = voc([detected((at(0), 1, 0.9))], [truth((at(0), 1), left_out=[0])], num_classes=2)
    assert np.isnan(result.per_class).all()
    assert np.isnan(result.mean)


# Ties


def test_equal_scores_are_ordered_by_image_then_row():
    # Image 0: FP TP, image 1: TP; all with one score. FP TP TP of 2: precision 0, 1/2, 2/3
    detections = [detected((at(5), 1, 0.5), (at(0), 1, 0.5)), detected((at(0), 1, 0.5))]
    ground_truth = [truth((at(0), 1)), truth((at(0), 1))]
    assert ap(detections, ground_truth) == pytest.approx([2 / 3])
    # The other order of rows: TP FP TP
    detections[0] = detected((at(0), 1, 0.5), (at(5), 1, 0.5))
    assert ap(detections, ground_truth) == pytest.approx([(1 + 2 / 3) / 2])


def test_ties_are_stable_in_long_lists():
    # 40 equal scores: twenty hits, then twenty false positives. An unstable sort mixes them.
    rows = [(at(column, row), 1, 0.5) for row in range(4) for column in range(5)]
    assert ap([detected(*rows, *rows)], [truth(*((box, label) for box, label, _ in rows))]) == [1]


# Classes and images


def test_classes_do_not_mix():
    # Class 2 has a box where class 1 has its ground truth, and the other way round.
    detections = [detected((at(0), 2, 0.9), (at(1), 1, 0.8), (at(0), 1, 0.7))]
    assert ap(detections, [truth((at(0), 1), (at(1), 2))], num_classes=3) == [0.5, 0]


def test_images_do_not_mix():
    detections = [detected((at(1), 1, 0.9)), detected((at(0), 1, 0.8))]
    assert ap(detections, [truth((at(0), 1)), truth((at(1), 1))]) == [0]


def test_matches_count_rows_over_all_images():
    # The second image's ground truth is row 0 of its own image and row 2 of all.
    detections = [detected((at(0), 1, 0.9)), detected((at(0), 1, 0.8))]
    assert ap(detections, [truth((at(0), 1), (at(1), 1)), truth((at(0), 1))]) == pytest.approx([2 / 3])


def test_a_class_without_ground_truth_is_nan_and_left_out_of_the_mean():
    detections = [detected((at(0), 1, 0.9), (at(0), 2, 0.9), (at(1), 3, 0.9))]
    result = voc(detections, [truth((at(0), 1), (at(1), 3), (at(2), 3))], num_classes=5)
    np.testing.assert_array_equal(result.per_class, [1, np.nan, 0.5, np.nan])
    assert result.ground_truth_counts.tolist() == [1, 0, 2, 0]
    assert result.mean == 0.75
    assert (result.details, result.summary) == ({}, {"mAP": 0.75})


def test_no_detections():
    result = voc([detected(), detected()], [truth((at(0), 1)), truth((at(0), 1))], num_classes=2)
    assert (result.per_class.tolist(), result.mean) == ([0], 0)


def test_no_ground_truth_at_all():
    result = voc([detected((at(0), 1, 0.9))], [truth()], num_classes=2)
    assert np.isnan(result.per_class).all()
    assert np.isnan(result.mean)


def test_no_images():
    assert np.isnan(voc([], [], num_classes=3).mean)


def test_a_detection_in_an_image_without_labels_is_a_false_positive():
    # FP TP of 1
    assert ap([detected((at(0), 1, 0.9)), detected((at(0), 1, 0.8))], [truth(), truth((at(0), 1))]) == [0.5]


# The development kits' own procedure, written as it is there: pixels 1-based and inclusive, one detection at a time


def kit_recall_precision(detections, ground_truth, label):
    """From lists of (image, score, (xmin, ymin, xmax, ymax), label) and (image, box, label, difficult)."""
    rows = [row for row in ground_truth if row[2] == label]
    ranked = sorted((row for row in detections if row[3] == label), key=lambda row: -row[1])
    taken, hits, misses = set(), [], []
    for image, _, box, _ in ranked:
        best, best_row = -np.inf, None
        for number, (gt_image, gt_box, _, _) in enumerate(rows):
            overlap = kit_overlap(box, gt_box) if gt_image == image else -np.inf
            if overlap > best:
                best, best_row = overlap, number
        hit = miss = 0
        if best >= 0.5:
            if not rows[best_row][3]:
                hit, miss = (0, 1) if best_row in taken else (1, 0)
                taken.add(best_row)
        else:
            miss = 1
        hits.append(hit)
        misses.append(miss)
    hits, misses = np.cumsum(hits), np.cumsum(misses)
    recall = [Fraction(int(hit), sum(not row[3] for row in rows)) for hit in hits]
    precision = [hit / (hit + miss) if hit + miss else -np.inf for hit, miss in zip(hits, misses, strict=True)]
    return recall, precision


def kit_overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return -np.inf
    area_a, area_b = ((box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b))
    return width * height / (area_a + area_b - width * height)


def kit_2007(recall, precision):
    total = 0
    for tenth in range(11):
        reached = [p for r, p in zip(recall, precision, strict=True) if r >= Fraction(tenth, 10)]
        total += max(reached, default=0) / 11
    return total


def kit_2012(recall, precision):
    recall, precision = np.array([0, *map(float, recall), 1]), [0, *precision, 0]
    for row in range(len(precision) - 2, -1, -1):
        precision[row] = max(precision[row], precision[row + 1])
    return float(np.sum((recall[1:] - recall[:-1]) * precision[1:]))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("points", "kit"), [("eleven", kit_2007), ("all", kit_2012)])
def test_agrees_with_the_development_kit(seed, points, kit):
    random = np.random.default_rng(seed)

    def boxes(count):
        corners = random.integers(1, 12, (count, 2))
        return np.hstack([corners, corners + random.integers(0, 5, (count, 2))])

    detected_rows, truth_rows, detections, ground_truth = [], [], [], []
    for image in range(12):
        rows, other = random.integers(0, 6), random.integers(0, 20)
        gt_boxes, gt_labels, difficult = boxes(rows), random.integers(1, 4, rows), random.random(rows) < 0.2
        near = np.repeat(gt_boxes, 3, axis=0) + random.integers(0, 2, (3 * rows, 4)) * [-1, -1, 1, 1]
        found = np.vstack([near, boxes(other)])
        labels, scores = (
            np.concatenate([np.repeat(gt_labels, 3), random.integers(1, 4, other)]),
            random.integers(1, 10, len(found)) / 10,
        )
        detected_rows += zip([image] * len(found), scores, found.tolist(), labels, strict=True)
        truth_rows += zip([image] * rows, gt_boxes.tolist(), gt_labels, difficult, strict=True)
        edges = found - [1, 1, 0, 0]  # 1-based and inclusive -> edges
        detections.append(ImageDetections(edges.astype(float), labels, scores))
        gt_edges = (gt_boxes - [1, 1, 0, 0]).astype(float)
        ground_truth.append(ImageGroundTruth(gt_edges, gt_labels, difficult, np.zeros_like(difficult), area(gt_edges)))
    expected = [kit(*kit_recall_precision(detected_rows, truth_rows, label)) for label in (1, 2, 3)]
    np.testing.assert_allclose(ap(detections, ground_truth, num_classes=4, points=points), expected, rtol=1e-12)
    assert 0 < sum(expected) < 3, "or nothing was compared"


# Published: rafaelpadilla/Object-Detection-Metrics, the boxes of its samples/sample_2 and its results/results.txt, at IoU 0.3. It
# counts corners as pixels; a box is (x, y, width, height), and its far corner a pixel as well. A list for each image.

PUBLISHED_AP = "24.57"
PUBLISHED_PRECISION = """1.00 0.50 0.67 0.50 0.40 0.33 0.29 0.25 0.22 0.30 0.27 0.33
                         0.38 0.43 0.40 0.38 0.35 0.33 0.32 0.30 0.29 0.27 0.30 0.29"""
PUBLISHED_RECALL = """0.07 0.07 0.13 0.13 0.13 0.13 0.13 0.13 0.13 0.20 0.20 0.27
                      0.33 0.40 0.40 0.40 0.40 0.40 0.40 0.40 0.40 0.40 0.47 0.47"""
PUBLISHED_AP_AT_ELEVEN_POINTS = "26.84"  # its README
PUBLISHED_TRUTH = [
    [(25, 16, 38, 56), (129, 123, 41, 62)],
    [(123, 11, 43, 55), (38, 132, 59, 45)],
    [(16, 14, 35, 48), (123, 30, 49, 44), (99, 139, 47, 47)],
    [(53, 42, 40, 52), (154, 43, 31, 34)],
    [(59, 31, 44, 51), (48, 128, 34, 52)],
    [(36, 89, 52, 76), (62, 58, 44, 67)],
    [(28, 31, 55, 63), (58, 67, 50, 58)],
]
PUBLISHED_DETECTIONS = [
    {(5, 67, 31, 48): 0.88, (119, 111, 40, 67): 0.70, (124, 9, 49, 67): 0.80},
    {(64, 111, 64, 58): 0.71, (26, 140, 60, 47): 0.54, (19, 18, 43, 35): 0.74},
    {(109, 15, 77, 39): 0.18, (86, 63, 46, 45): 0.67, (160, 62, 36, 53): 0.38, (105, 131, 47, 47): 0.91, (18, 148, 40, 44): 0.44},
    {(83, 28, 28, 26): 0.35, (28, 68, 42, 67): 0.78, (87, 89, 25, 39): 0.45, (10, 155, 60, 26): 0.14},
    {(50, 38, 28, 46): 0.62, (95, 11, 53, 28): 0.44, (29, 131, 72, 29): 0.95, (29, 163, 72, 29): 0.23},
    {(43, 48, 74, 38): 0.45, (17, 155, 29, 35): 0.84, (95, 110, 25, 42): 0.43},
    {(16, 20, 101, 88): 0.48, (33, 116, 37, 49): 0.95},
]


def test_a_published_example_to_the_printed_digits():
    def edges(x, y, width, height):
        return (x, y, x + width + 1, y + height + 1)

    ground_truth = [truth(*((edges(*box), 1) for box in image)) for image in PUBLISHED_TRUTH]
    detections = [detected(*((edges(*box), 1, score) for box, score in image.items())) for image in PUBLISHED_DETECTIONS]
    scores = voc(detections, ground_truth, num_classes=2, iou_threshold=0.3)
    assert f"{100 * scores.mean:.2f}" == PUBLISHED_AP
    assert [f"{value:.2f}" for value in scores.curves[0].precision] == PUBLISHED_PRECISION.split()
    assert [f"{value:.2f}" for value in scores.curves[0].recall] == PUBLISHED_RECALL.split()
    eleven = voc(detections, ground_truth, num_classes=2, iou_threshold=0.3, points="eleven")
    assert f"{100 * eleven.mean:.2f}" == PUBLISHED_AP_AT_ELEVEN_POINTS


# Eleven points


def test_eleven_points_counted_by_hand():
    # TP FP TP of 4: precision 1 up to recall 1/4, 2/3 up to 1/2: at 0, .1, .2 it is 1, at .3, .4, .5 it is 2/3
    detections = [detected((at(0), 1, 0.9), (at(5), 1, 0.8), (at(1), 1, 0.7))]
    assert ap(detections, [truth(*((at(column), 1) for column in range(4)))], points="eleven") == pytest.approx(
        [(3 + 3 * 2 / 3) / 11]
    )


@pytest.mark.parametrize("found", range(11))
def test_a_recall_of_exactly_n_tenths_reaches_that_point(found):
    """`np.arange(0, 1.1, 0.1)` and MATLAB's 0:0.1:1 hold 0.30000000000000004, which 3 of 10 would miss."""
    detections = [detected(*((at(column), 1, 0.9) for column in range(found)))]
    expected = (found + 1) / 11 if found else 0
    assert ap(detections, [truth(*((at(column), 1) for column in range(10)))], points="eleven") == pytest.approx([expected])


# Curves


def test_the_curve_of_a_class():
    detections = [detected((at(0), 1, 0.9), (at(5), 1, 0.8), (at(1), 1, 0.7))]
    curve, other = voc(detections, [truth((at(0), 1), (at(1), 1))], num_classes=3).curves
    np.testing.assert_allclose(curve.recall, [0.5, 0.5, 1])
    np.testing.assert_allclose(curve.precision, [1, 0.5, 2 / 3])
    assert len(other.recall) == len(other.precision) == 0


# Properties

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(1, 2), st.integers(0, 5)), max_size=20)


@given(rows=ROWS, points=st.sampled_from(["eleven", "all"]))
def test_only_the_order_of_scores_matters(rows, points):
    ground_truth = [truth((at(0), 1), (at(1, 1), 1), (at(2), 2), left_out=[1])]
    detections = [detected(*((at(column, row), label, score) for column, row, label, score in rows))]
    changed = [detected(*((at(column, row), label, score**3 / 7 - 2) for column, row, label, score in rows))]
    values = ap(detections, ground_truth, num_classes=3, points=points)
    assert ap(changed, ground_truth, num_classes=3, points=points) == values
    assert all(0 <= value <= 1 for value in values)


@given(rows=ROWS)
def test_a_false_positive_below_all_others_costs_nothing_at_all_points_and_one_above_costs_something(rows):
    ground_truth = [truth((at(0), 1), (at(1, 1), 1))]
    found = [(at(column, row), 1, score) for column, row, _, score in rows]
    (value,) = ap([detected(*found)], ground_truth)
    assert ap([detected(*found, (at(9), 1, -1))], ground_truth) == [value]
    (lower,) = ap([detected(*found, (at(9), 1, 99))], ground_truth)
    assert lower < value or value == 0
