import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.optimizer import Adam, CaffeSGD, WarmupAndCosine


def network():
    """Two layers that start alike."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="body"), keras.layers.Dense(3, name="heads")])
    for layer in model.layers:
        layer.set_weights([np.eye(3), np.ones(3)])
    return model


@pytest.mark.parametrize("make", [Adam, CaffeSGD])
def test_a_layer_learns_more_slowly_also_on_two_replicas(make):
    """A kernel and a bias of each; in graph mode, as training steps are."""
    strategy = tf.distribute.MirroredStrategy(tf.config.list_logical_devices("CPU"))
    with strategy.scope():
        model = network()
        optimizer = make(WarmupAndCosine(0.25, steps=100), rates={"body": 0.125, "gone": 3.0})
        optimizer.build(model.trainable_variables)
    before = [variable.numpy() for variable in model.trainable_variables]
    gradients = [tf.ones(variable.shape) for variable in model.trainable_variables]
    tf.function(lambda: strategy.run(lambda: optimizer.apply(gradients)), autograph=False)()
    kernel, bias, heads_kernel, heads_bias = (
        now.numpy() - then for now, then in zip(model.trainable_variables, before, strict=True)
    )
    np.testing.assert_allclose(kernel, 0.125 * heads_kernel, rtol=1e-5)
    np.testing.assert_allclose(bias, 0.125 * heads_bias, rtol=1e-5)
    assert (heads_kernel < 0).all()
    assert (heads_bias < 0).all()


@pytest.mark.parametrize("make", [Adam, CaffeSGD])
def test_an_optimizer_is_made_again_from_its_config(make):
    again = keras.optimizers.deserialize(keras.optimizers.serialize(make(0.5, rates={"body": 0.25})))
    assert (type(again), float(again.learning_rate), again.rates) == (make, 0.5, {"body": 0.25})


def test_a_checkpoint_of_kerass_adam_fits():
    ours, theirs, variables = Adam(rates={"body": 0.5}), keras.optimizers.Adam(), network().trainable_variables
    for optimizer in (ours, theirs):
        optimizer.build(variables)
    assert [variable.shape for variable in ours.variables] == [variable.shape for variable in theirs.variables]
