import numpy as np
import pytest

from tf_ssd.metrics.images import (
    ImageDetections,
    ImageGroundTruth,
    annotated_px,
    box_areas,
    check,
    from_xywh,
    to_fractions,
    to_px,
    to_xywh,
)


def detected(labels=(), scores=()) -> ImageDetections:
    return ImageDetections(np.zeros((len(labels), 4)), np.array(labels, int), np.array(scores, float))


def truth(labels=()) -> ImageGroundTruth:
    boxes = np.zeros((len(labels), 4))
    return ImageGroundTruth(boxes, np.array(labels, int), np.zeros(len(labels), bool), box_areas(boxes))


@pytest.mark.parametrize("size", [(500, 375), (333, 500), (1920, 1080), (8000, 6000)])
def test_what_was_annotated_comes_back_from_float32_fractions(size):
    random = np.random.default_rng(0)
    whole = random.integers(0, size * 2, (200, 4))
    hundredths = np.round(random.uniform(0, size * 2, (200, 4)), 2)
    for annotated in (whole, hundredths):
        fractions = (annotated / (size * 2)).astype(np.float32)
        np.testing.assert_array_equal(annotated_px(fractions, size), annotated)


def test_width_goes_with_x_and_height_with_y():
    boxes = np.float32([[0.5, 0.25, 1, 0.75]])
    px = to_px(boxes, (200, 100))
    assert (px.dtype, px.tolist()) == (np.float64, [[100, 25, 200, 75]])
    np.testing.assert_array_equal(to_fractions(px, (200, 100)), boxes)


def test_areas():
    assert box_areas(np.array([[0, 0, 2, 3], [5, 5, 5, 9]])).tolist() == [6, 0]


def test_what_can_be_compared():
    check([detected([1, 2], [0, 1])], [truth([2])], num_classes=3)


def test_numbers_of_images_must_agree():
    with pytest.raises(ValueError, match="detections of 1 images, ground truth of 2"):
        check([detected()], [truth(), truth()], num_classes=2)


@pytest.mark.parametrize("label", [-1, 0, 2])
def test_labels_out_of_range(label):
    with pytest.raises(ValueError, match=r"image 0: labels .* are not all in 1\.\.1"):
        check([detected([label], [0.5])], [truth()], num_classes=2)
    with pytest.raises(ValueError, match=r"image 1: labels .* are not all in 1\.\.1"):
        check([detected(), detected()], [truth(), truth([label])], num_classes=2)


def test_scores_must_be_finite():
    with pytest.raises(ValueError, match="image 0: the scores are not all finite"):
        check([detected([1], [np.nan])], [truth()], num_classes=2)


def test_corners_and_sides():
    bboxes = np.array([[1.0, 2.0, 3.0, 4.0], [0.5, 0.0, 0.25, 8.0]])
    boxes = np.array([[1.0, 2.0, 4.0, 6.0], [0.5, 0.0, 0.75, 8.0]])
    np.testing.assert_array_equal(from_xywh(bboxes), boxes)
    np.testing.assert_array_equal(to_xywh(boxes), bboxes)
    assert from_xywh(np.zeros((0, 4))).shape == to_xywh(np.zeros((0, 4))).shape == (0, 4)
