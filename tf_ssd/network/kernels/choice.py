"""Which kernels a layer computes with: an export asks for plain ones, all else follows from what the network is called for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import tensorflow as tf

Kernels = Literal["training", "prediction", "plain"]
_plain = ContextVar("plain kernels", default=False)


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Networks called inside compute each layer by one operation of TensorFlow, for a graph that will run on another machine."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def kernels_for(training: bool | None) -> Kernels:
    """The kernels for a layer that is called now.

    "plain" inside `plain_kernels`, and where there is a GPU, whose library chooses by itself. Otherwise the fastest on a CPU, for
    "training" or for "prediction".

    Args:
        training: what Keras passes to a layer; None, where the caller said nothing, means prediction, as it does in Keras.
    """
    if _plain.get() or tf.config.list_physical_devices("GPU"):
        return "plain"
    return "training" if training else "prediction"
