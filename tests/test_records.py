from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tf_ssd.data.records import Record, image_size, read_image
from tf_ssd.errors import DatasetError


def encode(pixels: np.ndarray, file_format: str = "PNG", **options) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


def record(image) -> Record:
    return Record("seven", image, np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool))


def test_crowd_and_size_may_be_left_out():
    boxes = np.zeros((2, 4), np.float32)
    plain = Record("seven", b"", boxes, np.ones(2, np.int32), np.zeros(2, bool))
    assert plain.crowd.tolist() == [False, False]
    assert plain.size is None
    given = Record("seven", b"", boxes, np.ones(2, np.int32), np.zeros(2, bool), np.ones(2, bool), (30, 20))
    assert given.crowd.all()
    assert given.size == (30, 20)


NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF"])
def test_bytes_are_decoded_to_rows_columns_and_rgb(file_format):
    image = read_image(record(encode(NOISE, file_format)))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, NOISE)


def test_a_file_is_decoded_like_its_bytes(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(encode(NOISE))
    np.testing.assert_array_equal(read_image(record(path)), NOISE)
    assert image_size(path) == (30, 20)


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "GIF"])
def test_other_formats_are_read(file_format):
    assert read_image(record(encode(NOISE, file_format))).shape == (20, 30, 3)


def test_grey_becomes_rgb():
    image = read_image(record(encode(NOISE[..., 0])))
    np.testing.assert_array_equal(image, np.repeat(NOISE[..., :1], 3, axis=-1))


def test_alpha_is_left_out():
    with_alpha = np.dstack([NOISE, np.zeros((20, 30), np.uint8)])
    np.testing.assert_array_equal(read_image(record(encode(with_alpha))), NOISE)


def test_exif_orientation_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees"
    assert read_image(record(encode(NOISE, "JPEG", exif=exif))).shape == (20, 30, 3)


BAD_BYTES = {
    "zero bytes": b"",
    "not an image": b"<html>404 Not Found</html>",
    "truncated PNG": encode(NOISE)[:-200],
    "truncated JPEG": encode(NOISE, "JPEG")[:-200],
    "16 bits": encode(np.full((4, 4), 40_000, np.uint16)),
    "float pixels": encode(np.ones((4, 4), np.float32), "TIFF"),
    "EPS, which would start Ghostscript": encode(NOISE, "EPS"),
    "a format not listed": encode(NOISE, "PPM"),
}


@pytest.mark.parametrize("encoded", BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_bad_bytes_name_the_record(encoded):
    with pytest.raises(DatasetError, match=r"record seven: cannot be read as an image \(.+\); replace"):
        read_image(record(encoded))


@pytest.mark.parametrize("encoded", BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_bad_files_name_the_file(encoded, tmp_path):
    path = tmp_path / "image.jpg"
    path.write_bytes(encoded)
    with pytest.raises(DatasetError, match=r"image\.jpg: cannot be read as an image \(.+\); replace"):
        read_image(record(path))


@pytest.mark.parametrize("use", [lambda path: read_image(record(path)), image_size])
def test_a_missing_file_is_named(use, tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.jpg: cannot be read as an image .*FileNotFoundError"):
        use(tmp_path / "gone.jpg")


def test_a_decompression_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow refuses twice as many
    with pytest.raises(DatasetError, match="DecompressionBombError"):
        read_image(record(encode(NOISE)))


def test_messages_are_the_same_every_time():
    messages = set()
    for _ in range(2):
        with pytest.raises(DatasetError) as caught:
            read_image(record(b"no image"))
        messages.add(str(caught.value))
    assert len(messages) == 1
