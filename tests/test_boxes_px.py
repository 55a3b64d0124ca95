import numpy as np
import pytest

from tf_ssd.boxes_px import area, from_xywh, intersection, iou, resized, to_fractions, to_px, to_xywh


def test_width_goes_with_x_and_height_with_y():
    boxes = np.float32([[0.5, 0.25, 1, 0.75]])
    px = to_px(boxes, (200, 100))
    assert (px.dtype, px.tolist()) == (np.float64, [[100, 25, 200, 75]])
    fractions = to_fractions(px, (200, 100))
    assert fractions.dtype == np.float32
    np.testing.assert_array_equal(fractions, boxes)


def test_a_size_for_each_box():
    px, sizes = np.array([[10, 10, 20, 20.0]] * 2), np.array([[20, 40], [100, 50]])
    fractions = to_fractions(px, sizes)
    np.testing.assert_array_equal(fractions, np.float32([[0.5, 0.25, 1, 0.5], [0.1, 0.2, 0.2, 0.4]]))
    np.testing.assert_allclose(to_px(fractions, sizes), px, rtol=1e-7)


def test_fractions_are_divided_in_float64_and_rounded_once():
    fractions = to_fractions(np.array([[0.0, 0, 2.3, 2.3]]), (7, 333))
    assert fractions[0, 2:].tolist() == [np.float32(2.3 / 7), np.float32(2.3 / 333)]
    assert np.float32(2.3) / np.float32(7) != fractions[0, 2], "in float32 alone it would be another number"


def test_boxes_of_a_resized_image():
    px = np.array([[10, 10, 20, 20.0]])
    np.testing.assert_array_equal(resized(px, (20, 40), (10, 120)), [[5, 30, 10, 60]])
    odd = np.random.default_rng(0).uniform(0, 30, (50, 4))
    np.testing.assert_array_equal(resized(odd, (31, 37), (31, 37)), odd)


def test_corners_and_sides():
    bboxes = np.array([[1.0, 2.0, 3.0, 4.0], [0.5, 0.0, 0.25, 8.0]])
    boxes = np.array([[1.0, 2.0, 4.0, 6.0], [0.5, 0.0, 0.75, 8.0]])
    np.testing.assert_array_equal(from_xywh(bboxes), boxes)
    np.testing.assert_array_equal(to_xywh(boxes), bboxes)
    assert from_xywh(np.zeros((0, 4))).shape == to_xywh(np.zeros((0, 4))).shape == (0, 4)


def test_areas():
    assert area(np.array([[0, 0, 2, 3], [5, 5, 5, 9], [2, 2, 0, 0]])).tolist() == [6, 0, 0]


A = np.array([(0, 0, 2, 2), (0, 0, 0, 2), (2, 2, 0, 0)], float)
B = np.array([(1, 1, 3, 3), (0, 0, 2, 2), (2, 0, 4, 2), (0, 0, 0, 2)], float)


@pytest.mark.parametrize("dtype", [np.float64, int])
def test_overlap_counted_by_hand(dtype):
    a, b = A.astype(dtype), B.astype(dtype)
    np.testing.assert_array_equal(intersection(a, b), [[1, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(iou(a, b), [[1 / 7, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_overlap_of_no_boxes():
    assert iou(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)


def test_overlap_of_several_pairs_of_sets():
    together = iou(np.stack([A, A + 1]), np.stack([B, B]))
    np.testing.assert_array_equal(together, np.stack([iou(A, B), iou(A + 1, B)]))
    np.testing.assert_array_equal(iou(A[:, None], np.stack([B] * 3))[:, 0], iou(A, B))
