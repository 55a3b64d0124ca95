import numpy as np

from tf_ssd.metrics.errors.classes import average_precisions, by_class, mean_of_defined
from tf_ssd.metrics.points import all_points


def test_rows_of_each_class_by_score():
    labels, scores = np.array([3, 1, 3, 3, 1]), np.array([0.1, 0.2, 0.5, 0.5, 0.9])
    order = np.argsort(-scores, kind="stable")
    assert [rows.tolist() for rows in by_class(labels, order, 5)] == [[4, 1], [], [2, 3, 0], []]
    assert [rows.tolist() for rows in by_class(labels, order[1:3], 4)] == [[], [], [2, 3]]
    assert len(by_class(labels, order, 40000)) == 39999


def test_average_precision_of_each_class():
    # class 1: TP FP TP of 2; class 2: nothing detected; class 3: nothing to be found
    labels, hits, order = np.array([1, 1, 1, 3, 1]), np.array([True, True, False, False, True]), np.array([0, 2, 1, 3])
    values = average_precisions(labels, order, hits, np.array([2, 1, 0]), all_points)
    np.testing.assert_allclose(values, [(1 + 2 / 3) / 2, 0, np.nan])


def test_the_mean_of_what_is_defined():
    assert mean_of_defined(np.array([1, np.nan, 0])) == 0.5
    assert np.isnan(mean_of_defined(np.array([np.nan])))
    assert np.isnan(mean_of_defined(np.zeros(0)))
