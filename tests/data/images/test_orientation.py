import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tf_ssd.data.images.orientation import stored_part, turn, turned_size

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
orientations = st.integers(1, 8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_turned_as_by_pillow(orientation):
    image = Image.fromarray(PIXELS)
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(turn(PIXELS, orientation), np.array(ImageOps.exif_transpose(image)))


@given(orientations, st.data())
def test_a_part_is_stored_where_its_pixels_are(orientation, data):
    shown = turn(PIXELS, orientation)
    left, top = data.draw(st.integers(0, shown.shape[1] - 1)), data.draw(st.integers(0, shown.shape[0] - 1))
    right, bottom = data.draw(st.integers(left + 1, shown.shape[1])), data.draw(st.integers(top + 1, shown.shape[0]))
    x0, y0, x1, y1 = stored_part((left, top, right, bottom), shown.shape[1::-1], orientation)
    np.testing.assert_array_equal(turn(PIXELS[y0:y1, x0:x1], orientation), shown[top:bottom, left:right])


@given(orientations)
def test_the_size_is_that_of_the_turned_pixels(orientation):
    assert turned_size((7, 5), orientation) == turn(PIXELS, orientation).shape[1::-1]
