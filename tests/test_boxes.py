import numpy as np
import pytest
import tensorflow as tf

from tf_ssd import boxes


def test_conversions_by_hand():
    xyxy, cxcywh = tf.constant([[0.0, 0.25, 0.5, 1.0]]), tf.constant([[0.25, 0.625, 0.5, 0.75]])
    np.testing.assert_array_equal(boxes.to_cxcywh(xyxy), cxcywh)
    np.testing.assert_array_equal(boxes.to_xyxy(cxcywh), xyxy)


def test_area_by_hand():
    np.testing.assert_array_equal(boxes.area(tf.constant([[0, 0.25, 0.5, 0.75], [0.5, 0, 0.25, 1]])), [0.25, 0])


def test_iou_by_hand():
    """Unit cells on a 4 x 4 board: two 2 x 2 squares that share one cell, 1/7; one inside the whole board, 4/16."""
    a = tf.constant([[0.0, 0, 2, 2]])
    b = tf.constant([[1.0, 1, 3, 3], [0, 0, 4, 4], [2, 0, 4, 2], [0, 0, 2, 2]])
    np.testing.assert_array_equal(boxes.iou(a, b), np.float32([[1 / 7, 4 / 16, 0, 1]]))


def test_iou_of_no_boxes():
    assert boxes.iou(tf.zeros([0, 4]), tf.zeros([5, 4])).shape == (0, 5)


def test_clip_and_flip_by_hand():
    box = tf.constant([[-0.5, 0.25, 0.75, 1.5]])
    np.testing.assert_array_equal(boxes.clip(box), [[0, 0.25, 0.75, 1]])
    np.testing.assert_array_equal(boxes.flip_horizontal(box), [[0.25, 0.25, 1.5, 1.5]])


@pytest.mark.parametrize("operation", [boxes.to_cxcywh, boxes.to_xyxy, boxes.area, boxes.clip, boxes.flip_horizontal])
@pytest.mark.parametrize("leading", [(), (1,), (2, 3), (2, 1, 3)])
def test_any_leading_dimensions(operation, leading):
    some = np.random.default_rng(0).uniform(-1, 2, (*leading, 4)).astype(np.float32)
    one_by_one = np.array([operation(box) for box in some.reshape(-1, 4)])
    np.testing.assert_array_equal(operation(tf.constant(some)), one_by_one.reshape((*leading, *one_by_one.shape[1:])))
