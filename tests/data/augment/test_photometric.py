import colorsys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.config import AugmentConfig
from tf_ssd.data.augment.example import Example
from tf_ssd.data.augment.photometric import (
    Distortion,
    brightness,
    contrast,
    distort,
    distort_channels,
    draw_distortion,
    hue,
    saturation,
)

seeds = st.integers(0, 2**32 - 1)
DRAWS = 4000


def random_channels(seed: int) -> tf.Tensor:
    """(3, 200) of all kinds: arbitrary, whole numbers with ties between the channels, grey, black and white."""
    rng = np.random.default_rng(seed)
    arbitrary, few = rng.uniform(0, 255, (3, 90)), rng.integers(0, 4, (3, 90)) * 85
    grey = np.tile(rng.uniform(0, 255, 18), (3, 1))
    extremes = np.tile([0, 255], (3, 1))
    return tf.constant(np.concatenate([arbitrary, few, grey, extremes], axis=1), tf.float32)


def pixel(*rgb: float) -> tf.Tensor:
    return tf.constant(rgb, tf.float32)[:, None]


def through_hsv(channels: tf.Tensor, change) -> np.ndarray:
    """Apply `change(h, s, v)` to each pixel by way of the standard library, in float64."""
    pixels = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*rgb))) for rgb in channels.numpy().astype(np.float64).T / 255]
    return 255 * np.array(pixels).T


# Single steps


@given(seeds, st.floats(0, 4))
def test_saturation_is_that_of_colorsys(seed, factor):
    channels = random_channels(seed)
    expected = through_hsv(channels, lambda h, s, v: (h, min(1, s * factor), v))
    np.testing.assert_allclose(saturation(channels, factor), expected, atol=2e-3)


@given(seeds, st.floats(-90, 90))
def test_hue_is_that_of_colorsys(seed, turn):
    channels = random_channels(seed)
    expected = through_hsv(channels, lambda h, s, v: ((h + turn / 180) % 1, s, v))
    np.testing.assert_allclose(hue(channels, turn), expected, atol=2e-3)


def test_a_third_of_the_circle_turns_red_to_green_to_blue():
    red, green, blue = pixel(200, 10, 10), pixel(10, 200, 10), pixel(10, 10, 200)
    for before, after in [(red, green), (green, blue), (blue, red)]:
        np.testing.assert_allclose(hue(before, 60.0), after, atol=1e-4)
        np.testing.assert_allclose(hue(after, -60.0), before, atol=1e-4)


def test_the_published_turn_of_18_is_36_degrees_and_closes_the_circle():
    """From red by 36 degrees: blue rises by 36/60 of the chroma one way, green the other way."""
    np.testing.assert_allclose(hue(pixel(200, 100, 100), -18.0), pixel(200, 100, 160), atol=1e-3)
    np.testing.assert_allclose(hue(pixel(200, 100, 100), 18.0), pixel(200, 160, 100), atol=1e-3)


@given(seeds, st.floats(-90, 90), st.floats(0, 4))
def test_grey_stays_grey(seed, turn, factor):
    grey = tf.constant(np.tile(np.random.default_rng(seed).uniform(0, 255, 50), (3, 1)), tf.float32)
    np.testing.assert_array_equal(hue(grey, turn), grey)
    np.testing.assert_array_equal(saturation(grey, factor), grey)


def test_brightness_adds_and_contrast_multiplies():
    np.testing.assert_array_equal(brightness(pixel(0, 100, 250), 32.0), pixel(32, 132, 255))
    np.testing.assert_array_equal(brightness(pixel(0, 100, 250), -32.0), pixel(0, 68, 218))
    np.testing.assert_array_equal(contrast(pixel(0, 100, 250), 1.5), pixel(0, 150, 255))


@pytest.mark.parametrize("step", [brightness, contrast, saturation, hue])
@given(seed=seeds, amount=st.floats(0, 90))
def test_every_step_saturates(step, seed, amount):
    result = step(random_channels(seed), amount).numpy()
    assert np.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 255


# Their order


def test_each_step_saturates_before_the_next():
    """Brightness: 250 + 32 stops at 255, so that half of it is 127.5 and not 141."""
    distorted = distort_channels(pixel(250, 250, 250), distortion(brightness=32, contrast=0.5))
    np.testing.assert_array_equal(distorted, pixel(127.5, 127.5, 127.5))


def test_contrast_comes_first_or_last():
    """Contrast makes (200, 100, 100) to (255, 150, 150); half its saturation leaves (255, 202.5, 202.5). The other way round:
    (200, 150, 150), then (255, 225, 225).
    """
    for first, expected in [(True, pixel(255, 202.5, 202.5)), (False, pixel(255, 225, 225))]:
        distorted = distort_channels(pixel(200, 100, 100), distortion(contrast=1.5, saturation=0.5, first=first))
        np.testing.assert_allclose(distorted, expected, rtol=1e-6)


@given(seeds)
def test_amounts_that_change_nothing_leave_every_bit(seed):
    channels = random_channels(seed)
    np.testing.assert_array_equal(distort_channels(channels, distortion()), channels)


def distortion(*, brightness=0, contrast=1, saturation=1, hue=0, first=True) -> Distortion:
    return Distortion(*(tf.constant(value, tf.float32) for value in (brightness, contrast, saturation, hue)), tf.constant(first))


# What is drawn


@pytest.fixture(scope="module")
def drawn() -> Distortion:
    """The distortions of the keys (0, 7), (1, 7), ... with the default settings."""
    spec = Distortion(*[tf.TensorSpec((), tf.float32)] * 4, tf.TensorSpec((), tf.bool))

    @tf.function(autograph=False)
    def draw(numbers):
        return tf.map_fn(
            lambda number: draw_distortion(tf.stack([number, 7]), config=AugmentConfig()), numbers, fn_output_signature=spec
        )

    return Distortion(*(tensor.numpy() for tensor in draw(tf.range(DRAWS))))


def assert_share(events: np.ndarray, probability: float) -> None:
    """Within 4 standard deviations of a binomial distribution; the draws are fixed, so this cannot fail by chance later on."""
    deviation = np.sqrt(probability * (1 - probability) / len(events))
    assert abs(np.mean(events) - probability) < 4 * deviation


def assert_uniform(values: np.ndarray, low: float, high: float) -> None:
    assert low <= values.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < values.max() <= high
    for part in (0.25, 0.5, 0.75):
        assert_share(values < low + part * (high - low), part)


@pytest.mark.parametrize(
    ("name", "neutral", "low", "high"),
    [("brightness", 0, -32, 32), ("contrast", 1, 0.5, 1.5), ("saturation", 1, 0.5, 1.5), ("hue", 0, -18, 18)],
)
def test_half_of_the_draws_apply_a_step_with_an_amount_from_the_published_range(drawn, name, neutral, low, high):
    amounts = getattr(drawn, name)
    assert_share(amounts != neutral, 0.5)
    assert_uniform(amounts[amounts != neutral], low, high)


def test_steps_are_drawn_independently(drawn):
    applied = [drawn.brightness != 0, drawn.contrast != 1, drawn.saturation != 1, drawn.hue != 0, drawn.contrast_first]
    for row, a in enumerate(applied):
        assert_share(a, 0.5)
        for b in applied[:row]:
            assert_share(a & b, 0.25)


def test_probabilities_0_and_1_and_ranges_are_kept():
    never, always = AugmentConfig(color_probability=0), AugmentConfig(color_probability=1, brightness=5, contrast=(2, 3), hue=1)
    for number in range(50):
        assert draw_distortion([number, 1], config=never)[:4] == (0, 1, 1, 0)
        amounts = draw_distortion([number, 1], config=always)
        assert 0 < abs(amounts.brightness) <= 5
        assert 2 <= amounts.contrast <= 3
        assert amounts.saturation != 1
        assert 0 < abs(amounts.hue) <= 1


# The step


@given(seeds)
def test_the_step_changes_the_image_alone(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    example = Example(tf.constant(pixels), tf.zeros((2, 4)), tf.ones(2, tf.int32), tf.zeros(2, bool), tf.zeros(2, bool))
    result = distort(example, [seed % 1000, 0], config=AugmentConfig(color_probability=1))
    assert result[1:] == example[1:]
    assert result.image.dtype == tf.float32
    drawn = draw_distortion([seed % 1000, 0], config=AugmentConfig(color_probability=1))
    expected = distort_channels(tf.constant(pixels.transpose(2, 0, 1), tf.float32), drawn)
    np.testing.assert_array_equal(result.image, expected.numpy().transpose(1, 2, 0))
    np.testing.assert_array_equal(distort(example, [seed % 1000, 0], config=AugmentConfig(color_probability=0)).image, pixels)
