import numpy as np
import pytest

from tests.metrics.errors.scene import at, detected, judged, truth
from tf_ssd.metrics.errors.calibration import calibration


def test_counted_by_hand():
    rows = [(at(0), 1, 0.95), (at(8), 1, 0.92), (at(1), 2, 0.25), (at(9), 2, 0.2)]
    result = calibration(judged([detected(*rows)], [truth((at(0), 1), (at(1), 2))]))
    assert result.counts.tolist() == [0, 0, 2, 0, 0, 0, 0, 0, 0, 2]
    np.testing.assert_allclose(result.scores[[0, 2, 9]], [np.nan, 0.225, 0.935], rtol=1e-6)
    np.testing.assert_allclose(result.precision[[0, 2, 9]], [np.nan, 0.5, 0.5])
    assert result.error == pytest.approx((0.275 + 0.435) / 2)
    np.testing.assert_allclose(result.per_class, [0.435, 0.275], rtol=1e-6)


def test_what_is_right_as_often_as_it_says():
    rows = [(at(column), 1, 0.5) for column in range(10)]
    result = calibration(judged([detected(*rows)], [truth(*((at(column), 1) for column in range(5)))], num_classes=2))
    assert (result.error, result.per_class.tolist()) == (0, [0])


def test_the_ends():
    result = calibration(judged([detected((at(0), 1, 0), (at(1), 1, 1))], [truth()], num_classes=2))
    assert result.counts.tolist() == [1, *[0] * 8, 1]


@pytest.mark.parametrize("rows", [[], [(at(0), 1, 7), (at(1), 1, 0.5)], [(at(0), 1, -0.1)]])
def test_nothing_to_compare(rows):
    """No detections, and scores that are no probabilities."""
    result = calibration(judged([detected(*rows)], [truth((at(0), 1))]))
    assert not result.counts.any()
    assert np.isnan([result.error, *result.scores, *result.precision, *result.per_class]).all()


def test_what_is_left_out_does_not_count():
    assert calibration(judged([detected((at(0), 1, 0.5))], [truth((at(0), 1), left_out=[0])])).counts.sum() == 0
