import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.boxes_px import to_fractions
from tf_ssd.data.ground_truth import (
    CLIPPED,
    DROPPED,
    LARGEST_PX,
    UNKNOWN,
    corners_px,
    fit,
    fit_record,
    number,
    zero_based,
)
from tf_ssd.data.notes import Notes
from tf_ssd.data.records import Record, Written
from tf_ssd.errors import DatasetError, Place

SIZE = np.array([200, 100])
COORDINATES = st.floats(-LARGEST_PX, LARGEST_PX) | st.integers(-5, 205).map(float)


def fit_one(*corners: float, one_based: bool = False):
    """Box as a list, and which of has_area, clipped, outside hold."""
    boxes_px = np.array([corners], np.float64)
    fitted = fit(zero_based(boxes_px) if one_based else boxes_px, SIZE)
    return fitted.boxes_px[0].tolist(), {name for name in ("has_area", "clipped", "outside") if getattr(fitted, name)[0]}


@pytest.mark.parametrize(
    ("corners", "expected", "flags"),
    [
        ((50, 25, 100, 75), [50, 25, 100, 75], {"has_area"}),
        ((0, 0, 200, 100), [0, 0, 200, 100], {"has_area"}),
        ((-1, 25, 100, 75), [0, 25, 100, 75], {"has_area", "clipped"}),
        ((50, 25, 201, 75), [50, 25, 200, 75], {"has_area", "clipped"}),
        ((50, 25, 50, 75), [50, 25, 50, 75], set()),
        ((500, 25, 500, 75), [200, 25, 200, 75], set()),
        ((200, 25, 250, 75), [200, 25, 200, 75], {"has_area", "outside"}),
        ((50, -9, 100, 0), [50, 0, 100, 0], {"has_area", "outside"}),
    ],
)
def test_corners_from_the_top_left(corners, expected, flags):
    assert fit_one(*corners) == (expected, flags)


@pytest.mark.parametrize(
    ("corners", "expected", "flags"),
    [
        ((51, 26, 100, 75), [50, 25, 100, 75], {"has_area"}),
        ((1, 1, 200, 100), [0, 0, 200, 100], {"has_area"}),
        ((0, 0, 200, 100), [0, 0, 200, 100], {"has_area"}),  # 0-based, taken for 1
        ((0.5, 26, 100, 75), [0, 25, 100, 75], {"has_area"}),
        ((-1, 26, 100, 75), [0, 25, 100, 75], {"has_area", "clipped"}),
        ((-0.5, 26, 100, 75), [0, 25, 100, 75], {"has_area", "clipped"}),
        ((51, 26, 51, 75), [51, 25, 51, 75], set()),
        ((200, 26, 250, 75), [199, 25, 200, 75], {"has_area", "clipped"}),
        ((201, 26, 250, 75), [200, 25, 200, 75], {"has_area", "outside"}),
    ],
)
def test_corners_one_based(corners, expected, flags):
    assert fit_one(*corners, one_based=True) == (expected, flags)


def test_a_sliver_that_rounding_takes_away_has_no_area():
    """In pixels it has one, but not in the float32 fractions that networks compute with."""
    assert fit_one(199.9999999, 25, 300, 75) == ([199.9999999, 25, 200, 75], set())


@given(st.lists(st.tuples(*[COORDINATES] * 4)), st.booleans())
def test_what_is_kept_lies_inside_and_has_an_area(numbers, one_based):
    pairs = np.array(numbers, np.float64).reshape(-1, 2, 2)
    corners = np.sort(pairs, axis=1).reshape(-1, 4)  # (G, 4) min before max
    fitted = fit(zero_based(corners) if one_based else corners, SIZE)
    kept = to_fractions(fitted.boxes_px[fitted.usable], SIZE)
    assert np.all((kept >= 0) & (kept <= 1))
    assert np.all(kept[:, :2] < kept[:, 2:])
    assert not np.any(fitted.clipped & fitted.outside)
    assert not np.any((fitted.clipped | fitted.outside) & ~fitted.has_area)


@given(st.lists(st.integers(0, 4), min_size=1))
def test_a_size_for_each_row(choice):
    corners = np.float64([[10, 20, 30, 40]] * len(choice))
    sizes = np.array([[50, 60], [30, 40], [20, 400], [7000, 5000], UNKNOWN])[choice]
    together = fit(corners, sizes)
    for row, size in enumerate(sizes):
        alone = fit(corners[:1], size)
        for name in ("boxes_px", "has_area", "clipped", "outside"):
            np.testing.assert_array_equal(getattr(together, name)[row], getattr(alone, name)[0])


def test_without_a_size_only_boxes_without_area_show():
    corners = np.float64([[-9, -9, 900, 900], [-9, -9, -5, -5], [5, 5, 5, 9]])
    boxes_px, _, has_area, clipped, outside = fit(corners, np.array(UNKNOWN))
    np.testing.assert_array_equal(boxes_px, corners)
    assert has_area.tolist() == [True, True, False]
    assert not clipped.any()
    assert not outside.any()


# Records whose size shows when their image is read

WRITTEN = tuple(Written(Place("a", f"line {row}"), f"x={row}") for row in range(3))


def record(*boxes_px, **options) -> Record:
    rows = len(boxes_px)
    labels, flags = np.arange(1, rows + 1, dtype=np.int32), np.arange(rows) == 1
    return Record("a", b"", np.array(boxes_px, np.float64), labels, flags, ~flags, written=WRITTEN[:rows], **options)


def test_a_record_is_fitted_with_all_its_columns():
    fitted, problems = fit_record(record((199.9999999, 0, 300, 9), (-1, 0, 9, 9), (1, 2, 3, 4)), (200, 100), Notes())
    np.testing.assert_array_equal(fitted.boxes_px, [[0, 0, 9, 9], [1, 2, 3, 4]])
    assert (fitted.labels.tolist(), fitted.difficult.tolist(), fitted.crowd.tolist()) == ([2, 3], [True, False], [False, True])
    assert (fitted.size, fitted.written) == ((200, 100), ())
    assert problems == [(DROPPED, "a: line 0: x=0", Place("a", "line 0")), (CLIPPED, "a: line 1: x=1", Place("a", "line 1"))]


def test_a_row_outside_is_a_fault():
    message = r"^a: line 1: x=1 lies outside the image of 200 x 100 px; correct the box$"
    with pytest.raises(DatasetError, match=message) as raised:
        fit_record(record((1, 2, 3, 4), (200, 0, 201, 9)), (200, 100), Notes())
    assert (raised.value.kind, raised.value.place) == ("boxes outside their image", Place("a", "line 1"))


def test_a_record_with_a_size_is_left_alone():
    given = record((1, 2, 300, 400), size=(300, 400))
    assert fit_record(given, (200, 100), Notes()) == (given, [])


# Numbers


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
