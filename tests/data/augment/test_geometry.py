from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.data.augment.examples import examples, numbered, seeds
from tf_ssd import boxes as box_ops
from tf_ssd.config import AugmentConfig
from tf_ssd.data.augment.example import Example, keep_rows
from tf_ssd.data.augment.geometry import crop, expand, flip_horizontal, flip_vertical, mirror_horizontal, mirror_vertical, resize
from tf_ssd.data.augment.windows import centers_inside, draw_canvas, draw_crop, fractions
from tf_ssd.data.images.source import image_size_px

ALWAYS = AugmentConfig(expand_probability=1, flip_probability=1, vertical_flip_probability=1)
NEVER = AugmentConfig(expand_probability=0, crop_scale=(1, 1), flip_probability=0)
STEPS = [expand, crop, flip_horizontal, flip_vertical]


@cache
def graph_of(step):
    """The step with its default settings, for images and boxes of any size."""
    specs = [((None, None, 3), tf.uint8), ((None, 4), tf.float32), (None, tf.int32), (None, tf.bool), (None, tf.bool)]
    signature = [Example(*(tf.TensorSpec(*spec) for spec in specs)), tf.TensorSpec(2, tf.int32)]
    return tf.function(lambda example, key: step(example, key, config=AugmentConfig()), input_signature=signature)


def assert_equal(a: Example, b: Example) -> None:
    for mine, other in zip(a, b, strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other)


def assert_sound(example: Example) -> None:
    """Boxes lie inside the image and are not inverted, and each column belongs to the labels."""
    boxes = example.boxes.numpy()
    assert boxes.shape == (len(example.labels), 4)
    assert ((boxes >= 0) & (boxes <= 1)).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    np.testing.assert_array_equal(example.difficult, example.labels % 2 == 0)
    np.testing.assert_array_equal(example.crowd, example.labels % 3 == 0)
    assert np.isfinite(example.image).all()


# What holds for every step


@pytest.mark.parametrize("step", STEPS)
@given(example=examples(), seed=seeds)
def test_boxes_stay_inside_and_columns_follow(step, example, seed):
    assert_sound(step(example, [seed, 0], config=ALWAYS))


@pytest.mark.parametrize("step", STEPS)
@given(example=examples(most=0), seed=seeds)
def test_an_image_without_rows_passes_through(step, example, seed):
    result = step(example, [seed, 0], config=ALWAYS)
    assert [tensor.shape[0] for tensor in result[1:]] == [0, 0, 0, 0]
    assert np.isfinite(result.image).all()


@pytest.mark.parametrize("step", STEPS)
@given(example=examples(), seed=seeds)
def test_a_step_that_is_switched_off_changes_nothing(step, example, seed):
    result = step(example, [seed, 0], config=NEVER)
    assert_equal(result._replace(image=tf.cast(result.image, tf.uint8)), example)


@pytest.mark.parametrize("step", STEPS)
@given(example=examples(), seed=seeds)
def test_a_step_is_a_function_of_example_and_key(step, example, seed):
    expected = step(example, [seed, 0], config=AugmentConfig())
    assert_equal(step(example, [seed, 0], config=AugmentConfig()), expected)
    assert_equal(graph_of(step)(example, tf.constant([seed, 0])), expected)


@pytest.mark.parametrize("step", [expand, crop])
def test_another_key_gives_another_result(step):
    example = numbered(np.zeros((40, 30, 3)), np.array([[0.1, 0.1, 0.9, 0.9]]))
    results = {step(example, [number, 0], config=ALWAYS).boxes.numpy().tobytes() for number in range(20)}
    assert len(results) > 10


# Expand


@given(examples(), seeds)
def test_expand_keeps_every_row_and_scales_all_areas_alike(example, seed):
    result = expand(example, [seed, 0], config=ALWAYS)
    before, after = np.prod(example.image.shape[:2]), np.prod(result.image.shape[:2])
    assert after >= before
    np.testing.assert_array_equal(result.labels, example.labels)
    np.testing.assert_allclose(box_ops.area(result.boxes), box_ops.area(example.boxes) * before / after, rtol=1e-3, atol=1e-7)


@given(examples(), seeds)
def test_expand_shows_the_image_amid_the_mean(example, seed):
    result = expand(example, [seed, 0], config=ALWAYS)
    left, top, right, bottom = draw_canvas(image_size_px(example.image), [seed, 0], config=ALWAYS).numpy()
    assert result.image.shape == (bottom - top, right - left, 3)
    expected = np.tile(np.float32([123, 117, 104]), (bottom - top, right - left, 1))
    expected[-top : -top + example.image.shape[0], -left : -left + example.image.shape[1]] = example.image
    np.testing.assert_array_equal(result.image, expected)


def test_expand_moves_a_box_with_its_pixels():
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[2:5, 4:12] = 255
    example = numbered(pixels, np.array([[4 / 20, 2 / 10, 12 / 20, 5 / 10]]))
    for number in range(20):
        result = expand(example, [number, 0], config=ALWAYS)
        assert_box_bounds(result.image.numpy() == 255, result.boxes.numpy()[0])


def assert_box_bounds(mask: np.ndarray, box: np.ndarray) -> None:
    rows, columns, _ = np.nonzero(mask)
    height, width, _ = mask.shape
    expected = [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
    np.testing.assert_allclose(box, expected, atol=1e-6)


# Crop


@given(examples(), seeds)
def test_crop_keeps_the_rows_whose_centers_it_shows(example, seed):
    result = crop(example, [seed, 0], config=AugmentConfig())
    window_px = draw_crop(example.boxes, image_size_px(example.image), [seed, 0], config=AugmentConfig())
    left, top, right, bottom = window_px.numpy()
    np.testing.assert_array_equal(result.image, example.image[top:bottom, left:right])
    kept = centers_inside(example.boxes, fractions(window_px, image_size_px(example.image)))
    np.testing.assert_array_equal(result.labels, example.labels[kept])
    assert len(result.labels) > 0 or len(example.labels) == 0
    size_px = np.tile(result.image.shape[1::-1], 2)
    original_px = example.boxes[kept] * np.tile(example.image.shape[1::-1], 2)
    clipped_px = np.clip(original_px, [left, top, left, top], [right, bottom, right, bottom]) - [left, top, left, top]
    np.testing.assert_allclose(result.boxes * size_px, clipped_px, atol=1e-4)


def test_crop_moves_a_box_with_its_pixels():
    pixels = np.zeros((60, 90, 3), np.uint8)
    pixels[20:30, 40:52] = 255
    example = numbered(pixels, np.array([[40 / 90, 20 / 60, 52 / 90, 30 / 60]]))
    for number in range(20):
        result = crop(example, [number, 0], config=AugmentConfig())
        assert_box_bounds(result.image.numpy() == 255, result.boxes.numpy()[0])


@pytest.mark.parametrize("box", [[0, 0, 1, 1], [0.5, 0.5, 0.501, 0.501], [0.999, 0.999, 1, 1]])
def test_the_only_box_is_never_lost(box):
    example = numbered(np.zeros((48, 64, 3), np.uint8), np.array([box]))
    for number in range(40):
        assert_sound(result := crop(example, [number, 0], config=AugmentConfig()))
        assert result.labels.numpy().tolist() == [1]


# Resize and flip


@given(examples(), st.integers(1, 30))
def test_resize_changes_the_image_alone(example, image_size):
    result = resize(example, image_size=image_size)
    assert result.image.shape == (image_size, image_size, 3)
    assert result.image.dtype == tf.float32
    assert_equal(result._replace(image=example.image), example)


@pytest.mark.parametrize(("mirror", "axis"), [(mirror_horizontal, 1), (mirror_vertical, 0)])
@given(example=examples())
def test_a_mirror_turns_pixels_and_boxes_and_twice_is_nothing(mirror, axis, example):
    result = mirror(example)
    np.testing.assert_array_equal(result.image, np.flip(example.image, axis))
    np.testing.assert_allclose(box_ops.area(result.boxes), box_ops.area(example.boxes), atol=1e-6)
    twice = mirror(result)
    np.testing.assert_allclose(twice.boxes, example.boxes, atol=1e-6)
    assert_equal(twice._replace(boxes=example.boxes), example)


@pytest.mark.parametrize("mirror", [mirror_horizontal, mirror_vertical])
def test_a_mirror_moves_a_box_with_its_pixels(mirror):
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[2:5, 4:12] = 255
    result = mirror(numbered(pixels, np.array([[4 / 20, 2 / 10, 12 / 20, 5 / 10]])))
    assert_box_bounds(result.image.numpy() == 255, result.boxes.numpy()[0])


@pytest.mark.parametrize(("step", "share"), [(flip_horizontal, 0.5), (flip_vertical, 0)])
def test_half_of_the_images_are_flipped_left_to_right_and_none_upside_down(step, share):
    example = numbered(np.arange(12).reshape(2, 2, 3), np.zeros((0, 4)))
    flipped = [bool(step(example, [number, 2], config=AugmentConfig()).image[0, 0, 0] > 0) for number in range(400)]
    assert abs(np.mean(flipped) - share) <= 4 * np.sqrt(share * (1 - share) / 400)


@given(examples(), st.data())
def test_keep_rows_keeps_whole_rows(example, data):
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(example.labels), max_size=len(example.labels))), bool)
    result = keep_rows(example, tf.constant(kept))
    assert_sound(result)
    np.testing.assert_array_equal(result.labels, np.array(example.labels)[kept])
    np.testing.assert_array_equal(result.boxes, np.array(example.boxes)[kept])
