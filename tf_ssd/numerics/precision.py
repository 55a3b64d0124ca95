"""At least float32 for what is summed, normalised or compared; half precision is for the body of the network."""

import tensorflow as tf


def at_least_float32(x: tf.Tensor) -> tf.Tensor:
    """Cast float16 and bfloat16 to float32; anything wider stays as it is."""
    return tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x
