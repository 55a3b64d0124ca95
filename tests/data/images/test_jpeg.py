from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tf_ssd.data.images.jpeg import decode_ordinary, is_ordinary

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (33, 70, 3), np.uint8))


def jpeg(image: Image.Image = NOISE, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "encoded",
    [
        jpeg(),
        jpeg(progressive=True),
        jpeg(NOISE.convert("L")),
        jpeg() + b"what a camera adds",
        jpeg(exif=b"Exif\0\0" + jpeg()),
        jpeg(comment=b"\xff\xd9"),
    ],
)
def test_ordinary_files(encoded):
    assert is_ordinary(encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\xff\xd8\xff\xd9",
        b"\x89PNG\r\n\x1a\n",
        jpeg(NOISE.convert("CMYK")),
        jpeg()[:-2],
        jpeg(exif=b"Exif\0\0" + jpeg())[:-2],
        jpeg(comment=b"\xff\xd9")[:-2],
        jpeg().replace(b"\xff\xc0", b"\xff\xc9"),  # arithmetic coding
        jpeg().replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"),  # 12 bits
    ],
)
def test_other_files(encoded):
    assert not is_ordinary(encoded)


def test_no_beginning_of_a_file_is_ordinary():
    encoded = jpeg(exif=b"Exif\0\0" + jpeg())
    assert not any(is_ordinary(encoded[:length]) for length in range(len(encoded)))


@pytest.mark.parametrize(
    "options", [{"subsampling": "4:2:2"}, {"subsampling": "4:2:0"}, {"subsampling": "4:4:4"}, {"progressive": True}]
)
@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_every_first_and_last_column_is_that_of_the_whole_image(options, reduction):
    """Colours are interpolated across the borders of the blocks that a part touches."""
    encoded = jpeg(**options)
    height, width = -(-33 // reduction), -(-70 // reduction)
    whole = decode_ordinary(encoded, (0, 0, width, height), width, reduction=reduction)
    assert whole.shape == (height, width, 3)
    for column in range(width):
        right_of_it = decode_ordinary(encoded, (column, 0, width, height), width, reduction=reduction)
        np.testing.assert_array_equal(right_of_it, whole[:, column:])
        left_of_it = decode_ordinary(encoded, (0, height // 2, column + 1, height), width, reduction=reduction)
        np.testing.assert_array_equal(left_of_it, whole[height // 2 :, : column + 1])


def test_what_tensorflow_cannot_decode_is_none():
    encoded = jpeg()
    tables = encoded.index(b"\xff\xdb")  # quantisation, which no file can do without
    encoded = encoded[:tables] + encoded[tables + 2 * 69 :]
    assert is_ordinary(encoded)
    assert decode_ordinary(encoded, (0, 0, 70, 33), 70, reduction=1) is None
