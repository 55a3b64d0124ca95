import numpy as np
import pytest

from tf_ssd.config import DetectionConfig
from tf_ssd.export.agreement import LIMITS, Agreement, Limits, compare, compare_heads, what_counts
from tf_ssd.metrics.images import ImageDetections

STRICT = Limits(score=0.01, box_px=0.5, missing=0.0, sure=0.0)
BOX, ELSEWHERE = [0.0, 0, 10, 10], [50.0, 50, 60, 60]


def detected(*rows) -> ImageDetections:
    """Rows of box, label and score."""
    boxes, labels, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return ImageDetections(np.reshape(np.array(boxes, float), (-1, 4)), np.array(labels, int), np.array(scores, float))


def agreement(ours, theirs, limits=STRICT, max_detections=1000) -> Agreement:
    return compare([ours], [theirs], limits, DetectionConfig(score_threshold=0.1, max_detections=max_detections))


def test_the_same():
    same = detected((BOX, 1, 0.9), (ELSEWHERE, 2, 0.8))
    assert agreement(same, same) == Agreement(1, 2, 2, 0, 0, 0.0, 0.0)
    assert not agreement(same, same).faults(STRICT)


def test_differences_are_the_largest():
    ours = detected((BOX, 1, 0.9), (ELSEWHERE, 2, 0.8))
    theirs = detected(([0, 0, 10, 10.25], 1, 0.9), (ELSEWHERE, 2, 0.75))
    result = agreement(ours, theirs)
    assert (result.missing, result.extra, result.box_px) == (0, 0, 0.25)
    assert result.score == pytest.approx(0.05)
    assert result.faults(STRICT) == ["a score differs by 0.05, and may by 0.01"]


@pytest.mark.parametrize("other", [detected((BOX, 2, 0.9)), detected((ELSEWHERE, 1, 0.9)), detected()])
def test_another_class_or_place_is_not_the_same(other):
    result = agreement(detected((BOX, 1, 0.9)), other)
    assert (result.missing, result.extra) == (1, len(other.labels))
    assert "missing" in result.faults(STRICT)[0]


def test_what_only_the_artefact_finds():
    result = agreement(detected((BOX, 1, 0.9)), detected((BOX, 1, 0.9), (ELSEWHERE, 1, 0.9)))
    assert (result.missing, result.extra) == (0, 1)
    assert result.faults(STRICT)


def test_rounding_decides_near_the_threshold_of_detection():
    result = agreement(detected((BOX, 1, 0.9), (ELSEWHERE, 1, 0.105)), detected((BOX, 1, 0.9)))
    assert result == Agreement(1, 1, 1, 0, 0, 0.0, 0.0)


def test_rounding_decides_who_is_the_last_that_fits():
    ours, theirs = detected((BOX, 1, 0.9), (ELSEWHERE, 1, 0.5001)), detected((BOX, 1, 0.9), (ELSEWHERE, 2, 0.5002))
    assert agreement(ours, theirs, max_detections=2) == Agreement(1, 1, 1, 0, 0, 0.0, 0.0)
    assert agreement(ours, theirs, max_detections=3).missing == 1


def test_a_box_moved_far_but_overlapping_is_a_difference():
    result = agreement(detected((BOX, 1, 0.9)), detected(([0, 0, 10, 12], 1, 0.9)))
    assert result.faults(STRICT) == ["a box differs by 2 pixels, and may by 0.5"]


def test_the_nearest_of_several_is_the_partner():
    result = agreement(detected((BOX, 1, 0.9)), detected(([0, 0, 10, 12], 1, 0.5), (BOX, 1, 0.9)))
    assert (result.score, result.box_px) == (0.0, 0.0)


def test_slivers_in_one_place():
    """They overlap with nothing, so suppression leaves them all: partners are those that score alike."""
    ours = detected(([0, 0, 10, 0], 1, 0.9), ([0, 0, 10, 0], 1, 0.5))
    theirs = detected(([0, 0, 10, 1e-6], 1, 0.9), ([0, 0, 10, 0], 1, 0.5))
    result = agreement(ours, theirs)
    assert (result.missing, result.extra, result.score) == (0, 0, 0.0)


def test_nothing_to_compare_is_a_fault():
    assert "so nothing was compared" in agreement(detected(), detected()).faults(STRICT)[0]


def test_a_few_may_be_missing():
    many = detected(*(([20 * i, 0, 20 * i + 10, 10], 1, 0.9) for i in range(400)))
    fewer = detected(*(([20 * i, 0, 20 * i + 10, 10], 1, 0.9) for i in range(1, 400)))
    assert not agreement(many, fewer, LIMITS["none"]).faults(LIMITS["none"])
    assert agreement(many, fewer).faults(STRICT)


def test_heads():
    ours = {"boxes_px": np.array([BOX, ELSEWHERE]), "scores": np.array([[0.5, 0.1], [0.2, 0.1]])}
    theirs = {"boxes_px": np.array([BOX, BOX]), "scores": np.array([[0.5, 0.1], [0.2, 0.3]])}
    assert compare_heads([ours], [theirs], STRICT) == Agreement(1, 2, 2, 0, 0, pytest.approx(0.2), 50.0)
    sure = STRICT._replace(sure=0.4)
    assert compare_heads([ours], [theirs], sure) == Agreement(1, 1, 1, 0, 0, 0.0, 0.0)


@pytest.mark.parametrize(("quantize", "rule"), [("none", "Every box counts."), ("float16", "either side is 0.3 or more.")])
def test_which_boxes_count_is_said(quantize, rule):
    assert what_counts(LIMITS[quantize], None).endswith(rule)


def test_which_detections_count_is_said():
    said = what_counts(LIMITS["none"], DetectionConfig(score_threshold=0.25, max_detections=77))
    assert said.startswith(
        f"A detection counts from a score of {0.25 + LIMITS['none'].score:.3g}, and where a picture has all 77 from"
    )


def test_heads_that_are_nan_are_a_difference():
    ours = {"boxes_px": np.array([BOX]), "scores": np.array([[0.5, 0.1]])}
    result = compare_heads([ours], [ours | {"scores": np.full((1, 2), np.nan)}], LIMITS["int8"])
    assert result.faults(LIMITS["int8"]) == ["a score differs by nan, and may by 0.4"]
