from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tf_ssd.drawing.sheets import captioned, small_png

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8))


@pytest.mark.parametrize(("text", "lines"), [("short", 1), ("a text that is far too wide for the sheet", 2)])
def test_a_caption_stands_above_within_the_sheet(text, lines):
    whole = captioned(NOISE, text)
    assert whole.width == NOISE.width
    assert lines * 14 < whole.height - NOISE.height < lines * 28 + 12
    above, below = np.asarray(whole)[: -NOISE.height], np.asarray(whole)[-NOISE.height :]
    np.testing.assert_array_equal(below, NOISE)
    assert above.min() < 128  # letters
    assert (above[:, -5:] == 255).all()  # none cut off


def opened(encoded: bytes) -> Image.Image:
    return Image.open(BytesIO(encoded))


def test_a_small_picture_stays_as_it_is():
    np.testing.assert_array_equal(opened(small_png(NOISE, most_bytes=100_000)), NOISE)


@pytest.mark.parametrize("most_bytes", [50_000, 1000])
def test_a_large_picture_is_made_smaller(most_bytes):
    encoded = small_png(NOISE, most_bytes=most_bytes)
    assert most_bytes / 3 < len(encoded) <= most_bytes
    assert opened(encoded).width / opened(encoded).height == pytest.approx(4 / 3, abs=0.2)
