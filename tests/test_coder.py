import numpy as np
import tensorflow as tf

from tf_ssd import coder


def test_batches_of_boxes_share_the_default_boxes():
    defaults = tf.constant([[0.5, 0.5, 0.2, 0.4], [0.25, 0.25, 0.5, 0.5]])
    boxes = tf.constant([[[0.4, 0.3, 0.6, 0.7], [0.0, 0.0, 0.5, 0.5]], [[0.5, 0.3, 0.7, 0.7], [0.0, 0.0, 1.0, 0.5]]])
    offsets = coder.encode(boxes, defaults)
    expected = [[[0, 0, 0, 0], [0, 0, 0, 0]], [[5, 0, 0, 0], [5, 0, np.log(2) / 0.2, 0]]]
    np.testing.assert_allclose(offsets, expected, atol=2e-6)
    np.testing.assert_allclose(coder.decode(offsets, defaults), boxes, atol=1e-6)


def test_zero_offsets_are_the_default_boxes():
    np.testing.assert_allclose(coder.decode(tf.zeros([1, 4]), tf.constant([[0.5, 0.5, 0.5, 0.25]])), [[0.25, 0.375, 0.75, 0.625]])
