import itertools
import os
import subprocess
import sys

import pytest
import tensorflow as tf

from tf_ssd.network.kernels import dilation
from tf_ssd.network.kernels.dilation import has_kernels, suits

GRADIENT = tf.raw_ops.Conv2DBackpropInput
DTYPES = [tf.float16, tf.bfloat16, tf.float32, tf.float64]


@pytest.mark.parametrize(("options", "has"), [("0", False), ("1", None)])
def test_kernels_of_dilated_convolutions_are_asked_for(options, has):
    """Without oneDNN no CPU has them; with it, it depends on the CPU, but never in float64."""
    code = "from tf_ssd.network.kernels.dilation import tf, has_kernels as has; print(has(tf.float32), has(tf.float64))"
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": options, "CUDA_VISIBLE_DEVICES": ""}
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout.split()
    assert output[1] == "False"
    assert has is None or output[0] == str(has)


@pytest.mark.parametrize(("channels", "has"), [(1, True), (2, False)])
def test_they_are_there_if_a_gradient_can_be_computed(monkeypatch, channels, has):
    """Any CPU has the kernel that stands for the dilated one here, and none has one for channels that do not fit."""

    def undilated(dilations, **given):
        assert max(dilations) > 1
        kernel = tf.repeat(given.pop("filter"), channels, axis=2)
        return GRADIENT(filter=kernel, dilations=[1, 1, 1, 1], **given)

    monkeypatch.setattr(tf.raw_ops, "Conv2DBackpropInput", undilated)
    assert has_kernels.__wrapped__(tf.float32) is has


def differentiates(dtype: tf.DType) -> bool:
    """Whether a dilated convolution can be differentiated here."""
    pixels, kernel = tf.ones((1, 4, 4, 1), dtype), tf.ones((2, 2, 1, 1), dtype)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        convolved = tf.nn.conv2d(pixels, kernel, 1, "SAME", dilations=2)
    try:
        tape.gradient(convolved, pixels)
    except tf.errors.InvalidArgumentError:
        return False
    return True


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_they_suit_what_is_dilated_where_it_can_be_differentiated(dtype):
    has = differentiates(dtype)
    assert has_kernels(dtype) is suits((2, 2), dtype) is suits((1, 2), dtype) is has
    assert suits((1, 1), dtype) is False


def test_one_way_of_dilation_is_enough(monkeypatch):
    monkeypatch.setattr(dilation, "has_kernels", lambda dtype: True)
    assert [rate for rate in itertools.product((1, 2), repeat=2) if suits(rate, tf.float32)] == [(1, 2), (2, 1), (2, 2)]
