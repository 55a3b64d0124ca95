import numpy as np
import pytest
import tensorflow as tf

from tf_ssd import matcher
from tf_ssd.config import VOC300
from tf_ssd.default_boxes import default_boxes

HALVES = tf.constant([[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.5, 1.0]])


def test_targets_by_hand():
    """The object is the left half exactly; the right half is background, its offsets 0."""
    target = matcher.targets(tf.constant([[[0.0, 0, 0.5, 1], [0, 0, 0, 0]]]), tf.constant([[2, 0]]), HALVES)
    assert target.labels.numpy().tolist() == [[2, 0]]
    assert target.labels.dtype == tf.int32
    np.testing.assert_array_equal(target.offsets, np.zeros((1, 2, 4)))


@pytest.mark.parametrize("strategy", ["bipartite", "argmax"])
def test_shapes_that_are_known_only_when_run(strategy):
    """A graph traced for any batch size and any number of rows, as `fit` on a dataset of unknown shapes does."""

    @tf.function(input_signature=[tf.TensorSpec([None, None, 4]), tf.TensorSpec([None, None], tf.int32)])
    def match(boxes, labels):
        return matcher.match(boxes, labels, HALVES, strategy=strategy)

    assert match([[[0.0, 0, 0.5, 1]]], [[1]]).numpy().tolist() == [[0, -1]]
    assert match(tf.zeros([2, 0, 4]), tf.zeros([2, 0], tf.int32)).numpy().tolist() == [[-1, -1]] * 2
    assert match([[[0.0, 0, 0.5, 1], [0.5, 0, 1, 1]]] * 3, [[0, 1]] * 3).numpy().tolist() == [[-1, 1]] * 3


def test_int64_labels():
    target = matcher.targets(tf.constant([[[0.0, 0, 0.5, 1]]]), tf.constant([[3]], tf.int64), HALVES)
    assert target.labels.numpy().tolist() == [[3, 0]]


def test_memory_does_not_grow_with_the_batch():
    """One image's overlaps at a time: 64 images of 100 rows compile to temporaries far below the 224 MB of all at once."""
    compiled = tf.function(lambda boxes, labels: matcher.match(boxes, labels, default_boxes(VOC300)), jit_compile=True)
    boxes, labels = tf.zeros([64, 100, 4]), tf.zeros([64, 100], tf.int32)
    module = compiled.experimental_get_compiler_ir(boxes, labels)(stage="optimized_hlo")
    assert "f32[64,100,8732]" not in module
    assert "f32[100,8732]" in module
