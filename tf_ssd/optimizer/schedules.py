"""Learning rates over the steps, in float64: the optimizer rounds them to the dtype of the weights."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tf_ssd")
class WarmupAndDrops(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises linearly, then falls by a factor at certain steps (Caffe's "multistep", with a warm-up before it).

    Steps count from 0. The rate at step k is rate * min(1, (k + 1) / warmup) * factor^(number of drops <= k), in float64. The
    defaults are the recipe for PASCAL VOC at batch 32, which from random weights diverges without the warm-up.

    Args:
        rate: the peak.
        drops: steps at which the rate falls.
        factor: what each drop multiplies the rate by.
        warmup: steps until the peak is reached; 0 for none.
    """

    def __init__(
        self, rate: float = 1e-3, *, drops: tuple[int, ...] = (80_000, 100_000), factor: float = 0.1, warmup: int = 500
    ) -> None:
        self.rate, self.drops, self.factor, self.warmup = rate, tuple(drops), factor, warmup

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The rate, a scalar, at `step`."""
        dropped = tf.reduce_sum(tf.cast(tf.cast(step, tf.float64) >= tf.constant(self.drops, tf.float64), tf.float64))
        return self.rate * _warm(step, self.warmup) * tf.constant(self.factor, tf.float64) ** dropped

    def get_config(self) -> dict[str, Any]:
        """Arguments that make this schedule again."""
        return {"rate": self.rate, "drops": self.drops, "factor": self.factor, "warmup": self.warmup}


@keras.saving.register_keras_serializable(package="tf_ssd")
class WarmupAndCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises linearly, then follows half a cosine down to 0 (Loshchilov and Hutter 2016, equation 5, without restarts).

    Steps count from 0. With w = warmup, the rate at step k is rate * min(1, (k + 1) / w) * (1 + cos(pi * p)) / 2 in float64, where
    p = (k - w) / (steps - w), limited to 0..1. Keras' CosineDecay, by contrast, loses the first step to a rate of 0, and computes
    in float32.

    Args:
        rate: the peak.
        steps: of the whole run, warm-up included; from there on the rate is 0.
        warmup: steps until the peak is reached; 0 for none.
    """

    def __init__(self, rate: float, *, steps: int, warmup: int = 0) -> None:
        self.rate, self.steps, self.warmup = rate, steps, warmup

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The rate, a scalar, at `step`."""
        progress = (tf.cast(step, tf.float64) - self.warmup) / max(1, self.steps - self.warmup)
        cosine = tf.cos(math.pi * tf.clip_by_value(progress, 0, 1))
        return self.rate * _warm(step, self.warmup) * (1 + cosine) / 2

    def get_config(self) -> dict[str, Any]:
        """Arguments that make this schedule again."""
        return {"rate": self.rate, "steps": self.steps, "warmup": self.warmup}


@keras.saving.register_keras_serializable(package="tf_ssd")
class Restarted(keras.optimizers.schedules.LearningRateSchedule):
    """Schedules one after another, each from its own step 0 on (warm restarts: Loshchilov and Hutter 2016).

    Args:
        schedules: at least one.
        restarts: the steps at which each of them but the first begins, ascending.
    """

    def __init__(self, schedules: Sequence[keras.optimizers.schedules.LearningRateSchedule], *, restarts: Sequence[int]) -> None:
        self.schedules, self.restarts = tuple(schedules), tuple(restarts)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The rate, a scalar, at `step`."""
        rate = self.schedules[0](step)
        for restart, schedule in zip(self.restarts, self.schedules[1:], strict=True):
            rate = tf.where(step < restart, rate, schedule(step - restart))
        return rate

    def get_config(self) -> dict[str, Any]:
        """Arguments that make this schedule again."""
        return {"schedules": list(map(keras.saving.serialize_keras_object, self.schedules)), "restarts": self.restarts}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Restarted":
        """Inverse of `get_config`."""
        return cls(list(map(keras.saving.deserialize_keras_object, config["schedules"])), restarts=config["restarts"])


def _warm(step: tf.Tensor, warmup: int) -> tf.Tensor:
    """The share of the peak, from 1 / warmup at step 0 to 1."""
    return tf.minimum((tf.cast(step, tf.float64) + 1) / max(1, warmup), 1)
