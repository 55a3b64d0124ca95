import numpy as np
import pytest
import tensorflow as tf

from tf_ssd import loss


def problem(labels):
    labels = tf.constant(labels)
    return tf.ones([*labels.shape, 4]), tf.zeros([*labels.shape, 3]), tf.zeros([*labels.shape, 4]), labels


def test_smooth_l1_by_hand():
    np.testing.assert_array_equal(loss.smooth_l1(tf.constant([0, 0.5, -1, 3.0])), [0, 0.125, 0.5, 2.5])


def test_total_weighs_localization():
    """One positive with four errors of 1: localization 4/2; three of three logits equal: four times ln 3."""
    result = loss.multibox_loss(*problem([[1, 0, 0, 0, 0]]), alpha=10.0)
    assert float(result.localization) == pytest.approx(2)
    assert float(result.confidence) == pytest.approx(4 * np.log(3))
    assert float(result.total) == pytest.approx(20 + 4 * np.log(3))
    assert int(result.num_positives) == 1


def test_sums_are_what_the_loss_divides():
    arguments = problem([[1, 0, 0, 0, 0], [1, 2, 0, 0, 0], [0, 0, 0, 0, 0]])
    sums = loss.multibox_sums(*arguments)
    assert sums.num_positives.numpy().tolist() == [1, 2, 0]
    result = loss.multibox_loss(*arguments)
    assert float(result.localization) == pytest.approx(float(tf.reduce_sum(sums.localization)) / 3)
    assert float(result.confidence) == pytest.approx(float(tf.reduce_sum(sums.confidence)) / 3)


def test_mining_has_no_gradient_of_its_own():
    logits = tf.Variable(np.random.default_rng(0).normal(size=(1, 6, 3)))
    with tf.GradientTape() as tape:
        mask = tf.cast(loss.hard_negative_mask(logits, tf.constant([[1, 0, 0, 0, 0, 0]])), tf.float64)
    assert tape.gradient(mask, logits) is None


@pytest.mark.parametrize("name", ["offsets", "logits", "target_offsets"])
def test_shapes_are_checked(name):
    arguments = dict(zip(("offsets", "logits", "target_offsets", "target_labels"), problem([[1, 0]]), strict=True))
    arguments[name] = arguments[name][:, :1]
    with pytest.raises(ValueError, match=f"{name} has shape"):
        loss.multibox_loss(**arguments)


def test_arrays_of_numpy_are_taken():
    arguments = problem([[1, 0, 0, 0, 0], [1, 2, 0, 0, 0]])
    arrays = [argument.numpy() for argument in arguments]
    for operation in (loss.multibox_loss, loss.multibox_sums):
        for ours, theirs in zip(operation(*arrays), operation(*arguments), strict=True):
            np.testing.assert_array_equal(ours, theirs)
