"""From a picture to what the body takes: here it is resized, and the network scales; PyTorch scales first, as torchvision does."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch.nn.functional import interpolate

import reference_torch.model as reference
from parity_tests.network import channels_first
from tf_ssd.config import NETWORKS
from tf_ssd.data.augment.windows import whole
from tf_ssd.data.images.resize import resize_window
from tf_ssd.data.images.source import decoded
from tf_ssd.model import _scaled_pixels

HEIGHT, WIDTH = 64, 90


@pytest.mark.parametrize("name", NETWORKS)
def test_resized_and_scaled_pixels(name: str) -> None:
    """The weights of the four pixels that one is made of add up to 1, so that the order does not matter, but for rounding."""
    config, made_of = NETWORKS[name], reference.NETWORKS[name]
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    pixels = channels_first(picture[None].astype(np.float64))
    scaled = (pixels - torch.tensor(made_of.mean)[:, None, None]) / made_of.std
    expected = interpolate(scaled, size=(made_of.boxes.image_size,) * 2, mode="bilinear", align_corners=False, antialias=False)

    side = config.boxes.image_size
    resized = resize_window(decoded(tf.constant(picture)), whole(tf.constant([WIDTH, HEIGHT])), image_size=side)
    image = keras.Input((side, side, 3))
    actual = keras.Model(image, _scaled_pixels(image, config.architecture))(resized[None])
    assert actual.shape == (1, side, side, 3)
    # Positions are float32 and lie up to 2^-17 px beside their places at 90 px, where neighbours differ by up to 255.
    np.testing.assert_allclose(actual, expected.permute(0, 2, 3, 1), rtol=0, atol=4 * 2**-17 * 255 / made_of.std)
