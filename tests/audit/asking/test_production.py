import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.audit.asking import production

DEFAULTS = tf.constant([[x, y, 0.25, 0.25] for x in (0.125, 0.375, 0.625, 0.875) for y in (0.125, 0.375, 0.625, 0.875)])


@pytest.mark.parametrize(
    "settings", [{}, {"negative_ratio": 1}, {"min_negatives": 5}, {"alpha": 2.5}, {"normalizer": "image"}, {"scores": "sigmoid"}]
)
def test_replicas_together_compute_what_one_does_with_any_setting(settings):
    random = np.random.default_rng(0)
    offsets, logits = (tf.constant(random.normal(size=(4, 16, size)), tf.float32) for size in (4, 3))
    boxes = [
        tf.constant([[0.0, 0, 0.3, 0.3], [0.5, 0.5, 1, 1]]),
        tf.zeros([0, 4]),
        tf.constant([[0.2, 0.2, 0.6, 0.5]]),
        tf.zeros([0, 4]),
    ]
    labels = [tf.constant([1, 2]), tf.zeros([0], tf.int32), tf.constant([2]), tf.zeros([0], tf.int32)]
    one, two = (production.loss(offsets, logits, boxes, labels, DEFAULTS, replicas=number, **settings) for number in (1, 2))
    np.testing.assert_allclose(two, one, rtol=1e-6)
    if settings:
        assert not np.allclose(one[0], production.loss(offsets, logits, boxes, labels, DEFAULTS)[0], rtol=1e-3)
