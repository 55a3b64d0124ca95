import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import AugmentConfig
from tf_ssd.data.augment import Example, augment, augment_encoded
from tf_ssd.data.images.planes import to_pixels, to_planes

ANY = Example(*(tf.TensorSpec(shape, kind) for shape, kind in (
    ((None, None, 3), tf.uint8), ((None, 4), tf.float32), (None, tf.int32), (None, tf.bool), (None, tf.bool)
)))  # fmt: skip
KEY = tf.TensorSpec(2, tf.int32)


def test_planes_and_pixels_are_one_another():
    pixels = np.arange(2 * 5 * 3).reshape(2, 5, 3)
    np.testing.assert_array_equal(to_planes(pixels), pixels.transpose(2, 0, 1))
    np.testing.assert_array_equal(to_pixels(to_planes(pixels)), pixels)


def late(example, key):
    def read(part_px, reduction):
        left, top, right, bottom = tf.unstack(part_px)
        return tf.ensure_shape(example.image[top:bottom:reduction, left:right:reduction], (None, None, 3))

    size_px = tf.shape(example.image)[1::-1]
    return augment_encoded(example, size_px, read, key, config=AugmentConfig(), image_size=30)


@pytest.mark.parametrize("function", [late, lambda example, key: augment(example, key, config=AugmentConfig(), image_size=30)])
def test_nothing_of_changing_size_is_transposed(function):
    """oneDNN would keep a kernel for every size. The finished image, which alone is transposed, has one size."""
    graph = tf.function(function, autograph=False).get_concrete_function(ANY, KEY).graph.as_graph_def()
    nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
    assert len(nodes) > 100
    assert sum(node.op == "Transpose" for node in nodes) == 1
    assert not {node.op for node in nodes} & {"MatMul", "BatchMatMulV2", "Conv2D", "Einsum"}
