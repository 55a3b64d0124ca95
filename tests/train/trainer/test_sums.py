import keras
import pytest
import tensorflow as tf

from tests.train.rewriting import after_rewriting
from tf_ssd.loss import MultiboxLoss
from tf_ssd.train.trainer.sums import accumulate, divided, step_sums


@pytest.fixture(scope="module", autouse=True)
def graphs_as_traced():
    """They are not: it must hold whatever TensorFlow makes of a graph."""


def micro_batch(total, num_positives, gradient):
    """Losses and gradient of a micro-batch, divided by its own N, as `multibox_loss` gives them."""
    numbers = (tf.constant(part, tf.float64) for part in (total, total / 4, total * 3 / 4))
    return MultiboxLoss(*numbers, tf.constant(num_positives)), [tf.constant([gradient], tf.float64)]


def one_step(*parts, normalizer="batch", images=2):
    return divided(accumulate(lambda part: step_sums(*part, images=images, normalizer=normalizer), parts))


def test_each_micro_batch_counts_by_its_positives():
    """(1 * 6 + 3 * 2) / 4 = 3, gradient (1 * 8 + 3 * 4) / 4 = 5."""
    losses, [gradient] = one_step(micro_batch(6.0, 1, 8.0), micro_batch(2.0, 3, 4.0))
    assert [float(part) for part in losses] == [3, 0.75, 2.25, 4]
    assert gradient.numpy().tolist() == [5]


def test_one_micro_batch_is_left_as_it_is():
    losses, [gradient] = one_step(micro_batch(6.0, 2, 8.0))
    assert [float(part) for part in losses] == [6, 1.5, 4.5, 2]
    assert gradient.numpy().tolist() == [8]


def test_a_micro_batch_without_positives_adds_its_sum_and_no_n():
    """Hard negatives of images without labels (`min_negatives`): sums 5 and 4 * 2; N is 0 + 4."""
    losses, _ = one_step(micro_batch(5.0, 0, 1.0), micro_batch(2.0, 4, 1.0))
    assert float(losses.total) == 13 / 4
    assert int(losses.num_positives) == 4


def test_no_positives_at_all_divide_by_1():
    losses, [gradient] = one_step(micro_batch(0.0, 0, 0.0), micro_batch(3.0, 0, 2.0))
    assert float(losses.total) == 3
    assert gradient.numpy().tolist() == [2]


def test_images_count_alike_if_the_loss_is_their_mean():
    losses, [gradient] = one_step(micro_batch(6.0, 1, 8.0), micro_batch(2.0, 3, 4.0), normalizer="image")
    assert float(losses.total) == 4
    assert gradient.numpy().tolist() == [6]
    assert int(losses.num_positives) == 4


def test_keras_accumulation_is_another_step():
    """It gives micro-batches with 1 and with 3 positives the same weight: (8 + 4) / 2 = 6 instead of 5."""
    variable = keras.Variable([0.0], dtype="float64")
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    for part in (micro_batch(6.0, 1, 8.0), micro_batch(2.0, 3, 4.0)):
        optimizer.apply(part[1], [variable])
    assert variable.numpy().tolist() == [-6]


def test_a_graph_runs_micro_batches_one_after_the_other():
    """Whatever TensorFlow made of it: a micro-batch begins with a sine, and ends with a cumulative sum."""
    step = tf.function(lambda value: tf.cumsum(tf.sin(value)), autograph=False)
    nodes = after_rewriting(tf.function(lambda *values: accumulate(step, values), autograph=False), *[tf.ones(2)] * 3)
    before = {name: names_before(name, nodes) for name, node in nodes.items() if node.op == "Sin"}
    assert sorted(sum(nodes[name].op == "Cumsum" for name in names) for names in before.values()) == [0, 1, 2]


def names_before(name, nodes):
    """Of all nodes that must have run."""
    inputs = {reference.removeprefix("^").split(":")[0] for reference in nodes[name].input}
    return inputs.union(*(names_before(each, nodes) for each in inputs))
