"""Half precision is for the network's body; what is summed, normalised or compared needs more."""

import tensorflow as tf


def at_least_float32(x: tf.Tensor) -> tf.Tensor:
    """Cast float16 and bfloat16 to float32; anything wider stays as it is."""
    return tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x
