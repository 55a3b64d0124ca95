import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.export import litert, saved_model

pytestmark = pytest.mark.filterwarnings("ignore")  # converters and the quantizer have warnings of their own
KERNEL = np.random.default_rng(0).normal(size=(3, 3, 3, 4)).astype(np.float32)


def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
    """A convolution and, as in suppression, a loop of whose results one is read by nobody."""
    sums = tf.reduce_max(tf.nn.conv2d(tf.cast(images, tf.float32), KERNEL, 1, "SAME"), axis=(1, 2))  # (B, 4)
    start = [sums > 1000, tf.constant(True)]
    kept, _ = tf.while_loop(lambda _, again: again, lambda kept, _: (kept & (sums > 1500), tf.constant(False)), start)
    return {"scores": tf.where(kept, sums, 0.0)}


def test_eight_bits_around_a_loop_of_fixed_shapes(tmp_path):
    """There, results that nobody reads have no memory."""
    images = np.random.default_rng(1).integers(0, 256, (1, 20, 30, 3), np.uint8)
    saved_model.write(serve, tf.TensorSpec(images.shape, tf.uint8, name="images"), tmp_path / "model")
    litert.write(tmp_path / "model", tmp_path / "model.tflite")
    litert.quantize(tmp_path / "model.tflite", "int8", [images, images[:, ::-1]])
    scores, expected = litert.Runner(tmp_path / "model.tflite")(images)["scores"], serve(tf.constant(images))["scores"]
    np.testing.assert_allclose(scores, expected, rtol=0.03)
    assert len(set((expected.numpy() > 0).ravel())) == 2
    assert (scores != expected.numpy()).any()
