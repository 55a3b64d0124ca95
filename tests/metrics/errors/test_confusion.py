import numpy as np
import pytest

from tests.metrics.errors.scene import at, detected, judged, part, random_scene, truth
from tf_ssd.metrics.errors.confusion import confusion


def confused(rows, truth_rows, threshold, **options):
    return confusion(judged([detected(*rows)], [truth(*truth_rows, **options)]), threshold)


def test_counted_by_hand():
    rows = [(at(0), 1, 0.9), (at(0), 1, 0.8), (at(1), 1, 0.7), (at(9), 2, 0.6), (part(0.3, 2), 2, 0.5), (at(3), 2, 0.3)]
    truth_rows = [(at(0), 1), (at(1), 2), (at(2), 2), (at(3), 2)]
    matrix = confused(rows, truth_rows, 0.4)
    assert matrix.counts.tolist() == [[0, 1, 2], [0, 1, 0], [2, 1, 0]]
    assert matrix.detections.tolist() == [1, 0, 2, 0, 0, -1]
    assert matrix.ground_truth.tolist() == [1, 1, 0, 0]
    assert confused(rows, truth_rows, 0.2).counts.tolist() == [[0, 1, 2], [0, 1, 0], [1, 1, 1]]


def test_a_wrong_class_beside_a_hit_is_a_false_alarm_unless_the_hit_scores_too_little():
    rows, truth_rows = [(at(0), 2, 0.9), (at(0), 1, 0.5)], [(at(0), 1)]
    assert confused(rows, truth_rows, 0.1).counts.tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert confused(rows, truth_rows, 0.5).counts.tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_of_two_wrong_classes_the_better_score():
    assert confused([(at(0), 2, 0.5), (at(0), 2, 0.6)], [(at(0), 1)], 0).detections.tolist() == [0, 1]


def test_what_is_left_out_stands_nowhere():
    matrix = confused([(at(0), 1, 0.9)], [(at(0), 1), (at(1), 2)], 0, left_out=[0])
    assert matrix.counts.tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert (matrix.detections.tolist(), matrix.ground_truth.tolist()) == ([-1], [-1, 0])


@pytest.mark.parametrize(("rows", "truth_rows"), [([], []), ([], [(at(0), 1)]), ([(at(0), 1, 0.5)], [])])
def test_nothing(rows, truth_rows):
    matrix = confused(rows, truth_rows, 0.1)
    assert matrix.counts.tolist() == [[0, len(rows), 0], [len(truth_rows), 0, 0], [0, 0, 0]]


def test_without_a_threshold_nothing_is_detected():
    assert confused([(at(0), 1, 0.5)], [(at(0), 1)], np.nan).counts.tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("metric", ["voc12", "coco"])
def test_rows_are_objects_and_columns_are_detections(metric):
    result = judged(*random_scene(1, crowds=True, difficult=True), num_classes=4, metric=metric)
    found, expected = result.detections, result.ground_truth
    matrix = confusion(result, 0.01)
    np.testing.assert_array_equal(matrix.counts[1:].sum(axis=1), expected.counts(4))
    np.testing.assert_array_equal(matrix.counts[:, 1:].sum(axis=0), np.bincount(found.labels[found.above(0.01)], minlength=4)[1:])
    hits = found.above(0.01) & found.hits
    np.testing.assert_array_equal(matrix.counts.diagonal(), np.bincount(found.labels[hits], minlength=4))
    assert matrix.counts[1:, 1:].sum() > hits.sum(), "some are confused"
