import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.optimizer import clip_by_global_norm


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_gradients_are_scaled_together(dtype):
    gradients = [tf.constant([3, 0], dtype), tf.constant([[0, 4]], dtype)]  # joint length 5
    clipped, norm = tf.function(clip_by_global_norm, jit_compile=True)(gradients, tf.constant(2.5, dtype))
    assert [gradient.numpy().tolist() for gradient in clipped] == [[1.5, 0], [[0, 2]]]
    assert norm.numpy() == 5
    assert norm.dtype == clipped[0].dtype == dtype


@pytest.mark.parametrize("max_norm", [5, 5.1, 49.0, 1e30])
def test_short_gradients_stay_as_they_are(max_norm):
    gradients = [tf.constant([3.0, -0.0]), tf.constant([4.0])]
    clipped, _ = clip_by_global_norm(gradients, max_norm)
    assert [gradient.numpy().tobytes() for gradient in clipped] == [gradient.numpy().tobytes() for gradient in gradients]


def test_gradients_of_0_stay_0():
    [clipped], norm = clip_by_global_norm([tf.zeros(3)], 1.0)
    assert clipped.numpy().tolist() == [0, 0, 0]
    assert norm == 0


@pytest.mark.parametrize("spoiled", [np.inf, -np.inf, np.nan])
def test_a_length_that_is_not_finite_is_reported_and_nothing_scaled(spoiled):
    clipped, norm = clip_by_global_norm([tf.constant([1.0, spoiled]), tf.constant([2.0])], 1.0)
    assert not np.isfinite(norm)
    np.testing.assert_array_equal(clipped[0], [1, spoiled])
    np.testing.assert_array_equal(clipped[1], [2])
