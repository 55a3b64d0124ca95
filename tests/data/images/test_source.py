import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.data.augment.windows import whole
from tf_ssd.data.images.resize import compose, resample, resize_window
from tf_ssd.data.images.source import Source, choose_reduction, decoded, read_window

REDUCTIONS = (1, 2, 4, 8)
seeds = st.integers(0, 2**32 - 1)


def by_means(image: np.ndarray, *, parts: list | None = None) -> Source:
    """An image that is read by cutting and, as it promises to be for each reduced pixel, taking means; keeps what was asked for."""

    def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
        left, top, right, bottom = (int(value) for value in part_px)
        step = int(reduction)
        assert 0 <= left < right <= image.shape[1]
        assert 0 <= top < bottom <= image.shape[0]
        assert left % step == top % step == 0
        assert right % step == 0 or right == image.shape[1]
        assert bottom % step == 0 or bottom == image.shape[0]
        if parts is not None:
            parts.append((left, top, right, bottom, step))
        rows = [image[row : min(row + step, bottom)].astype(np.float32).mean(axis=0) for row in range(top, bottom, step)]
        columns = [
            np.mean([row[column : min(column + step, right)] for row in rows], axis=1) for column in range(left, right, step)
        ]
        return tf.constant(np.stack(columns, axis=1), tf.float32)

    return Source(tf.constant(image.shape[1::-1]), read, REDUCTIONS)


def ramp(height: int, width: int) -> np.ndarray:
    """Colours that rise evenly to the right, downwards and along both: any mean of a symmetric neighbourhood is its centre's."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([columns, rows, columns + rows], axis=-1)


# How coarse


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((640, 480), 1),
        ((599, 4000), 1),
        ((600, 600), 2),
        ((1199, 1200), 2),
        ((1200, 1200), 4),
        ((2400, 2399), 4),
        ((2400, 3000), 8),
        ((40_000, 30_000), 8),
        ((1, 1), 1),
    ],
)
def test_the_window_keeps_as_many_pixels_as_the_output_has(sides, expected):
    window_px = tf.constant([-50, 7, sides[0] - 50, sides[1] + 7])
    assert int(choose_reduction(window_px, reductions=REDUCTIONS, image_size=300)) == expected
    assert int(choose_reduction(window_px, reductions=(1,), image_size=300)) == 1


# Which part


@given(seeds, st.integers(1, 30), st.integers(1, 30), st.integers(1, 8), st.data())
def test_just_the_pixels_of_the_window_are_read(seed, width, height, image_size, data):
    left, top = data.draw(st.integers(-width, width - 1)), data.draw(st.integers(-height, height - 1))
    right, bottom = data.draw(st.integers(max(left, 0) + 1, 2 * width)), data.draw(st.integers(max(top, 0) + 1, 2 * height))
    asked = []
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    part = read_window(by_means(image, parts=asked), tf.constant([left, top, right, bottom]), image_size=image_size)
    ((x0, y0, x1, y1, step),) = asked
    assert step == int(part.reduction)
    assert part.corner.numpy().tolist() == [x0 // step, y0 // step]
    for start, stop, low, high, side in ((x0, x1, left, right, width), (y0, y1, top, bottom, height)):
        assert start <= max(low, 0) < start + step
        assert stop == min(-(-min(high, side) // step) * step, side)
    assert bool(part.is_window) == ((left, top, right, bottom) == (x0, y0, x1, y1) and (x1 - x0) % step == (y1 - y0) % step == 0)


# What is shown


@pytest.mark.parametrize("window", [(0, 0, 96, 96), (3, 5, 93, 90), (7, 1, 77, 83), (8, 16, 72, 80), (1, 2, 97, 99)])
@pytest.mark.parametrize("image_size", [8, 10, 17, 24, 40])
def test_reduced_pixels_are_sampled_where_they_lie(window, image_size):
    """An even ramp is the same whether it is resampled from all of its pixels or from means of them."""
    image = ramp(104, 104)  # no last pixel that covers less than the others
    expected = resize_window(decoded(tf.constant(image)), tf.constant(window), image_size=image_size)
    actual = resize_window(by_means(image), tf.constant(window), image_size=image_size)
    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_the_canvas_begins_where_the_image_ends_at_any_reduction():
    image, window_px = np.full((64, 64, 3), 200, np.uint8), tf.constant([-31, -18, 65, 78])
    full, reduced = (
        compose(resample(source, window_px, image_size=12), fill=(0, 0, 0)).numpy()
        for source in (decoded(tf.constant(image)), by_means(image))
    )
    np.testing.assert_allclose(reduced, full, atol=1e-3)


@given(seeds, st.integers(1, 70), st.integers(1, 70), st.integers(1, 9))
def test_a_reduced_image_stays_within_its_colours(seed, width, height, image_size):
    image = np.random.default_rng(seed).integers(60, 190, (height, width, 3), np.uint8)
    source = by_means(image)
    result = resize_window(source, whole(source.size_px), image_size=image_size).numpy()
    assert result.shape == (image_size, image_size, 3)
    assert image.min() - 1e-3 <= result.min() <= result.max() <= image.max() + 1e-3


@given(seeds, st.integers(1, 20), st.integers(1, 20), st.integers(1, 24))
def test_without_reduction_a_window_is_cut_and_resized_to_the_bit(seed, width, height, image_size):
    image = tf.constant(np.random.default_rng(seed).integers(0, 256, (height + 3, width + 2, 3), np.uint8))
    result = resize_window(decoded(image), tf.constant([2, 3, width + 2, height + 3]), image_size=image_size)
    np.testing.assert_array_equal(result, tf.image.resize(image[3:, 2:], (image_size, image_size)))
