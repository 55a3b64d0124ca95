"""Limiting the length of a gradient."""

from collections.abc import Sequence

import tensorflow as tf


def clip_by_global_norm(gradients: Sequence[tf.Tensor], max_norm: float | tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Scale all gradients by one factor so that their joint length is at most `max_norm` (Pascanu et al. 2013, section 3.2).

    Gradients that are short enough stay as they are, to the bit. A length that is not finite cannot be scaled: the gradients then
    come back as they are, and the caller, who is given the length, must not apply them. With replicas, clip the sum over them.

    Args:
        gradients: float tensors of one dtype.
        max_norm: the limit, above 0; a Python number, or a scalar of the gradients' dtype.

    Returns:
        The gradients, and their length (scalar, same dtype) before clipping.
    """
    norm = tf.linalg.global_norm(gradients)
    factor = tf.where(tf.math.is_finite(norm) & (norm > max_norm), max_norm / norm, tf.ones_like(norm))
    return [gradient * factor for gradient in gradients], norm
