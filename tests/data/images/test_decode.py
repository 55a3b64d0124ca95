import errno
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from tf_ssd.data.images import decode as module
from tf_ssd.data.images.decode import Header, decode, decode_opened, decode_part, read_file, read_header, read_image
from tf_ssd.data.records import Record
from tf_ssd.errors import ImageError, ResourceError

HEIGHT, WIDTH = 45, 67
NOISE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
ORIENTATION = 0x0112


def encode(pixels, file_format: str = "PNG", **options) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def rotated(orientation: int) -> dict:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return {"exif": exif}


def png(pixels: np.ndarray, *, bits: int = 8, interlaced: bool = False, size: tuple[int, int] | None = None) -> bytes:
    """A PNG of (H, W, 3) colours or (H, W, 1) greys, of a depth or an order that Pillow does not write."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for row, column, down, right in passes if interlaced else [(0, 0, 1, 1)]:
        part = pixels[row::down, column::right].astype(">u2" if bits == 16 else "u1")
        rows += b"".join(b"\0" + line.tobytes() for line in part if line.size)
    width, height = size or pixels.shape[1::-1]
    header = struct.pack(">IIBBBBB", width, height, bits, 2 if pixels.shape[2] == 3 else 0, 0, 0, interlaced)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def without_adobe(jpeg: bytes) -> bytes:
    """The JPEG without the marker that says that its inks are inverted, as Photoshop writes them."""
    start = jpeg.index(b"\xff\xee")
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4]) :]


PALETTE = Image.fromarray(NOISE).quantize(16)
DEEP = np.random.default_rng(1).integers(0, 1 << 16, (HEIGHT, WIDTH, 3), np.uint16)
CMYK = Image.fromarray(np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8), "CMYK")
EXACT = {  # files, and the pixels that are in them
    "PNG": (encode(NOISE), NOISE),
    "BMP": (encode(NOISE, "BMP"), NOISE),
    "TIFF": (encode(NOISE, "TIFF"), NOISE),
    "WebP": (encode(NOISE, "WEBP", lossless=True), NOISE),
    "GIF, first frame": (
        encode(PALETTE, "GIF", save_all=True, append_images=[Image.new("P", PALETTE.size)]),
        np.array(PALETTE.convert("RGB")),
    ),
    "grey PNG": (encode(NOISE[..., 0]), NOISE[..., :1].repeat(3, axis=-1)),
    "black and white PNG": (
        encode(Image.fromarray(NOISE[..., 0] > 127)),
        np.where(NOISE[..., :1] > 127, 255, 0).repeat(3, axis=-1),
    ),
    "palette PNG": (encode(PALETTE), np.array(PALETTE.convert("RGB"))),
    "palette PNG with one transparent colour": (encode(PALETTE, transparency=3), np.array(PALETTE.convert("RGB"))),
    "palette PNG with alpha": (encode(PALETTE, transparency=bytes(range(0, 160, 10))), np.array(PALETTE.convert("RGB"))),
    "RGBA PNG": (encode(np.dstack([NOISE, NOISE[..., 1]])), NOISE),
    "grey PNG with alpha": (encode(NOISE[..., :2].copy()), NOISE[..., :1].repeat(3, axis=-1)),
    "RGBA WebP": (encode(np.dstack([NOISE, NOISE[..., 1]]), "WEBP", lossless=True, exact=True), NOISE),
    "grey PNG of 16 bits": (png(DEEP[..., :1], bits=16), (DEEP[..., :1] >> 8).repeat(3, axis=-1)),
    "PNG of 16 bits": (png(DEEP, bits=16), DEEP >> 8),
    "interlaced PNG": (png(NOISE, interlaced=True), NOISE),
    "JPEG 2000": (encode(NOISE, "JPEG2000"), NOISE),
    "TGA": (encode(NOISE, "TGA"), NOISE),
    "icon": (encode(NOISE, "ICO", sizes=[(WIDTH, HEIGHT)]), NOISE),
    "PPM": (encode(NOISE, "PPM"), NOISE),
    "PGM of 16 bits": (
        b"P5 %d %d 65535\n" % (WIDTH, HEIGHT) + DEEP[..., 0].astype(">u2").tobytes(),
        (DEEP[..., :1] >> 8).repeat(3, axis=-1),
    ),
}
JPEGS = {
    "JPEG": encode(NOISE, "JPEG", quality=60),
    "JPEG 4:4:4": encode(NOISE, "JPEG", subsampling="4:4:4", quality=60),
    "JPEG 4:2:2": encode(NOISE, "JPEG", subsampling="4:2:2", quality=60),
    "progressive JPEG": encode(NOISE, "JPEG", progressive=True, quality=60),
    "RGB JPEG": encode(NOISE, "JPEG", keep_rgb=True, quality=60),
    "grey JPEG": encode(NOISE[..., 0], "JPEG", quality=60),
    "CMYK JPEG, inverted": encode(CMYK, "JPEG", quality=60),
    "CMYK JPEG": without_adobe(encode(CMYK, "JPEG", quality=60)),
    "JPEG with restarts": encode(NOISE, "JPEG", restart_marker_blocks=2, quality=60),
    "JPEG with a thumbnail": encode(NOISE, "JPEG", exif=b"Exif\0\0II*\0" + encode(NOISE[:8, :8], "JPEG"), quality=60),
    "JPEG followed by others": encode(NOISE, "MPO", save_all=True, append_images=[Image.fromarray(NOISE[:9])], quality=60),
    **{f"JPEG turned by EXIF {number}": encode(NOISE, "JPEG", quality=60, **rotated(number)) for number in (2, 3, 4, 5, 6, 7, 8)},
}
FILES = (
    {name: encoded for name, (encoded, _) in EXACT.items()}
    | JPEGS
    | {"lossy WebP": encode(NOISE, "WEBP"), "AVIF": encode(NOISE, "AVIF")}
)
BAD_BYTES = {
    "zero bytes": b"",
    "not an image": b"<html>404 Not Found</html>",
    "truncated PNG": encode(NOISE)[:-200],
    "truncated JPEG": JPEGS["JPEG"][:-200],
    "truncated progressive JPEG": JPEGS["progressive JPEG"][:-200],
    "JPEG that ends in its header": JPEGS["JPEG"][:200],
    "JPEG with an end that was put on": JPEGS["JPEG"][:180] + b"\xff\xd9",
    "a start and an end of a JPEG": b"\xff\xd8\xff\xd9",
    "floating-point pixels": encode(np.ones((4, 4), np.float32), "TIFF"),
    "TIFF of 16 bits": encode(np.full((4, 4), 40_000, np.uint16), "TIFF"),
    "20000 x 20000 pixels": png(NOISE, size=(20_000, 20_000)),
    "EPS, which would start Ghostscript": encode(NOISE, "EPS"),
    "a format not listed": encode(NOISE, "SGI"),
    "JPEG 2000 of 16 bits": encode(np.full((4, 4), 40_000, np.uint16), "JPEG2000"),
}


def record(image) -> Record:
    return Record("seven", image, np.zeros((0, 4)), np.zeros(0, np.int32), np.zeros(0, bool))


def by_pillow(encoded: bytes, *, turned: bool = False) -> np.ndarray:
    with Image.open(BytesIO(encoded)) as image:
        return np.array((ImageOps.exif_transpose(image) if turned else image).convert("RGB"))


@st.composite
def parts(draw, width: int, height: int, reduction: int = 1) -> tuple[int, int, int, int]:
    """Parts of an image whose ends are multiples of a reduction, or the image's own."""
    (left, right), (top, bottom) = (
        sorted(draw(st.lists(st.integers(0, -(-side // reduction)), min_size=2, max_size=2, unique=True)))
        for side in (width, height)
    )
    return left * reduction, top * reduction, min(right * reduction, width), min(bottom * reduction, height)


# All of an image


@pytest.mark.parametrize(("encoded", "pixels"), EXACT.values(), ids=EXACT.keys())
def test_pixels_are_those_that_were_written(encoded, pixels):
    image = decode(encoded, "image")
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, pixels)


@pytest.mark.parametrize("name", sorted(JPEGS.keys() - {"CMYK JPEG"}))
def test_a_jpeg_is_decoded_as_by_pillow(name):
    np.testing.assert_array_equal(decode(JPEGS[name], "image"), by_pillow(JPEGS[name]))


def test_inks_become_colours_whether_they_are_inverted_or_not():
    """100 % cyan absorbs red. Pillow writes inks as Photoshop does, inverted and with a marker that says so."""
    inverted = encode(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG")
    plain = without_adobe(encode(Image.new("CMYK", (16, 16), (0, 255, 255, 255)), "JPEG"))
    for encoded in (inverted, plain):
        np.testing.assert_allclose(decode(encoded, "image"), np.broadcast_to([0, 255, 255], (16, 16, 3)), atol=3)


@pytest.mark.parametrize("encoded", FILES.values(), ids=FILES.keys())
def test_the_header_tells_the_size(encoded):
    header = read_header(encoded, "image")
    for exif in ("ignore", "apply"):
        width, height = header.shown_size(exif)
        assert decode(encoded, "image", exif=exif).shape == (height, width, 3)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "lossy WebP", "interlaced PNG", "GIF, first frame"])
def test_the_header_is_read_without_the_pixels(name, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", pytest.fail)
    assert read_header(FILES[name], "image").size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("encoded", FILES.values(), ids=FILES.keys())
def test_a_picture_of_pillow_has_the_pixels_of_its_file(encoded):
    with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(encoded)) as image:
        np.testing.assert_array_equal(decode_opened(image, exif="apply"), decode(encoded, "image", exif="apply"))


def test_a_picture_that_comes_from_no_file():
    deep, turned = Image.fromarray(DEEP[..., 0]), Image.fromarray(NOISE)
    np.testing.assert_array_equal(decode_opened(deep), (DEEP[..., :1] >> 8).repeat(3, axis=-1))
    turned.getexif()[ORIENTATION] = 6
    np.testing.assert_array_equal(decode_opened(turned, exif="apply"), np.rot90(NOISE, -1))
    np.testing.assert_array_equal(decode_opened(turned, exif="ignore"), NOISE)
    for refused in (Image.fromarray(np.ones((4, 4), np.float32)), Image.open(BytesIO(BAD_BYTES["TIFF of 16 bits"]))):
        with pytest.raises(ImageError, match=r"the picture: cannot be read as an image .*more than 8 bits"):
            decode_opened(refused)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_orientations_are_ignored_or_applied(file_format, orientation, tmp_path):
    encoded = encode(NOISE, file_format, **rotated(orientation))
    turned = by_pillow(encoded, turned=True)
    assert read_header(encoded, "image") == Header(file_format, (WIDTH, HEIGHT), orientation)
    np.testing.assert_array_equal(decode(encoded, "image"), by_pillow(encoded))
    np.testing.assert_array_equal(decode(encoded, "image", exif="apply"), turned)
    path = tmp_path / "image"
    path.write_bytes(encoded)
    assert read_header(encoded, "image").shown_size("ignore") == (WIDTH, HEIGHT)
    assert read_header(encoded, "image").shown_size("apply") == turned.shape[1::-1]
    np.testing.assert_array_equal(read_image(record(path), exif="apply"), turned)


@pytest.mark.parametrize("orientation", [0, 9, 99])
def test_an_orientation_that_does_not_exist_is_none(orientation):
    assert read_header(encode(NOISE, "JPEG", **rotated(orientation)), "image").orientation == 1


def test_a_file_is_decoded_by_its_content_whatever_its_name(tmp_path):
    path = tmp_path / "image.jpg"
    path.write_bytes(encode(NOISE))
    np.testing.assert_array_equal(read_image(record(path)), NOISE)
    np.testing.assert_array_equal(read_image(record(encode(NOISE))), NOISE)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("size", [(1, 1), (20_000, 300), (300, 20_000), (1, 3000)])
def test_small_and_long_images_are_decoded(file_format, size):
    assert decode(encode(Image.new("L", size, 200), file_format), "image").shape == (*size[::-1], 3)


# A part of an image


@pytest.mark.parametrize("encoded", FILES.values(), ids=FILES.keys())
@given(data=st.data(), exif=st.sampled_from(["ignore", "apply"]))
def test_a_part_is_cut_out_of_all_of_the_image(encoded, data, exif):
    whole = decode(encoded, "image", exif=exif)
    left, top, right, bottom = part = data.draw(parts(whole.shape[1], whole.shape[0]))
    np.testing.assert_array_equal(decode_part(encoded, "image", part, 1, exif=exif), whole[top:bottom, left:right])


@pytest.mark.parametrize("encoded", FILES.values(), ids=FILES.keys())
@given(data=st.data(), reduction=st.sampled_from([2, 4, 8]), exif=st.sampled_from(["ignore", "apply"]))
def test_a_reduced_part_is_cut_out_of_all_of_the_reduced_image(encoded, data, reduction, exif):
    width, height = read_header(encoded, "image").shown_size(exif)
    whole = decode_part(encoded, "image", (0, 0, width, height), reduction, exif=exif)
    assert whole.shape == (-(-height // reduction), -(-width // reduction), 3)
    part = data.draw(parts(width, height, reduction))
    left, top, right, bottom = (-(-value // reduction) for value in part)
    np.testing.assert_array_equal(decode_part(encoded, "image", part, reduction, exif=exif), whole[top:bottom, left:right])


@pytest.mark.parametrize("reduction", [2, 4, 8])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_a_reduced_pixel_is_about_the_mean_of_those_it_covers(file_format, orientation, reduction):
    coarse = np.random.default_rng(4).integers(0, 256, (6, 8, 3), np.uint8)
    smooth = Image.fromarray(coarse).resize((128, 96), Image.Resampling.BICUBIC)
    encoded = encode(smooth, file_format, **({"quality": 95} if file_format == "JPEG" else {}), **rotated(orientation))
    pixels = decode(encoded, "image", exif="apply")
    height, width, _ = pixels.shape
    means = pixels.reshape(height // reduction, reduction, width // reduction, reduction, 3).mean(axis=(1, 3))
    reduced = decode_part(encoded, "image", (0, 0, width, height), reduction, exif="apply")
    np.testing.assert_allclose(reduced, means, atol=0.51 if file_format == "PNG" else 6)
    assert abs(np.mean(reduced - means)) < 0.3


@pytest.mark.parametrize("part", [(-1, 0, 8, 8), (0, 0, 8, HEIGHT + 1), (8, 0, 8, 8), (1, 0, 8, 8), (0, 0, 9, 8)])
def test_a_part_that_cannot_be_cut_is_refused(part):
    with pytest.raises(ImageError, match=r"part \(.+\) of an image of 67 x 45 pixels cannot be reduced by 4"):
        decode_part(JPEGS["JPEG"], "image", part, 4)


# Images that cannot be used


@pytest.mark.parametrize("encoded", BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_bad_bytes_name_the_record(encoded, capfd):
    for use in (read_image, lambda bad: decode_part(bad.image, "record seven", (0, 0, 4, 4), 1)):
        with pytest.raises(
            ImageError, match=r"record seven: cannot be read as an image \(.+\); replace it by a JPEG or PNG, or leave it out"
        ):
            use(record(encoded))
    assert "tensorflow" not in capfd.readouterr().err.lower()


@pytest.mark.parametrize("encoded", BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_bad_files_name_the_file(encoded, tmp_path):
    path = tmp_path / "image.jpg"
    path.write_bytes(encoded)
    with pytest.raises(ImageError, match=r"image\.jpg: cannot be read as an image \(.+\); replace"):
        read_image(record(path))


@pytest.mark.parametrize("use", [lambda path: read_image(record(path)), read_file])
def test_a_missing_file_is_named(use, tmp_path):
    with pytest.raises(ImageError, match=r"gone\.jpg: cannot be read as an image .*FileNotFoundError"):
        use(tmp_path / "gone.jpg")


@pytest.mark.parametrize(
    "error", [MemoryError("no room"), OSError(errno.EMFILE, "Too many open files"), OSError(errno.ESTALE, "Stale")]
)
def test_only_what_an_image_is_guilty_of_is_an_error_of_the_image(error, tmp_path, monkeypatch):
    """So that nobody skips a good image because memory ran out."""
    path = tmp_path / "a.png"
    path.write_bytes(FILES["PNG"])

    def fail(*_, **__):
        raise error

    for owner, name, use in (
        (Path, "read_bytes", lambda: read_file(path)),
        (Image, "open", lambda: decode(FILES["PNG"], str(path))),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            with pytest.raises(ResourceError, match=r"a\.png: cannot be read now .*the file may be fine"):
                use()


@pytest.mark.parametrize("name", ["JPEG", "progressive JPEG", "grey JPEG", "JPEG with restarts", "JPEG with a thumbnail"])
@given(data=st.data())
def test_a_jpeg_that_was_cut_off_below_the_part_is_refused(name, data):
    encoded = JPEGS[name]
    length = data.draw(st.integers(len(encoded) // 2, len(encoded) - 20))
    with pytest.raises(ImageError):
        decode_part(encoded[:length], "image", (0, 0, 8, 8), 1)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_damage_gives_an_error_or_an_image_of_the_size_in_the_header(name, data):
    damaged = bytearray(FILES[name])
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=3)):
        damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    encoded = bytes(damaged[: data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)))])
    try:
        width, height = read_header(encoded, "image").size
        if width * height < 10_000_000:  # else a header may ask for gigabytes, as it may
            assert decode(encoded, "image").shape == (height, width, 3)
    except ImageError:
        pass


def test_pillow_warns_of_nothing(monkeypatch):
    """Neither of a size between its limit and twice that, nor of EXIF data that end early."""
    encoded = encode(NOISE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x0f\x01\x02\0")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", WIDTH * HEIGHT - 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        by_pillow(encoded, turned=True)
    assert {warning.category for warning in caught} == {Image.DecompressionBombWarning, UserWarning}
    with warnings.catch_warnings():
        for _ in range(2):
            warnings.simplefilter("error")
            assert decode(encoded, "image", exif="apply").shape[2] == 3


def test_a_decompression_bomb_is_refused_by_its_header(monkeypatch):
    monkeypatch.setattr(module, "_pixels", pytest.fail)
    with pytest.raises(ImageError, match="DecompressionBombError"):
        decode(BAD_BYTES["20000 x 20000 pixels"], "image")


def test_messages_are_the_same_every_time():
    messages = set()
    for _ in range(2):
        with pytest.raises(ImageError) as caught:
            read_image(record(b"no image"))
        messages.add(str(caught.value))
    assert len(messages) == 1
