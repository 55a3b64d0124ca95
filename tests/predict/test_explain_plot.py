from functools import cache
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageColor

from tf_ssd.config import DetectionConfig, caffe_boxes
from tf_ssd.drawing.pictures import class_color
from tf_ssd.predict.explain import Candidates, Explanation, Matches, Suppression
from tf_ssd.predict.explain_plot import explanation_png

MAPS = caffe_boxes(min_sizes=(100, 300), max_sizes=(150, 350), feature_maps=(3, 1), steps=(100, 300), aspect_ratios=((), ()))
GREY = np.full((300, 400, 3), 128, np.uint8)
NAMES = ("circle", "square", "triangle")
BOX, OTHER = [0.1, 0.2, 0.4, 0.7], [0.5, 0.3, 0.9, 0.8]


def candidates(boxes=(), labels=(), scores=()) -> Candidates:
    return Candidates(np.float64(boxes).reshape(-1, 4), np.array(labels, int), np.array(scores, float))


NOTHING = candidates()


def explanation(kept=NOTHING, removed=NOTHING, remover=(), matched=(), cells=None) -> Explanation:
    """Two default boxes, of which `matched` says to what they belong."""
    gt_index = np.array([*matched, *[-1] * (2 - len(matched))])
    best = np.array([gt_index.tolist().index(row) if row in gt_index else -1 for row in range(len(kept.labels))], int)
    cells = np.zeros((3, 3)) if cells is None else cells
    default = np.float64([BOX, OTHER])
    return Explanation(
        default, Matches(gt_index, best), [cells, np.zeros((1, 1))], Suppression(kept, removed, np.array(remover, int))
    )


def draw(explained: Explanation, pixels=GREY, names=NAMES, title="a.jpg") -> np.ndarray:
    png = explanation_png(pixels, explained, MAPS, names, title=title, settings=DetectionConfig(score_threshold=0.3))
    with Image.open(BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def amount(pixels: np.ndarray, label: int) -> int:
    return int(np.sum(np.abs(pixels - ImageColor.getrgb(class_color(label))).max(axis=-1) < 8))


def centre(changed: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(changed.any(axis=-1))
    return float(columns.mean()), float(rows.mean())


ONE = candidates([BOX], [2], [0.9])


@cache
def of_one(*matched: int) -> np.ndarray:
    """One detection and what is matched to it, drawn once for all tests that compare with it."""
    return draw(explanation(ONE, matched=matched))


def test_a_matched_default_box_is_drawn_on_the_left():
    changed = of_one(0) != of_one()
    assert changed.any()
    assert np.nonzero(changed)[1].max() < 800


def test_the_best_default_box_is_thicker():
    """The second default box, beside a better one and alone."""
    second = np.sum(of_one(0, 0) != of_one(0))
    alone = np.sum(of_one(-1, 0) != of_one())
    assert alone > 1.5 * second > 0


def test_what_was_removed_is_drawn_on_the_right():
    removed = explanation(ONE, candidates([OTHER], [2], [0.5]), (0,))
    changed = draw(removed) != of_one()
    assert changed[140:600, 800:].any()
    assert not changed[140:600, :800].any()


def test_classes_have_their_colours():
    pixels = draw(explanation(candidates([BOX, OTHER], [1, 3], [0.9, 0.8])))
    assert amount(pixels, 1) > 1000
    assert amount(pixels, 3) > 1000
    assert amount(pixels, 2) == 0


def test_a_cell_lights_up_where_it_lies():
    places, dark = {}, draw(explanation(cells=np.full((3, 3), 1e-9)))
    for row, column in ((0, 2), (2, 0), (1, 1)):
        cells = np.zeros((3, 3))
        cells[row, column] = 1
        changed = draw(explanation(cells=cells)) != dark
        height = len(changed)
        changed[: height * 2 // 3] = False  # headlines
        changed[-30:] = False  # "at most"
        places[row, column] = centre(changed)
    assert places[0, 2][0] > places[1, 1][0] > places[2, 0][0]
    assert places[0, 2][1] < places[1, 1][1] < places[2, 0][1]
    assert places[0, 2][0] < 800, "in the panel of the first map"


@pytest.mark.parametrize(("shape", "size"), [((30, 300), (1600, 300)), ((300, 30), (1600, 1000)), ((2, 900), (1600, 300))])
def test_pictures_of_any_shape(shape, size):
    pixels = draw(explanation(ONE, matched=(0, 0)), np.zeros((*shape, 3), np.uint8))
    assert pixels.shape[1] == size[0]
    assert abs(pixels.shape[0] - size[1]) < 100


def test_a_large_picture_becomes_no_larger_figure():
    assert draw(explanation(), np.zeros((3000, 4000, 3), np.uint8)).shape == draw(explanation()).shape


@pytest.mark.parametrize("name", ["a$b$", "$", "x_$1^", "$\\frac$", "猫"])
def test_names_of_any_signs(name):
    """Which would otherwise be taken for a formula, or warn."""
    assert not np.array_equal(draw(explanation(ONE, matched=(0,)), names=("a", name, "b")), of_one(0))
    assert not np.array_equal(draw(explanation(ONE, matched=(0,)), title=name), of_one(0))


def test_scores_that_are_no_numbers():
    assert draw(explanation(cells=np.full((3, 3), np.nan))).std() > 0
