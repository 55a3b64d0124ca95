"""Labels of scores, and of what is computed from them."""

import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.loss import hard_negative_mask, multibox_loss
from tf_ssd.matcher import match, targets
from tf_ssd.scores import cross_entropy


@pytest.mark.parametrize("kind", ["int8", "int16", "int64", "uint8"])
def test_labels_may_be_integers_of_any_type(kind):
    """They give what they give as int32, also beside more classes than the type can number."""
    random = np.random.default_rng(0)
    offsets, logits = random.normal(size=(2, 5, 4)), random.normal(size=(2, 5, 300))
    gt_boxes, default_boxes = np.float64([[(0.1, 0.1, 0.4, 0.5), (0.5, 0.5, 0.9, 0.9)]] * 2), random.uniform(0.3, 0.7, (5, 4))
    of_boxes, of_objects = np.array([[0, 1, 0, 2, 0], [0, 0, 0, 0, 3]]), np.array([[1, 2], [3, 0]])

    def results(dtype):
        labels, gt_labels = tf.constant(of_boxes, dtype), tf.constant(of_objects, dtype)
        for scores in ("softmax", "sigmoid"):
            yield cross_entropy(logits, labels, scores=scores)
            yield hard_negative_mask(logits, labels, scores=scores)
            yield from multibox_loss(offsets, logits, offsets / 2, labels, scores=scores, class_weights=[2.0] * 300)
        yield match(gt_boxes, gt_labels, default_boxes)
        yield from targets(gt_boxes, gt_labels, default_boxes)

    for ours, theirs in zip(results(kind), results("int32"), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_where_there_is_background_alone_it_is_certain_and_any_other_label_is_nan():
    np.testing.assert_array_equal(cross_entropy(tf.constant([[2.0], [2.0]]), tf.constant([0, 5])), [0, np.nan])
