import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.model import ssd300
from tf_ssd.optimizer import WeightAverage


def variables(*values):
    return [keras.Variable(np.float64(value), dtype="float64") for value in values]


def test_two_updates_by_hand():
    """From 1: d = 1/10, 0.1 * 1 + 0.9 * 2 = 1.9; then d = 2/11, (2 * 1.9 + 9 * 3) / 11 = 2.8."""
    weights = variables(1)
    average = WeightAverage(weights)
    for value in (2, 3):
        weights[0].assign(value)
        average.update(weights)
    assert float(average.averages[0]) == pytest.approx(2.8, rel=1e-15)


def test_the_decay_rises_no_further_than_asked_for():
    weights = variables(1)
    average = WeightAverage(weights, decay=0.25)  # which is (1 + 2) / (10 + 2)
    weights[0].assign(0)
    for expected in (0.1, 0.1 * 2 / 11, 0.1 * 2 / 11 * 0.25, 0.1 * 2 / 11 * 0.25**2):
        average.update(weights)
        assert float(average.averages[0]) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_averages_have_the_dtype_of_the_weights_in_a_graph_too(dtype):
    weights = [keras.Variable(np.ones(3), dtype=dtype)]
    average = WeightAverage(weights)
    weights[0].assign([2, 3, 4])
    tf.function(average.update)(weights)
    assert average.averages[0].dtype == dtype
    assert [variable.path for variable in average.variables] == ["updates", weights[0].path]
    np.testing.assert_allclose(average.averages[0], [1.9, 2.8, 3.7], rtol=np.finfo(dtype).eps * 2)
    assert int(average.updates) == 1


def test_averages_are_not_trained_and_of_several_replicas_one_is_enough():
    average = WeightAverage(variables(1, 2))
    assert {(variable.trainable, variable.aggregation) for variable in average.variables} == {(False, "only_first_replica")}


def test_averages_start_as_copies():
    weights = variables(1)
    average = WeightAverage(weights)
    weights[0].assign(5)
    assert float(average.averages[0]) == 1


def test_the_weights_are_exchanged_inside_and_come_back_to_the_bit_even_after_an_error():
    weights = variables(1 / 3, 2 / 3)
    average = WeightAverage(weights)
    weights[0].assign(5 / 7)

    def evaluate():
        with average.in_place_of(weights):
            assert [float(weight) for weight in weights] == [1 / 3, 2 / 3]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate()
    assert [float(weight) for weight in weights] == [5 / 7, 2 / 3]
    assert float(average.averages[0]) == 1 / 3


def test_another_number_of_variables_is_refused():
    average = WeightAverage(variables(1, 2))
    with pytest.raises(ValueError, match="shorter"):
        average.update(variables(1))


def test_a_checkpoint_holds_averages_and_their_number_of_updates(tmp_path):
    weights = variables(1, 2)
    average = WeightAverage(weights)
    weights[0].assign(7)
    average.update(weights)
    path = tf.train.Checkpoint(average=average).save(tmp_path / "checkpoint")
    again = WeightAverage(variables(0, 0))
    tf.train.Checkpoint(average=again).restore(path).assert_consumed().assert_existing_objects_matched()
    assert [float(value) for value in again.averages] == [float(value) for value in average.averages]
    assert int(again.updates) == 1


def test_a_model_is_saved_with_averaged_weights_and_its_latest_batch_statistics(tmp_path):
    model = ssd300(ModelConfig(num_classes=3, width=0.0625, batch_norm=True))
    average = WeightAverage(model.trainable_variables)
    expected = {variable.path: variable.numpy() for variable in model.trainable_variables}
    for variable in model.weights:
        variable.assign(variable + 1)
    expected |= {variable.path: variable.numpy() for variable in model.non_trainable_variables}
    with average.in_place_of(model.trainable_variables):
        model.save(tmp_path / "model.keras")
    saved = keras.saving.load_model(tmp_path / "model.keras")
    assert {variable.path for variable in saved.weights} == expected.keys()
    for variable in saved.weights:
        np.testing.assert_array_equal(variable, expected[variable.path])
    for variable in model.trainable_variables:
        np.testing.assert_array_equal(variable.numpy(), expected[variable.path] + 1)
