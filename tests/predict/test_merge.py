import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd import detect
from tf_ssd.boxes_px import iou
from tf_ssd.config import Tiling
from tf_ssd.data.images.tiles import tiles_of
from tf_ssd.metrics import ImageDetections
from tf_ssd.predict.merge import is_cut, merged

SIZE = (180, 100)
WINDOWS = np.array([[0, 0, 180, 100], [0, 0, 100, 100], [80, 0, 180, 100]])  # the picture and two tiles


def merge(*boxes, labels=None, windows=WINDOWS, size=SIZE, class_agnostic=False):
    """What is left of (window, score, box) with these labels, 1 by default: the numbers of the boxes, best first."""
    labels = labels or [1] * len(boxes)
    found = []
    for number in range(len(windows)):
        rows = [(box, label, score) for (window, score, box), label in zip(boxes, labels, strict=True) if window == number]
        found.append(detections(rows))
    left = merged(found, windows, size=size, iou_threshold=0.45, class_agnostic=class_agnostic)
    given = [tuple(box) for _, _, box in boxes]
    return [given.index(tuple(box)) for box in left.boxes_px]


def detections(rows):
    boxes, labels, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return ImageDetections(np.array(boxes, float).reshape(-1, 4), np.array(labels, np.int32), np.array(scores, np.float32))


WHOLE, HALF = (85, 20, 145, 60), (85, 20, 99, 60)  # HALF, at the right edge of the first tile, is a quarter of WHOLE


def test_an_object_that_two_windows_see_whole_comes_once_with_the_better_score():
    assert merge((1, 0.8, (84, 20, 95, 60)), (2, 0.9, (85, 20, 95, 60))) == [1]
    assert merge((1, 0.9, (20, 20, 40, 60)), (0, 0.8, (21, 20, 40, 60))) == [0]


@pytest.mark.parametrize("window", [0, 2])
def test_a_box_that_an_edge_cuts_comes_once(window):
    assert merge((1, 0.9, HALF), (window, 0.5, WHOLE)) == [1]


def test_a_box_that_an_edge_cuts_is_not_lost_to_one_of_a_much_lower_score():
    assert merge((1, 0.9, HALF), (0, 0.4, WHOLE)) == [0]


def test_a_box_that_nobody_sees_whole_stays():
    assert merge((1, 0.9, HALF)) == [0]


def test_of_two_parts_of_one_object_the_better_stays():
    left, right = (40, 20, 100, 60), (80, 21, 150, 60)  # they overlap by a sixth, but in both tiles there is nothing else
    assert merge((1, 0.8, left), (2, 0.9, right)) == [1]
    assert merge((1, 0.8, left), (2, 0.9, (80, 62, 150, 90))) == [1, 0]


def test_where_tiles_do_not_overlap_nothing_is_compared():
    windows = np.array([[0, 0, 90, 100], [90, 0, 180, 100]])
    assert merge((0, 0.8, (40, 20, 90, 60)), (1, 0.9, (90, 20, 150, 60)), windows=windows) == [1, 0]


def test_a_small_object_in_a_large_one_stays_although_an_edge_cuts_it():
    assert merge((1, 0.9, (92, 30, 100, 40)), (0, 0.8, (10, 5, 170, 95))) == [0, 1]


def test_classes_do_not_meddle_unless_that_is_asked_for():
    boxes = (1, 0.9, HALF), (2, 0.5, WHOLE)
    assert merge(*boxes, labels=[1, 2]) == [0, 1]
    assert merge(*boxes, labels=[1, 2], class_agnostic=True) == [1]


def test_what_a_better_one_drops_drops_nothing_itself():
    windows = np.concatenate([WINDOWS[:1]] * 3)
    close = [(number, 0.9 - 0.1 * number, (20 + 6 * number, 20, 40 + 6 * number, 60)) for number in range(3)]  # IoU 14 / 26, 8 / 32
    assert merge(*close, windows=windows) == [0, 2]


def test_an_edge_of_the_picture_cuts_nothing():
    boxes = np.array([[0, 10, 50, 50], [97.5, 0, 100, 100], [60, 0, 96.5, 100], [80, 10, 100, 50.0]])
    windows = WINDOWS[[1, 1, 1, 2]]
    np.testing.assert_array_equal(is_cut(boxes, windows, SIZE), [False, True, False, True])
    assert not is_cut(boxes, WINDOWS[[0] * 4], SIZE).any()


def test_nothing_at_all():
    assert merge() == []


@st.composite
def pictures(draw):
    """Boxes in the tiles of a picture, many of them at edges, by seed."""
    seed, count, overlap = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 4)), draw(st.sampled_from([0, 0.1, 0.2, 0.5]))
    random = np.random.default_rng(seed)
    size = tuple(random.integers(200, 400, 2).tolist())
    windows = np.concatenate([[[0, 0, *size]], tiles_of(size, Tiling(count, overlap), image_size=300, name="")])
    found = []
    for left, top, right, bottom in windows:
        number = random.integers(0, 7)
        ends = np.sort(random.integers(0, 11, (number, 2, 2)), axis=1) / 10 * [right - left, bottom - top]  # (number, 2, 2)
        boxes = ends.reshape(-1, 4) + np.array([left, top, left, top])
        rows = detections([(box, label, score) for box, label, score in zip(boxes, *drawn(random, number), strict=True)])
        found.append(suppressed(rows))
    return found, windows, size, draw(st.booleans())


def drawn(random, number):
    return random.integers(1, 3, number), random.integers(1, 100, number) / 100


def suppressed(rows):
    """Of the detections of one window those that suppression across classes leaves."""
    kept = []
    for row in np.argsort(-rows.scores, kind="stable"):
        if all(iou(rows.boxes_px[[row]], rows.boxes_px[[other]])[0, 0] <= 0.45 for other in kept):
            kept.append(row)
    return ImageDetections(rows.boxes_px[kept], rows.labels[kept], rows.scores[kept])


@given(pictures())
def test_the_rule_one_box_after_another(picture):
    found, windows, size, class_agnostic = picture
    rows = []
    for one, window in zip(found, windows, strict=True):
        for box, label, score in zip(one.boxes_px, one.labels, one.scores, strict=True):
            cut = any(
                edge != border and abs(end - edge) < 0.03 * side
                for end, edge, border, side in zip(box, window, (0, 0, *size), [*(window[2:] - window[:2])] * 2, strict=True)
            )
            rows.append((box, label, score, window if cut else np.array([0, 0, *size]), score / 2 if cut else score))
    kept = []
    for box, label, score, frame, _ in sorted(rows, key=lambda row: -row[4]):
        rivals = [row for row in kept if class_agnostic or row[1] == label]
        if all(iou(clip(box, other[2])[None], clip(other[0], frame)[None])[0, 0] <= 0.45 for other in rivals):
            kept.append((box, label, frame, score))
    kept.sort(key=lambda row: -row[3])
    left = merged(found, windows, size=size, iou_threshold=0.45, class_agnostic=class_agnostic)
    np.testing.assert_array_equal(left.scores, np.float32([row[3] for row in kept]))
    np.testing.assert_array_equal(left.labels, [row[1] for row in kept])
    np.testing.assert_array_equal(left.boxes_px, np.reshape([row[0] for row in kept], (-1, 4)))


def clip(box, frame):
    return np.concatenate([np.maximum(box[:2], frame[:2]), np.minimum(box[2:], frame[2:])])


def test_where_nothing_is_cut_it_is_the_suppression_of_the_core():
    """Many windows that are all of the picture, with a box each."""
    pictures = np.sort(np.random.default_rng(0).integers(0, 30, (10, 20, 2, 2)), axis=2).reshape(10, 20, 4)
    survive = detect.nms(np.float32(pictures), np.ones((10, 20), bool), iou_threshold=0.45).numpy()
    assert 0 < survive.sum() < survive.size
    for boxes, survives in zip(pictures, survive, strict=True):
        found = [detections([(box, 1, 1 - number / 100)]) for number, box in enumerate(boxes)]
        left = merged(found, np.array([[0, 0, 30, 30]] * 20), size=(30, 30), iou_threshold=0.45, class_agnostic=False)
        np.testing.assert_array_equal(left.boxes_px, boxes[survives])
