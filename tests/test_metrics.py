import numpy as np
import pytest

from tf_ssd.metrics import ImageDetections, ImageGroundTruth, average_precision, iou

# Ground truth stands on a row of squares with side 0.1; `at(0)` and `at(1)` do not touch.


def at(column: float, row: float = 0) -> tuple[float, float, float, float]:
    return (0.2 * column, 0.2 * row, 0.2 * column + 0.1, 0.2 * row + 0.1)


def detected(*rows) -> ImageDetections:
    """From (box, label, score)."""
    boxes, labels, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return ImageDetections(np.reshape(boxes, (-1, 4)), np.array(labels, int), np.array(scores, float))


def truth(*rows, difficult=()) -> ImageGroundTruth:
    """From (box, label); `difficult` lists row numbers."""
    boxes, labels = zip(*rows, strict=True) if rows else ((), ())
    flags = np.isin(np.arange(len(rows)), difficult)
    return ImageGroundTruth(np.reshape(boxes, (-1, 4)), np.array(labels, int), flags)


def ap(detections, ground_truth, *, num_classes=2, **options) -> list[float]:
    return average_precision(detections, ground_truth, num_classes=num_classes, **options).per_class.tolist()


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
    left = (0.0, 0.0, 0.08, 0.1)  # IoU 0.8 with at(0)
    # TP FP of 1, in either order of rows
    assert ap([detected((at(0), 1, 0.8), (left, 1, 0.9))], [truth((at(0), 1))]) == [1]


def test_a_detection_is_compared_with_its_best_ground_truth_only():
    # Both overlap the first ground truth most; the second is left over though IoU 0.1 / 0.14 would do.
    first, second = (0.0, 0.0, 0.1, 0.1), (0.02, 0.0, 0.12, 0.1)
    detections = [detected((first, 1, 0.9), ((0.005, 0.0, 0.105, 0.1), 1, 0.8))]
    assert ap(detections, [truth((first, 1), (second, 1))]) == [0.5]


def test_two_ground_truths_with_equal_overlap_give_the_first_row():
    wide = (0.0, 0.0, 0.2, 0.1)  # IoU 1/2 with both halves
    left, right = (0.0, 0.0, 0.1, 0.1), (0.1, 0.0, 0.2, 0.1)
    detections = [detected((wide, 1, 0.9), (right, 1, 0.8))]
    assert ap(detections, [truth((left, 1), (right, 1))], iou_threshold=0.4) == [1]
    assert ap([detected((wide, 1, 0.9), (left, 1, 0.8))], [truth((left, 1), (right, 1))], iou_threshold=0.4) == [0.5]


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, 1), (0.500001, 0)])
def test_an_overlap_equal_to_the_threshold_is_enough(threshold, expected):
    half = (0.0, 0.0, 0.25, 0.5)
    assert ap([detected((half, 1, 0.9))], [truth(((0.0, 0.0, 0.5, 0.5), 1))], iou_threshold=threshold) == [expected]


# Difficult


def test_difficult_ground_truth_is_not_missed():
    result = average_precision([detected((at(0), 1, 0.9))], [truth((at(0), 1), (at(1), 1), difficult=[1])], num_classes=2)
    assert result.per_class.tolist() == [1]
    assert result.ground_truth_counts.tolist() == [1]


def test_finding_difficult_ground_truth_once_or_twice_does_not_matter():
    detections = [detected((at(1), 1, 0.95), (at(1), 1, 0.94), (at(0), 1, 0.9))]
    assert ap(detections, [truth((at(0), 1), (at(1), 1), difficult=[1])]) == [1]


def test_difficult_ground_truth_below_the_threshold_does_not_excuse_a_false_positive():
    quarter = (0.2, 0.0, 0.25, 0.05)  # IoU 1/4 with at(1)
    # FP TP of 1
    detections = [detected((quarter, 1, 0.95), (at(0), 1, 0.9))]
    assert ap(detections, [truth((at(0), 1), (at(1), 1), difficult=[1])]) == [0.5]


def test_only_difficult_ground_truth_is_none():
    result = average_precision([detected((at(0), 1, 0.9))], [truth((at(0), 1), difficult=[0])], num_classes=2)
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
    result = average_precision(detections, [truth((at(0), 1), (at(1), 3), (at(2), 3))], num_classes=5)
    np.testing.assert_array_equal(result.per_class, [1, np.nan, 0.5, np.nan])
    assert result.ground_truth_counts.tolist() == [1, 0, 2, 0]
    assert result.mean == 0.75


def test_no_detections():
    result = average_precision([detected(), detected()], [truth((at(0), 1)), truth((at(0), 1))], num_classes=2)
    assert (result.per_class.tolist(), result.mean) == ([0], 0)


def test_no_ground_truth_at_all():
    result = average_precision([detected((at(0), 1, 0.9))], [truth()], num_classes=2)
    assert np.isnan(result.per_class).all()
    assert np.isnan(result.mean)


def test_no_images():
    assert np.isnan(average_precision([], [], num_classes=3).mean)


def test_a_detection_in_an_image_without_labels_is_a_false_positive():
    # FP TP of 1
    assert ap([detected((at(0), 1, 0.9)), detected((at(0), 1, 0.8))], [truth(), truth((at(0), 1))]) == [0.5]


def test_padding_rows_do_not_count():
    zeros = (0.0, 0.0, 0.0, 0.0)
    detections = [detected((at(0), 1, 0.9), (zeros, 0, 0.0), (at(1), 0, 0.99))]
    result = average_precision(detections, [truth((at(0), 1), (zeros, 0), (at(1), 0))], num_classes=2)
    assert (result.per_class.tolist(), result.ground_truth_counts.tolist()) == ([1], [1])


# Against the development kit's own procedure, written as it is there


def kit_average_precision(detections, ground_truth, label, threshold=0.5):
    ranked = [
        (score, image, box)
        for image, found in enumerate(detections)
        for box, own, score in zip(found.boxes, found.labels, found.scores, strict=True)
        if own == label
    ]
    ranked.sort(key=lambda row: -row[0])
    taken, hits, misses = set(), [], []
    for _, image, box in ranked:
        best, best_row = -np.inf, None
        for row, (gt_box, gt_label) in enumerate(zip(ground_truth[image].boxes, ground_truth[image].labels, strict=True)):
            overlap = one_iou(box, gt_box) if gt_label == label else -np.inf
            if overlap > best:
                best, best_row = overlap, row
        hit = miss = 0
        if best >= threshold:
            if not ground_truth[image].difficult[best_row]:
                hit, miss = (0, 1) if (image, best_row) in taken else (1, 0)
                taken.add((image, best_row))
        else:
            miss = 1
        hits.append(hit)
        misses.append(miss)
    count = sum(np.sum((image.labels == label) & ~image.difficult) for image in ground_truth)
    recall = np.cumsum(hits) / count
    precision = np.cumsum(hits) / np.maximum(np.cumsum(hits) + np.cumsum(misses), 1e-300)
    recall, precision = np.concatenate([[0], recall, [1]]), np.concatenate([[0], precision, [0]])
    for row in range(len(precision) - 2, -1, -1):
        precision[row] = max(precision[row], precision[row + 1])
    return float(np.sum((recall[1:] - recall[:-1]) * precision[1:]))


def one_iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_the_development_kit(seed):
    random = np.random.default_rng(seed)

    def boxes(count):
        corners = random.integers(0, 12, (count, 2))
        return np.hstack([corners, corners + random.integers(1, 5, (count, 2))]) / 16  # exact, so IoU may be just 0.5

    def image():
        rows, found = random.integers(0, 6), random.integers(0, 20)
        gt_boxes, gt_labels = boxes(rows), random.integers(1, 4, rows)
        near = np.repeat(gt_boxes, 3, axis=0) + random.integers(-1, 2, (3 * rows, 4)) / 32
        scores = random.integers(1, 10, 3 * rows + found) / 10
        labels = np.concatenate([np.repeat(gt_labels, 3), random.integers(1, 4, found)])
        found_boxes = np.vstack([near, boxes(found)])
        return (
            ImageDetections(found_boxes, labels, scores),
            ImageGroundTruth(gt_boxes, gt_labels, random.random(rows) < 0.2),
        )

    detections, ground_truth = zip(*(image() for _ in range(12)), strict=True)
    expected = [kit_average_precision(detections, ground_truth, label) for label in (1, 2, 3)]
    np.testing.assert_allclose(ap(detections, ground_truth, num_classes=4), expected, rtol=1e-12)
    assert 0 < sum(expected) < 3, "or nothing was compared"


# Overlap


def test_iou_counted_by_hand():
    a = np.array([(0, 0, 2, 2), (0, 0, 0, 2), (2, 2, 0, 0)], float)
    b = np.array([(1, 1, 3, 3), (0, 0, 2, 2), (2, 0, 4, 2), (0, 0, 0, 2)], float)
    np.testing.assert_allclose(iou(a, b), [[1 / 7, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_iou_of_no_boxes():
    assert iou(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)


# Bad input


def test_numbers_of_images_must_agree():
    with pytest.raises(ValueError, match="detections of 1 images, ground truth of 2"):
        ap([detected()], [truth(), truth()])


@pytest.mark.parametrize("label", [-1, 2])
def test_labels_out_of_range(label):
    with pytest.raises(ValueError, match=r"image 0: labels .* are not all in 0\.\.1"):
        ap([detected((at(0), label, 0.5))], [truth()])
    with pytest.raises(ValueError, match=r"image 0: labels .* are not all in 0\.\.1"):
        ap([detected()], [truth((at(0), label))])


def test_scores_must_be_finite():
    with pytest.raises(ValueError, match="image 0: the scores are not all finite"):
        ap([detected((at(0), 1, np.nan))], [truth()])
