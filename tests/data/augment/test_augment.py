from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.data.augment.examples import examples, numbered, seeds
from tests.data.columns import assert_equal
from tf_ssd.config import AUGMENTATIONS, AugmentConfig
from tf_ssd.data.augment import Example, augment, augment_encoded, resize_encoded, step_keys
from tf_ssd.data.augment.geometry import crop, expand, flip_horizontal, flip_vertical, resize
from tf_ssd.data.augment.photometric import distort
from tf_ssd.data.batches.generator import mapped
from tf_ssd.data.images.decode import decode, decode_part
from tf_ssd.errors import ConfigError

DEFAULT = AugmentConfig()
BOTH_FLIPS = AugmentConfig(vertical_flip_probability=0.5)


def one_after_another(example: Example, key: tf.Tensor, *, config: AugmentConfig, image_size: int) -> Example:
    keys = step_keys(key)
    example = distort(example, keys.distort, config=config)
    example = expand(example, keys.expand, config=config)
    example = crop(example, keys.crop, config=config)
    example = resize(example, image_size=image_size)
    example = flip_horizontal(example, keys.flip_horizontal, config=config)
    return flip_vertical(example, keys.flip_vertical, config=config)


def both(example: Example, key: list[int], *, config: AugmentConfig) -> tuple[np.ndarray, np.ndarray]:
    """The image by `augment` and by the steps, after a check that the ground truth is the same to the bit."""
    fused = augment(example, key, config=config, image_size=32)
    steps = one_after_another(example, key, config=config, image_size=32)
    for mine, other in zip(fused[1:], steps[1:], strict=True):
        np.testing.assert_array_equal(mine, other)
    return fused.image.numpy(), steps.image.numpy()


# `augment` and the steps


@given(examples(), seeds)
def test_like_the_steps_as_long_as_colours_stay(example, seed):
    config = AugmentConfig(color_probability=0, vertical_flip_probability=0.5)
    fused, steps = both(example, [seed, 0], config=config)
    np.testing.assert_allclose(fused, steps, atol=0.02)


@given(examples(), seeds)
def test_like_the_steps_where_colours_are_scaled_and_shifted_without_saturating(example, seed):
    grey = example._replace(image=60 + tf.cast(example.image, tf.float32) / 4)  # 60..124
    config = AugmentConfig(color_probability=1, contrast=(0.6, 1.4), saturation=(1, 1), hue=0, brightness=20)
    fused, steps = both(grey, [seed, 0], config=config)
    np.testing.assert_allclose(fused, steps, atol=0.02)


def smooth_image(seed: int) -> np.ndarray:
    """(120, 160, 3) of patches of arbitrary colours, 40 pixels from each other, that run into one another."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (5, 6, 3))
    return np.clip(tf.image.resize(coarse, (120, 160), "bicubic"), 0, 255).astype(np.uint8)


def test_near_the_steps_where_colours_change_freely_and_the_image_has_no_edges():
    """The two differ by the order of mixing and distorting alone: it shows where pixels that are mixed differ."""
    differences = []
    for seed in range(30):
        example = numbered(smooth_image(seed), np.array([[0.2, 0.2, 0.7, 0.8]]))
        fused, steps = both(example, [seed, 1], config=AugmentConfig(color_probability=1))
        differences.append(np.abs(fused - steps))
    assert np.mean(differences) < 0.2
    assert np.mean(np.array(differences) > 1) < 0.05


# What comes out


@given(examples(), seeds)
def test_image_and_boxes_are_sound(example, seed):
    result = augment(example, [seed, 0], config=BOTH_FLIPS, image_size=20)
    image, boxes = result.image.numpy(), result.boxes.numpy()
    assert image.shape == (20, 20, 3)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 255
    assert ((boxes >= 0) & (boxes <= 1)).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert 0 < len(boxes) <= len(example.boxes) or len(example.boxes) == 0
    assert set(result.labels.numpy()) <= set(example.labels.numpy())
    np.testing.assert_array_equal(result.difficult, result.labels % 2 == 0)
    np.testing.assert_array_equal(result.crowd, result.labels % 3 == 0)


@given(examples(most=0), seeds)
def test_an_image_without_rows_comes_through(example, seed):
    result = augment(example, [seed, 0], config=BOTH_FLIPS, image_size=20)
    assert [tuple(tensor.shape) for tensor in result] == [(20, 20, 3), (0, 4), (0,), (0,), (0,)]
    assert np.isfinite(result.image).all()


def test_an_image_without_rows_is_never_cropped():
    """Without expansion, too, all of it is shown: its four corners are."""
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[[0, 0, -1, -1], [0, -1, 0, -1]] = 255
    config = AugmentConfig(color_probability=0, expand_probability=0)
    for number in range(20):
        image = augment(numbered(pixels, np.zeros((0, 4))), [number, 0], config=config, image_size=40).image.numpy()
        assert (image[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()


@pytest.mark.parametrize("box", [[0, 0, 1, 1], [0.5, 0.5, 0.502, 0.502], [0.99, 0.99, 1, 1]])
@pytest.mark.parametrize("size", [(1, 1), (480, 640), (3, 200)])
def test_the_only_box_is_never_lost(box, size):
    example = numbered(np.full((*size, 3), 200, np.uint8), np.array([box]))
    for number in range(10):
        result = augment(example, [number, 0], config=DEFAULT, image_size=30)
        assert result.labels.numpy().tolist() == [1]
        assert np.isfinite(result.image).all()


def test_boxes_move_with_their_pixels():
    """A white box on black, amid the mean colour: a pixel of the output is white just where the box says."""
    pixels = np.zeros((120, 160, 3), np.uint8)
    pixels[30:70, 40:120] = 255
    example = numbered(pixels, np.array([[40 / 160, 30 / 120, 120 / 160, 70 / 120]]))
    config = AugmentConfig(color_probability=0, vertical_flip_probability=0.5)
    for number in range(40):
        result = augment(example, [number, 5], config=config, image_size=150)
        rows, columns = np.nonzero(result.image.numpy().min(axis=-1) > 127.5)
        found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        np.testing.assert_allclose(found, result.boxes[0] * 150, atol=1.01)


@given(seeds)
def test_a_grey_image_stays_grey(seed):
    grey = np.random.default_rng(seed).integers(0, 256, (20, 30, 1), np.uint8).repeat(3, axis=-1)
    config = AugmentConfig(color_probability=1, expand_probability=0)
    image = augment(numbered(grey, np.array([[0.1, 0.1, 0.9, 0.9]])), [seed, 0], config=config, image_size=25).image
    np.testing.assert_allclose(image, image[..., :1].numpy().repeat(3, axis=-1), atol=1e-4)


def test_the_canvas_keeps_its_colour():
    """Colours are distorted before the image is laid on the canvas."""
    config = AugmentConfig(color_probability=1, expand_probability=1, expand_ratio=(3, 4), crop_scale=(1, 1))
    example = numbered(np.full((30, 30, 3), 250, np.uint8), np.zeros((0, 4)))
    for number in range(10):
        image = augment(example, [number, 0], config=config, image_size=60).image.numpy()
        assert np.mean((image == (123, 117, 104)).all(axis=-1)) > 0.85


# Late decoding


def undecoded(example: Example) -> tuple[Example, tf.Tensor, Callable]:
    """The example without its image, the image's size, and what cuts a part out of it, reduced by leaving rows and columns out."""
    image = example.image
    height, width = image.shape[:2]

    def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
        left, top, right, bottom = tf.unstack(part_px)
        return image[top:bottom:reduction, left:right:reduction]

    return example._replace(image=tf.constant(0)), tf.constant([width, height]), read


@pytest.mark.parametrize("name", AUGMENTATIONS)
@given(example=examples(), seed=seeds)
def test_late_decoding_changes_no_bit_of_an_image_below_twice_the_size(name, example, seed):
    early = augment(example, [seed, 0], config=AUGMENTATIONS[name], image_size=81)  # of canvases up to 160 x 160
    assert_equal(augment_encoded(*undecoded(example), [seed, 0], config=AUGMENTATIONS[name], image_size=81), early)
    all_of_it = augment(example, [seed, 0], config=AUGMENTATIONS[name], image_size=7)
    late = augment_encoded(*undecoded(example), [seed, 0], config=AUGMENTATIONS[name], image_size=7, reductions=(1,))
    assert_equal(late, all_of_it)


@given(examples(), seeds)
def test_reduction_changes_the_pixels_alone(example, seed):
    early = augment(example, [seed, 0], config=DEFAULT, image_size=4)
    late = augment_encoded(*undecoded(example), [seed, 0], config=DEFAULT, image_size=4)
    assert_equal(late._replace(image=early.image), early)
    assert late.image.shape == early.image.shape


def test_a_large_photo_is_nearly_the_same_reduced():
    smooth = np.clip(tf.image.resize(smooth_image(3), (480, 640), "bicubic"), 0, 255).astype(np.uint8)
    encoded = tf.io.encode_jpeg(smooth, quality=95).numpy()
    example = numbered(decode(encoded, "photo"), np.array([[0.2, 0.2, 0.7, 0.8]]))
    reductions = set()

    def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
        reductions.add(int(reduction))
        return tf.constant(decode_part(encoded, "photo", part_px.numpy(), int(reduction)))

    for number in range(30):
        early = augment(example, [number, 2], config=DEFAULT, image_size=60).image.numpy()
        late = augment_encoded(example, tf.constant([640, 480]), read, [number, 2], config=DEFAULT, image_size=60).image.numpy()
        difference = np.abs(late - early)
        assert difference.mean() < 1
        assert difference.max() < 12
    assert reductions == {2, 4, 8}


@given(examples(), st.integers(1, 50))
def test_resize_encoded_resizes_the_whole_image(example, image_size):
    result = resize_encoded(*undecoded(example), image_size=image_size, reductions=(1,))
    assert_equal(result, example._replace(image=tf.image.resize(example.image, (image_size, image_size))))
    assert resize_encoded(*undecoded(example), image_size=image_size).image.shape == (image_size, image_size, 3)


def test_a_dataset_decodes_late():
    """In graph mode, where the part is only known at run time."""
    example = numbered(smooth_image(1), np.array([[0.2, 0.2, 0.7, 0.8]]))
    image = example.image.numpy()

    def cut(part_px: np.ndarray, reduction: np.int32) -> np.ndarray:
        left, top, right, bottom = part_px
        return image[top:bottom:reduction, left:right:reduction]

    def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(cut, [part_px, reduction], tf.uint8), (None, None, 3))

    def late(number: tf.Tensor) -> Example:
        key = tf.stack([number, 4])
        return augment_encoded(example, tf.constant([160, 120]), read, key, config=DEFAULT, image_size=24)

    for number, result in enumerate(mapped(tf.data.Dataset.range(12), late)):
        key = tf.constant([number, 4], tf.int64)
        assert_equal(result, augment_encoded(*undecoded(example), key, config=DEFAULT, image_size=24))


# What is switched off


def operations(config: AugmentConfig) -> set[str]:
    """The names of the operations of the graph and of its functions."""
    specs = [((None, None, 3), tf.uint8), ((None, 4), tf.float32), (None, tf.int32), (None, tf.bool), (None, tf.bool)]
    signature = [Example(*(tf.TensorSpec(*spec) for spec in specs)), tf.TensorSpec(2, tf.int32)]
    function = tf.function(lambda example, key: augment(example, key, config=config, image_size=8), autograph=False)
    graph = function.get_concrete_function(*signature).graph.as_graph_def()
    bodies = [body.node_def for body in graph.library.function]
    return {node.op for nodes in (graph.node, *bodies) for node in nodes}


def test_what_is_switched_off_costs_nothing():
    everything, crops, flips, nothing = (operations(AUGMENTATIONS[name]) for name in ("ssd", "ssdlite", "flip", "none"))
    assert {"Where", "PadV2", "Floor", "ReverseV2", "StatelessRandomUniformV2", "ResizeBilinear"} <= everything
    assert everything - crops >= {"Floor"}  # of hues
    assert {"Where", "ReverseV2"} <= crops  # of windows that overlap enough
    assert not {"Where", "PadV2", "Floor"} & flips
    assert {"ReverseV2", "StatelessRandomUniformV2", "ResizeBilinear"} <= flips
    assert not {"ReverseV2", "StatelessRandomUniformV2"} & nothing


# Keys, graphs and datasets


@given(examples(), seeds)
def test_a_function_of_example_and_key(example, seed):
    first, second = (augment(example, tf.constant([seed, 0]), config=BOTH_FLIPS, image_size=16) for _ in range(2))
    for mine, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_another_key_gives_another_image():
    example = numbered(smooth_image(0), np.array([[0.2, 0.2, 0.7, 0.8]]))
    keys = [[number, 0] for number in range(10)] + [[0, number] for number in range(1, 10)]
    images = {augment(example, key, config=DEFAULT, image_size=16).image.numpy().tobytes() for key in keys}
    assert len(images) == len(keys)


def test_a_dataset_gives_what_eager_calls_give():
    """In graph mode, read by AutoGraph, with shapes that are only known at run time, several examples at a time."""
    made = [
        numbered(smooth_image(number)[:, : 100 + number], np.array([[0.2, 0.2, 0.7, 0.8]] * (number % 3))) for number in range(12)
    ]
    spec = Example(*(tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in made[0]))
    spec = spec._replace(image=tf.TensorSpec((None, None, 3), tf.uint8))
    dataset = tf.data.Dataset.from_generator(lambda: iter(made), output_signature=spec).enumerate()
    dataset = dataset.map(
        lambda number, example: augment(example, tf.stack([number, 9]), config=DEFAULT, image_size=24), num_parallel_calls=2
    )
    assert dataset.element_spec.image == tf.TensorSpec((24, 24, 3), tf.float32)
    assert dataset.element_spec.boxes.shape.as_list() == [None, 4]
    for number, (mine, example) in enumerate(zip(dataset, made, strict=True)):
        expected = augment(example, tf.constant([number, 9], tf.int64), config=DEFAULT, image_size=24)
        for ours, other in zip(mine, expected, strict=True):
            np.testing.assert_array_equal(ours, other)


# Settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("color_probability", 1.1),
        ("expand_probability", -0.1),
        ("flip_probability", float("nan")),
        ("vertical_flip_probability", 2),
        ("brightness", -1),
        ("contrast", (1.5, 0.5)),
        ("saturation", (-0.5, 1.5)),
        ("hue", 91),
        ("expand_ratio", (0.5, 4)),
        ("fill", (0, 0, 256)),
        ("fill", (0, 0)),
        ("crop_min_ious", (0.1, 1.5)),
        ("crop_scale", (0, 1)),
        ("crop_scale", (0.3, 1.1)),
        ("crop_aspect", (0, 2)),
        ("crop_trials", 0),
    ],
)
def test_settings_out_of_range(setting, value):
    with pytest.raises(ConfigError, match=setting):
        AugmentConfig(**{setting: value})
