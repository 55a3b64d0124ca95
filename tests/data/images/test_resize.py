import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.data.images.resize import compose, resample
from tf_ssd.data.images.source import decoded

FILL = (123.0, 117.0, 104.0)
seeds = st.integers(0, 2**32 - 1)
# Positions are float32, so that a sample may lie some 1e-5 pixels beside its place; neighbours differ by up to 255.
TOLERANCE = 0.02


def random_image(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def shown(image: np.ndarray, window_px: tuple[int, ...], *, image_size: int, fill=FILL) -> np.ndarray:
    rendering = resample(decoded(tf.constant(image)), tf.constant(window_px), image_size=image_size)
    return compose(rendering, fill=fill).numpy()


def pasted_and_resized(image: np.ndarray, window_px: tuple[int, ...], *, image_size: int) -> np.ndarray:
    """The window's pixels, one by one, then a resize."""
    left, top, right, bottom = window_px
    canvas = np.tile(np.float32(FILL), (bottom - top, right - left, 1))
    for row in range(max(top, 0), min(bottom, image.shape[0])):
        for column in range(max(left, 0), min(right, image.shape[1])):
            canvas[row - top, column - left] = image[row, column]
    return tf.image.resize(canvas, (image_size, image_size)).numpy()


@st.composite
def windows(draw, width: int, height: int) -> tuple[int, ...]:
    """Any window that shows at least one pixel of an image, inside it or beyond it on any side."""
    left, top = draw(st.integers(-2 * width, width - 1)), draw(st.integers(-2 * height, height - 1))
    right, bottom = draw(st.integers(max(left, 0) + 1, 3 * width)), draw(st.integers(max(top, 0) + 1, 3 * height))
    return left, top, right, bottom


@given(seeds, st.integers(1, 20), st.integers(1, 20), st.integers(1, 24), st.data())
def test_like_pasting_cropping_and_resizing(seed, width, height, image_size, data):
    image = random_image(seed, height, width)
    window_px = data.draw(windows(width, height))
    expected = pasted_and_resized(image, window_px, image_size=image_size)
    np.testing.assert_allclose(shown(image, window_px, image_size=image_size), expected, atol=TOLERANCE)


@given(seeds, st.integers(1, 20), st.integers(1, 20))
def test_a_window_at_its_own_size_is_copied(seed, width, height):
    image = random_image(seed, max(width, height) + 3, max(width, height) + 5)
    side = max(width, height)
    np.testing.assert_array_equal(shown(image, (2, 1, 2 + side, 1 + side), image_size=side), image[1 : 1 + side, 2 : 2 + side])


def test_pixels_at_the_edge_of_the_image_are_mixed_with_the_canvas_by_hand():
    """A window of 4 x 4 around an image of 2 x 2, at twice the size: the centres of its pixels lie at -1.25, -0.75, -0.25, ... of
    the image, so that along each axis 0, 1/4, 3/4, 1, 1, 3/4, 1/4 and 0 of the weights fall on it.
    """
    share = np.array([0, 0.25, 0.75, 1, 1, 0.75, 0.25, 0])
    coverage = (share[:, None] * share)[..., None]
    result = shown(np.full((2, 2, 3), 255, np.uint8), (-1, -1, 3, 3), image_size=8)
    np.testing.assert_allclose(result, 255 * coverage + FILL * (1 - coverage), atol=1e-3)


def test_only_the_pixels_that_show_the_image_are_rendered():
    rendering = resample(decoded(tf.ones((10, 20, 3))), tf.constant([-20, 0, 60, 80]), image_size=40)
    # Two pixels of the window make one: the image covers columns 10 to 19 and rows 0 to 4.
    assert rendering.channels.shape == (3, 5, 10)
    assert rendering.rows.margins.numpy().tolist() == [0, 35]
    assert rendering.columns.margins.numpy().tolist() == [10, 20]


def test_a_sliver_that_no_sample_hits_leaves_only_canvas():
    """One column of the image in a window of 100 columns, shown as 10: their centres lie at 4.5, 14.5, ... of the window."""
    result = shown(np.full((50, 30, 3), 255, np.uint8), (29, 0, 129, 50), image_size=10)
    np.testing.assert_array_equal(result, np.tile(np.float32(FILL), (10, 10, 1)))


def test_a_window_beside_the_image_is_canvas():
    result = shown(np.full((5, 5, 3), 255, np.uint8), (5, 0, 9, 5), image_size=6)
    np.testing.assert_array_equal(result[:, 1:], np.tile(np.float32(FILL), (6, 5, 1)))
    assert np.isfinite(result).all()


@given(seeds, st.data())
def test_float_images_are_rendered_as_whole_numbers_are(seed, data):
    image = random_image(seed, 9, 7)
    window_px = data.draw(windows(7, 9))
    as_float = shown(image.astype(np.float32), window_px, image_size=8)
    np.testing.assert_allclose(as_float, shown(image, window_px, image_size=8), atol=1e-4)
