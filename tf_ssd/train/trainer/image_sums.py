"""Matching and loss of a model, compiled by XLA once for all models of one configuration."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.loss import ImageSums
from tf_ssd.model import SSD


def image_sums(model: SSD) -> tf.types.experimental.PolymorphicFunction:
    """`model.multibox_sums`, compiled.

    Only matching and loss are: convolutions are faster with TensorFlow's own kernels, or with ours (FastConv2D).
    """
    method = model.multibox_sums
    return _compiled(_Sums(model.config, getattr(method, "__func__", method), method))


@dataclass(frozen=True)
class _Sums:
    """`multibox_sums` of a model, which is equal to that of any other model of the configuration: it depends on no weights."""

    config: ModelConfig
    function: Callable[..., ImageSums]
    method: Callable[..., ImageSums] = field(compare=False)


@lru_cache(maxsize=4)
def _compiled(sums: _Sums) -> tf.types.experimental.PolymorphicFunction:
    return tf.function(sums.method, jit_compile=True, autograph=False)
