from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tf_ssd.data.records import Record
from tf_ssd.errors import ImageError
from tf_ssd.evaluate.report.thumbnails import MOST_BYTES, SIDE_PX, Picture, part_around, placed, read_picture, thumbnail


def record(pixels: np.ndarray, size=None, suffix: str = "PNG") -> Record:
    encoded = BytesIO()
    Image.fromarray(pixels).save(encoded, suffix)
    return Record("a", encoded.getvalue(), np.zeros((0, 4)), np.zeros(0, np.int32), np.zeros(0, bool), size=size)


def shown(src: str) -> np.ndarray:
    head, encoded = src.split(",")
    assert head == "data:image/jpeg;base64"
    return np.array(Image.open(BytesIO(b64decode(encoded))))


@given(st.integers(1, 6000), st.integers(1, 6000), st.tuples(*[st.floats(0, 1)] * 4))
@settings(max_examples=300)
def test_a_part_holds_its_box_and_lies_in_the_picture(width, height, fractions):
    x0, x1, y0, y1 = fractions
    box = np.array([min(x0, x1) * width, min(y0, y1) * height, max(x0, x1) * width, max(y0, y1) * height])
    left, top, right, bottom = part_around(box, Picture(b"", "", (width, height), (width, height), "ignore"))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left <= box[0]
    assert top <= box[1]
    assert right >= box[2]
    assert bottom >= box[3]
    assert left % 8 == top % 8 == 0
    assert right in (width, right // 8 * 8)
    assert bottom in (height, bottom // 8 * 8)


@pytest.mark.parametrize("suffix", ["PNG", "JPEG"])
def test_a_small_object_in_a_large_picture_is_seen_where_its_box_is(suffix):
    """Also if the annotation says that the picture is half as large."""
    pixels = np.zeros((2000, 3000, 3), np.uint8)
    pixels[1500:1540, 2400:2460] = 255
    for size, scale in ((None, 1), ((1500, 1000), 2)):
        picture = read_picture(record(pixels, size, suffix), exif="ignore")
        box = np.array([2400, 1500, 2460, 1540]) / scale
        part = part_around(box, picture)
        copy = thumbnail(picture, part)
        (left, top, right, bottom) = placed(box[None], picture, part, copy)[0]
        assert max(copy.size) == SIDE_PX
        seen = shown(copy.src)[..., 0] > 128
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        np.testing.assert_allclose([left, top, right, bottom], [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], atol=1)


def test_a_small_picture_is_shown_whole_and_not_enlarged():
    picture = read_picture(record(np.zeros((40, 30, 3), np.uint8)), exif="ignore")
    part = part_around(np.array([0, 0, 2, 2]), picture)
    assert part == (0, 0, 30, 40)
    assert thumbnail(picture, part).size == (30, 40)


def test_noise_is_not_too_long_either():
    picture = read_picture(record(np.random.default_rng(0).integers(0, 256, (500, 500, 3), dtype=np.uint8)), exif="ignore")
    src = thumbnail(picture, part_around(np.array([0, 0, 400, 400]), picture)).src
    assert len(src) < 1.4 * MOST_BYTES


def test_what_is_no_picture_is_an_error():
    broken = Record("a", b"no picture", np.zeros((0, 4)), np.zeros(0, np.int32), np.zeros(0, bool))
    with pytest.raises(ImageError):
        read_picture(broken, exif="ignore")
