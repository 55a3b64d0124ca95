import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.data.ground_truth import LARGEST_PX, corners_px, fit, number
from tf_ssd.errors import DatasetError, Place

SIZE = np.array([200, 100])
COORDINATES = st.floats(-LARGEST_PX, LARGEST_PX) | st.integers(-5, 205).map(float)


def fit_one(*corners: float, **options):
    """Box as a list, and which of has_area, clipped, outside hold."""
    fitted = fit(np.array([corners], np.float64), SIZE, **options)
    return fitted.boxes[0].tolist(), {name for name in ("has_area", "clipped", "outside") if getattr(fitted, name)[0]}


@pytest.mark.parametrize(
    ("corners", "expected", "flags"),
    [
        ((50, 25, 100, 75), [0.25, 0.25, 0.5, 0.75], {"has_area"}),
        ((0, 0, 200, 100), [0, 0, 1, 1], {"has_area"}),
        ((-1, 25, 100, 75), [0, 0.25, 0.5, 0.75], {"has_area", "clipped"}),
        ((50, 25, 201, 75), [0.25, 0.25, 1, 0.75], {"has_area", "clipped"}),
        ((50, 25, 50, 75), [0.25, 0.25, 0.25, 0.75], set()),
        ((500, 25, 500, 75), [1, 0.25, 1, 0.75], set()),
        ((200, 25, 250, 75), [1, 0.25, 1, 0.75], {"has_area", "outside"}),
        ((50, -9, 100, 0), [0.25, 0, 0.5, 0], {"has_area", "outside"}),
    ],
)
def test_corners_from_the_top_left(corners, expected, flags):
    assert fit_one(*corners) == (expected, flags)


@pytest.mark.parametrize(
    ("corners", "expected", "flags"),
    [
        ((51, 26, 100, 75), [0.25, 0.25, 0.5, 0.75], {"has_area"}),
        ((1, 1, 200, 100), [0, 0, 1, 1], {"has_area"}),
        ((0, 0, 200, 100), [0, 0, 1, 1], {"has_area"}),  # 0-based, taken for 1
        ((-1, 26, 100, 75), [0, 0.25, 0.5, 0.75], {"has_area", "clipped"}),
        ((51, 26, 51, 75), [0.25, 0.25, np.float32(0.255), 0.75], set()),
        ((200, 26, 250, 75), [np.float32(0.995), 0.25, 1, 0.75], {"has_area", "clipped"}),
        ((201, 26, 250, 75), [1, 0.25, 1, 0.75], {"has_area", "outside"}),
    ],
)
def test_corners_one_based(corners, expected, flags):
    assert fit_one(*corners, one_based=True) == (expected, flags)


def test_a_sliver_that_rounding_takes_away_has_no_area():
    assert fit_one(199.9999999, 25, 300, 75) == ([1, 0.25, 1, 0.75], set())


@given(st.lists(st.tuples(*[COORDINATES] * 4)), st.booleans())
def test_what_is_kept_lies_inside_and_has_an_area(numbers, one_based):
    pairs = np.array(numbers, np.float64).reshape(-1, 2, 2)
    corners = np.sort(pairs, axis=1).reshape(-1, 4)  # (G, 4) min before max
    boxes, has_area, clipped, outside = fit(corners, SIZE, one_based=one_based)
    assert boxes.dtype == np.float32
    kept = boxes[has_area & ~outside]
    assert np.all((kept >= 0) & (kept <= 1))
    assert np.all(kept[:, :2] < kept[:, 2:])
    assert not np.any(clipped & outside)
    assert not np.any((clipped | outside) & ~has_area)


@given(st.lists(st.integers(0, 3), min_size=1))
def test_a_size_for_each_row(choice):
    corners, sizes = np.float64([[10, 20, 30, 40]] * len(choice)), np.array([[50, 60], [30, 40], [20, 400], [7000, 5000]])[choice]
    for row, size in enumerate(sizes):
        np.testing.assert_array_equal(fit(corners, sizes).boxes[row], fit(corners[:1], size).boxes[0])


@pytest.mark.parametrize("text", ["", "wide", "nan", "inf", "-inf", "1e300", "9" * 400, "1,5", "0x10"])
def test_a_text_that_is_no_number_of_pixels(text):
    with pytest.raises(DatasetError, match=r"^a\.xml: object 1: width is '.*'; write a finite number$"):
        number(text, "width", Place("a.xml", "object 1"))
    with pytest.raises(DatasetError, match=r"^a\.xml: object 1: ymin is '.*'; write a finite number$"):
        corners_px(["1", text, "3", "4"], Place("a.xml", "object 1"))


@pytest.mark.parametrize(("texts", "message"), [("9 2 3 4", "xmin=9 .* xmax=3"), ("1 9 3 4", "ymin=9 is greater than ymax=4")])
def test_corners_out_of_order(texts, message):
    with pytest.raises(DatasetError, match=message):
        corners_px(texts.split(), Place("here"))


def test_corners():
    assert corners_px(["1", " 2.5", "3e1 ", "4"], Place("here")) == (1, 2.5, 30, 4)
