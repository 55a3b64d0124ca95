import numpy as np

from tf_ssd.evaluate.report.thresholds import HUNDREDTHS, above, passed, stops


def test_the_best_threshold_is_one_of_them():
    scores = np.float32([0.1, 0.9])
    assert stops(0.4137, scores).tolist() == sorted([*HUNDREDTHS.tolist(), 0.4137])
    assert stops(0.37, scores).tolist() == HUNDREDTHS.tolist()
    assert stops(np.nan, scores[:0]).tolist() == HUNDREDTHS.tolist()


def test_scores_that_are_no_probabilities_have_thresholds_too():
    thresholds = stops(7.5, np.array([-3.0, 17]))
    assert (thresholds[0], thresholds[1], thresholds[-1]) == (-3, -2.8, 16.8)
    assert 7.5 in thresholds


def test_a_threshold_is_exceeded_and_not_reached():
    assert passed(np.array([-np.inf, 0, 0.005, 0.01, 0.995, 1]), HUNDREDTHS).tolist() == [0, 0, 1, 1, 100, 100]


def test_what_is_counted_above_each_threshold():
    random = np.random.default_rng(0)
    scores, group, thresholds = random.random(500), random.integers(0, 3, 500), stops(0.123, np.zeros(0))
    counts = above(passed(scores, thresholds), group, (4, len(thresholds)))
    expected = [[np.sum((group == number) & (scores > threshold)) for threshold in thresholds] for number in range(4)]
    np.testing.assert_array_equal(counts, expected)
