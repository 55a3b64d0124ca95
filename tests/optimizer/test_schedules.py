import math

import keras
import pytest
import tensorflow as tf

from tf_ssd.optimizer import Restarted, WarmupAndCosine, WarmupAndDrops


def drops_by_hand(step):
    return 0.3 * min(1, (step + 1) / 4) * 0.1 ** ((step >= 9) + (step >= 12))


def cosine_by_hand(step):
    return 0.3 * min(1, (step + 1) / 4) * (1 + math.cos(math.pi * min(1, max(0, step - 4) / 16))) / 2


@pytest.mark.parametrize("step", range(25))
def test_every_step_has_the_rate_of_the_closed_form(step):
    drops, cosine = WarmupAndDrops(0.3, drops=(9, 12), warmup=4), WarmupAndCosine(0.3, steps=20, warmup=4)
    for schedule, by_hand in ((drops, drops_by_hand), (cosine, cosine_by_hand)):
        rate = tf.function(schedule, jit_compile=True)(tf.constant(step, tf.int64))
        assert rate.dtype == tf.float64
        assert float(rate) == pytest.approx(by_hand(step), rel=1e-12, abs=1e-17)


def test_a_cosine_reaches_its_peak_after_the_warmup_and_0_at_its_end():
    schedule = WarmupAndCosine(0.3, steps=20, warmup=4)
    assert [float(schedule(step)) for step in (3, 4, 20, 21)] == [0.3, 0.3, 0, 0]
    assert float(schedule(12)) == pytest.approx(0.15, rel=1e-15)
    assert float(schedule(0)) == 0.3 / 4


def test_without_a_warmup_the_first_step_has_the_peak():
    assert float(WarmupAndCosine(0.3, steps=20)(0)) == float(WarmupAndDrops(0.3, warmup=0)(0)) == 0.3


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_a_run_no_longer_than_its_warmup_only_rises(steps):
    schedule = WarmupAndCosine(0.4, steps=steps, warmup=4)
    assert [float(schedule(step)) for step in range(steps)] == pytest.approx([0.1, 0.2, 0.3, 0.4][:steps], rel=1e-15)


DROPS, COSINE = WarmupAndDrops(0.3, drops=(5,), factor=0.5, warmup=2), WarmupAndCosine(0.3, steps=9, warmup=2)


def test_a_restarted_schedule_begins_anew():
    rate = tf.function(Restarted((COSINE, DROPS, COSINE), restarts=(9, 12)), jit_compile=True)
    parts = [(COSINE, 9), (DROPS, 3), (COSINE, 12)]
    expected = [float(schedule(step)) for schedule, steps in parts for step in range(steps)]
    assert [float(rate(tf.constant(step, tf.int64))) for step in range(24)] == pytest.approx(expected, rel=1e-15)


def test_each_restart_needs_its_schedule():
    with pytest.raises(ValueError, match="shorter"):
        Restarted((COSINE, DROPS), restarts=(9, 12))(0)


@pytest.mark.parametrize("schedule", [DROPS, COSINE, Restarted((COSINE, DROPS), restarts=(4,))])
def test_a_schedule_survives_its_config(schedule):
    schedules = keras.optimizers.schedules
    again = schedules.deserialize(schedules.serialize(schedule))
    assert again.get_config() == schedule.get_config()
    assert float(again(7)) == float(schedule(7))


def test_an_optimizer_keeps_its_schedule_through_its_config():
    optimizer = keras.optimizers.SGD(WarmupAndCosine(0.3, steps=9, warmup=2))
    again = keras.optimizers.SGD.from_config(optimizer.get_config())
    assert float(again.learning_rate) == float(optimizer.learning_rate) == 0.15
