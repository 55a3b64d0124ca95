import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.config import Tiling
from tf_ssd.data.augment.windows import whole
from tf_ssd.data.images.pixels import resized_tiles, source_of
from tf_ssd.data.images.resize import resize_window
from tf_ssd.data.images.tiles import MOST_AUTO, SMALLEST_PX, tile_reduction, tiles_of
from tf_ssd.errors import ConfigError


def tiles(size, number, overlap=0.2, image_size=300):
    return tiles_of(size, Tiling(number, overlap), image_size=image_size, name="a.jpg")


def test_without_overlap_they_are_the_parts_of_the_picture():
    np.testing.assert_array_equal(
        tiles((200, 100), 2, 0), [[0, 0, 100, 50], [100, 0, 200, 50], [0, 50, 100, 100], [100, 50, 200, 100]]
    )


def test_with_overlap():
    """Three tiles of 100 px that share 20 along a side of 260."""
    found = tiles((260, 260), 3)
    np.testing.assert_array_equal(found[:3], [[0, 0, 100, 100], [80, 0, 180, 100], [160, 0, 260, 100]])
    np.testing.assert_array_equal(found[3:6], found[:3] + np.array([0, 80, 0, 80]))


@given(st.tuples(st.integers(600, 5000), st.integers(600, 5000)), st.integers(2, 16) | st.just("auto"), st.floats(0, 0.5, width=16))
def test_they_are_of_one_size_and_cover_the_picture(size, number, overlap):
    found = tiles(size, number, overlap)
    for axis, extent in enumerate(size):
        low, high = np.unique(found[:, axis]), np.unique(found[:, axis + 2])
        assert (low[0], high[-1]) == (0, extent)
        (side,) = {*(high - low)}
        shared = high[:-1] - low[1:]
        assert (shared >= np.floor(overlap * side) - 1).all()
        assert (shared >= 0).all()
        assert np.ptp(shared) <= 1
    assert len(found) == len(np.unique(found, axis=0)) == len(np.unique(found[:, 0])) * len(np.unique(found[:, 1]))
    assert number == "auto" or len(found) == number**2


@pytest.mark.parametrize(
    ("size", "columns", "rows"),
    [((300, 300), 1, 1), ((500, 375), 2, 1), ((640, 480), 2, 2), ((1300, 300), 5, 1), ((4000, 3000), 8, 8), ((100, 20), 1, 1)],
)
def test_auto_makes_them_about_as_large_as_the_input(size, columns, rows):
    found = tiles(size, "auto")
    assert len(found) == (columns * rows if columns * rows > 1 else 0)
    if 1 < columns < MOST_AUTO:
        assert 0.75 * 300 < found[0, 2] < 1.5 * 300


@pytest.mark.parametrize("number", [None, 1, "auto"])
def test_one_tile_would_be_the_picture_itself(number):
    assert tiles((300, 20), number).shape == (0, 4)


@pytest.mark.parametrize(("size", "reduction"), [((701, 320), 1), ((1803, 1211), 4), ((2000, 1000), 2), ((5003, 4999), 8)])
def test_the_network_sees_them_as_pictures_of_their_own(size, reduction):
    """Although they need not begin where a cell of the reduced picture does."""
    picture = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    found = tiles(size, 2, image_size=150)[[0, 3]]
    sides = found[0, 2:]
    assert tile_reduction(sides, 150) == reduction
    assert not (sides % reduction).any()
    for tile, (left, top, right, bottom) in zip(resized_tiles(picture, found, image_size=150), found, strict=True):
        alone = source_of(picture[top:bottom, left:right])
        np.testing.assert_array_equal(tile, resize_window(alone, whole(alone.size_px), image_size=150))


def test_tiny_tiles_are_refused():
    message = (
        "--tiles 9: a.jpg has 500 x 200 px, so that a tile would have 68 x 28; give up to 7, for tiles of 32 px or more, or auto"
    )
    with pytest.raises(ConfigError, match=message):
        tiles((500, 200), 9)
    assert tiles((500, 200), 7)[0, 3] >= SMALLEST_PX
    with pytest.raises(ConfigError, match="give up to 1, for"):
        tiles((20, 5000), 2)
