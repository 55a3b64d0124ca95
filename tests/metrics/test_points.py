from fractions import Fraction

import numpy as np
import pytest

from tf_ssd.metrics.points import all_points, eleven_points, hundred_points


@pytest.mark.parametrize(("average", "steps"), [(eleven_points, 10), (hundred_points, 100)])
@pytest.mark.parametrize("count", [1, 3, 7, 10, 30, 110])
def test_the_points_in_whole_numbers_are_those_of_exact_fractions(count, average, steps):
    precision = np.linspace(1, 0.1, count)  # falling, so that the best at a recall of at least r is the first
    recalls = [Fraction(hits, count) for hits in range(1, count + 1)]
    firsts = [next(place for place, recall in enumerate(recalls) if recall >= Fraction(step, steps)) for step in range(steps + 1)]
    assert average(np.arange(1, count + 1), precision, count) == pytest.approx(precision[firsts].mean(), rel=1e-12)


def test_a_recall_that_is_not_reached_counts_0():
    # 1 of 4: at 0, 0.1, 0.2 of eleven, at 0 to 0.25 of a hundred and one
    once = np.ones(1, int), np.ones(1), 4
    assert (eleven_points(*once), hundred_points(*once), all_points(*once)) == pytest.approx((3 / 11, 26 / 101, 1 / 4))


@pytest.mark.parametrize("average", [eleven_points, hundred_points, all_points])
@pytest.mark.parametrize("length", [0, 3])
def test_without_hits_all_averages_are_zero(average, length):
    assert average(np.zeros(length, int), np.zeros(length), 5) == 0
