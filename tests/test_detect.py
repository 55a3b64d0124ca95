from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from tf_ssd import detect

DEFAULTS = tf.constant([[0.25, 0.25, 0.5, 0.5], [0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]])


def test_detections_by_hand():
    """Two predictions of one place, the weaker goes; one elsewhere; another image with nothing."""
    logits = np.full((2, 3, 3), -50.0, np.float32)
    logits[..., 0] = 0
    logits[0, :, 2] = (1, 2, 3)  # probability e^x / (1 + e^x)
    found = detect.detect(tf.zeros([2, 3, 4]), tf.constant(logits), DEFAULTS, max_detections=5)
    assert found.count.numpy().tolist() == [2, 0]
    assert found.labels.numpy().tolist() == [[2, 2, 0, 0, 0], [0] * 5]
    np.testing.assert_allclose(found.scores[0, :2], 1 / (1 + np.exp([-3.0, -2.0])), rtol=1e-6)
    np.testing.assert_array_equal(found.boxes[0, :3], [[0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5], [0, 0, 0, 0]])


def test_more_asked_for_than_there_are():
    found = detect.detect(tf.zeros([1, 3, 4]), tf.zeros([1, 3, 2]), DEFAULTS, top_k=1000, max_detections=1000)
    assert found.boxes.shape == (1, 1000, 4)
    assert found.count.numpy().tolist() == [2]


def test_nms_of_several_sets_at_once():
    """In the second set the first box is no candidate, so it cannot suppress the second."""
    boxes = tf.constant([[[0.0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3]]] * 2)
    kept = detect.nms(boxes, tf.constant([[True] * 3, [False, True, True]]), iou_threshold=0.5)
    assert kept.numpy().tolist() == [[True, False, True], [False, True, True]]


@pytest.mark.parametrize("number", [40, detect.AT_ONCE + 1, 3 * detect.AT_ONCE])
def test_nms_settles_a_long_chain(number):
    """Each box overlaps only its neighbours: every second one survives, which takes a round for each link."""
    x = np.arange(number) * 0.5
    boxes = tf.constant(np.stack([x, x * 0, x + 1, x * 0 + 1], axis=-1))
    kept = detect.nms(boxes, tf.fill([number], True), iou_threshold=0.3)
    assert kept.numpy().tolist() == ([True, False] * number)[:number]


def test_nms_of_an_unknown_number_of_boxes():
    boxes = tf.constant([[0.0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3]])
    signature = [tf.TensorSpec([None, 4]), tf.TensorSpec([None], tf.bool)]
    nms = tf.function(partial(detect.nms, iou_threshold=0.5), input_signature=signature)
    assert nms(boxes, tf.fill([3], True)).numpy().tolist() == [True, False, True]


@pytest.mark.parametrize("class_agnostic", [False, True])
def test_a_batch_is_selected_from_as_its_images_are(class_agnostic):
    random = np.random.default_rng(0)
    low, size = random.uniform(0, 0.7, (2, 3, 6, 2)), random.uniform(0.05, 0.3, (2, 3, 6, 2))
    boxes, scores = tf.constant(np.concatenate([low, low + size], -1)), tf.constant(random.uniform(size=(2, 3, 4, 6)))
    whole = detect.select(boxes, scores, class_agnostic=class_agnostic, max_detections=9)
    assert whole.count.shape == (2, 3)
    for place in np.ndindex(2, 3):
        one = detect.select(boxes[place], scores[place], class_agnostic=class_agnostic, max_detections=9)
        for column, expected in zip(whole, one, strict=True):
            np.testing.assert_array_equal(column[place], expected)


def test_rows_after_the_last_candidate_score_minus_one():
    boxes = tf.constant([[0.0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1]])
    ranked = detect.ranked(boxes, tf.constant([[0.5, 0.9, 0.01]]))
    assert ranked.scores.numpy().tolist() == [[0.5, -1, -1]]
