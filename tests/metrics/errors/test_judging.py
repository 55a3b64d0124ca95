import numpy as np
import pytest

from tests.metrics.errors.scene import at, detected, judged, part, random_scene, truth
from tf_ssd.metrics.errors.judged import Kind

H, C, L, BOTH, D, B, OUT = Kind


def kinds(detections, ground_truth, **options):
    found = judged(detections, ground_truth, **options).detections
    return found.kinds.tolist(), found.ground_truth.tolist()


@pytest.mark.parametrize("metric", ["voc07", "voc12", "coco"])
def test_each_kind(metric):
    rows = [
        ((at(0), 1, 0.9), H, 0),
        ((at(0), 1, 0.8), D, 0),
        ((at(1), 1, 0.7), C, 1),
        ((part(0.3, 0), 1, 0.6), L, 0),
        ((part(0.3, 1), 1, 0.5), BOTH, 1),
        ((part(0.05, 1), 1, 0.4), B, -1),
        ((at(9), 2, 0.3), B, -1),
    ]
    boxes, expected, about = zip(*rows, strict=True)
    assert kinds([detected(*boxes)], [truth((at(0), 1), (at(1), 2))], metric=metric) == (list(expected), list(about))


def test_at_the_bounds():
    """IoU 0.1 is localization and no background, 0.5 of another class is classification, and of its own a hit."""
    rows = [(part(0.1, 0), 1, 0.9), (part(0.5, 1), 1, 0.8), (part(0.5, 2), 1, 0.7), (part(0.1, 1), 1, 0.6)]
    assert kinds([detected(*rows)], [truth((at(0), 1), (at(1), 2), (at(2), 1))])[0] == [L, C, H, B]


def test_right_class_in_a_poor_place_goes_before_wrong_class_in_a_good_one():
    assert kinds([detected((at(0), 1, 0.9))], [truth((at(0), 2), (part(0.3, 0), 1))])[0] == [L]


def test_a_repeated_detection_of_what_is_labelled_twice_is_a_classification_error():
    """As TIDE has it: a duplicate is what nothing else explains."""
    assert kinds([detected((at(0), 1, 0.9), (at(0), 1, 0.8))], [truth((at(0), 1), (at(0), 2))]) == ([H, C], [0, 1])


def test_ground_truth_that_is_left_out_explains_no_error():
    ground_truth = [truth((at(0), 1), (at(1), 1), left_out=[0, 1])]
    assert kinds([detected((at(0), 2, 0.9), (part(0.3, 1), 1, 0.8), (at(1), 1, 0.7))], ground_truth) == ([B, B, OUT], [-1, -1, 1])


def test_detections_in_a_crowd():
    ground_truth = [truth((at(0), 1), left_out=[0], crowd=[0])]
    found = [detected((part(0.2, 0), 1, 0.9), (at(0), 1, 0.8), (at(0), 1, 0.7), (at(0), 2, 0.6))]
    assert kinds(found, ground_truth, metric="coco")[0] == [OUT, OUT, OUT, B]
    assert kinds(found, ground_truth, metric="voc12")[0] == [B, OUT, OUT, B]


def test_equal_scores_are_taken_by_image_then_row():
    detections = [detected((part(0.6, 0), 1, 0.5), (at(0), 1, 0.5))]
    for metric in ("voc12", "coco"):
        assert kinds(detections, [truth((at(0), 1))], metric=metric)[0] == [H, D]


def test_boxes_without_area():
    flat = (5, 5, 5, 9)
    result = judged([detected((flat, 1, 0.9))], [truth((flat, 1))])
    assert result.detections.kinds.tolist() == [B]
    assert result.ground_truth.missed.tolist() == [True]


def test_where_everything_is():
    detections = [detected(), detected((at(0), 1, 0.5)), detected((at(1), 2, 0.75), (part(0.5, 0), 1, 0.25))]
    ground_truth = [truth((at(3), 1)), truth(), truth((at(0), 1), (at(1), 2), (at(2), 1), left_out=[2])]
    result = judged(detections, ground_truth)
    found, expected = result.detections, result.ground_truth
    assert found.images.tolist() == [1, 2, 2]
    assert expected.images.tolist() == [0, 2, 2, 2]
    assert found.ground_truth.tolist() == [-1, 2, 1]
    np.testing.assert_allclose(found.ious, [0, 1, 0.5])
    assert expected.found_by.tolist() == [-1, 2, 1, -1]
    assert expected.found_scores.tolist() == [-np.inf, 0.25, 0.75, -np.inf]
    assert expected.found(0.25).tolist() == [False, False, True, False]
    assert expected.missed.tolist() == [True, False, False, False]
    assert expected.counts(3).tolist() == [2, 1]
    assert found.above(0.5).tolist() == [False, True, False]


def test_what_was_nearly_found_is_neither_found_nor_missed():
    expected = judged([detected((part(0.3, 0), 1, 0.5), (at(1), 2, 0.5))], [truth((at(0), 1), (at(1), 1), (at(2), 1))]).ground_truth
    assert expected.found_by.tolist() == [-1, -1, -1]
    assert expected.missed.tolist() == [False, False, True]


@pytest.mark.parametrize("metric", ["voc12", "coco"])
def test_lower_scores_do_not_change_what_a_detection_is(metric):
    detections, ground_truth = random_scene(0, crowds=True, difficult=True)
    everything = judged(detections, ground_truth, num_classes=4, metric=metric).detections
    threshold = float(np.median(everything.scores))
    above = [type(image)(*(column[image.scores > threshold] for column in vars(image).values())) for image in detections]
    some = judged(above, ground_truth, num_classes=4, metric=metric).detections
    np.testing.assert_array_equal(some.kinds, everything.kinds[everything.scores > threshold])
    assert set(everything.kinds.tolist()) == set(Kind)


@pytest.mark.parametrize(("detections", "ground_truth"), [([], []), ([detected()], [truth()])])
def test_nothing_at_all(detections, ground_truth):
    result = judged(detections, ground_truth)
    assert (len(result.detections.kinds), len(result.ground_truth.found_by)) == (0, 0)
