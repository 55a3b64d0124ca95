import numpy as np
import pytest
import tensorflow as tf
import torch

from tf_ssd.data.augment.windows import whole
from tf_ssd.data.images.pixels import source_of
from tf_ssd.data.images.resize import resize_window
from tf_ssd.export.preprocess import axis_weights, resize


def pictures(height, width, *, images=1):
    return np.random.default_rng(height * width).integers(0, 256, (images, height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(300, 300), (40, 40), (1, 1), (299, 301), (480, 320), (599, 1000), (17, 900)])
def test_the_same_as_everywhere_else(size):
    images = pictures(*size)
    exact = torch.nn.functional.interpolate(torch.tensor(images).permute(0, 3, 1, 2).double(), (300, 300), mode="bilinear")
    resized = resize(tf.constant(images), 300)
    np.testing.assert_allclose(resized, exact.permute(0, 2, 3, 1), atol=2e-4)
    np.testing.assert_allclose(resized, tf.image.resize(images, (300, 300)), atol=0.02)  # which rounds the places of pixels


@pytest.mark.parametrize(("size", "side"), [((80, 100), 40), ((81, 101), 40), ((320, 323), 40), ((97, 70), 16), ((127, 90), 8)])
def test_large_pictures_are_reduced_first(size, side):
    """As the detector does, whose means are rounded to whole numbers."""
    images = pictures(*size)
    source = source_of(images[0])
    expected = resize_window(source, whole(source.size_px), image_size=side)
    actual = resize(tf.constant(images), side)
    np.testing.assert_allclose(actual[0], expected, atol=0.502)
    assert np.abs(actual[0] - tf.image.resize(images[0], (side, side))).max() > 5  # without a reduction it is another picture


def test_a_batch():
    images = pictures(50, 70, images=3)
    resized = resize(tf.constant(images), 30)
    for image, alone in zip(images, resized, strict=True):
        np.testing.assert_allclose(resize(tf.constant(image[None]), 30)[0], alone, atol=1e-4)


def test_the_shape_is_known_while_tracing():
    traced = tf.function(lambda images: resize(images, 30), input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])
    assert traced.get_concrete_function().outputs[0].shape.as_list() == [None, 30, 30, 3]


def test_weights_by_hand():
    """Five pixels in cells of two: the means of 0 and 1, of 2 and 3, and pixel 4 alone; these two and a half cells become two."""
    weights = axis_weights(tf.constant(5), tf.constant(2), 2).numpy()
    # Centres at (0.5, 1.5) * 5 / 4 - 0.5 = 0.125 and 1.375 cells.
    np.testing.assert_allclose(weights, [[0.4375, 0.4375, 0.0625, 0.0625, 0], [0, 0, 0.3125, 0.3125, 0.375]], atol=1e-6)


@pytest.mark.parametrize(("extent", "reduction"), [(1, 1), (300, 1), (601, 2), (1205, 4), (4001, 8)])
def test_rows_add_up(extent, reduction):
    weights = axis_weights(tf.constant(extent), tf.constant(reduction), 300)
    np.testing.assert_allclose(tf.reduce_sum(weights, axis=1), np.ones(300), atol=1e-5)


def test_places_are_whole_numbers():
    """OpenVINO computes in bfloat16 where it can, in which pixel 301 is 300 or 302."""
    number = tf.TensorSpec([], tf.int32)
    graph = tf.function(lambda *sizes: axis_weights(*sizes, 30)).get_concrete_function(number, number).graph
    operations = [operation for operation in graph.get_operations() if operation.outputs and operation.outputs[0].dtype.is_floating]
    assert {operation.type for operation in operations} == {"Cast", "RealDiv", "Identity"}
