"""Losses and coders in JAX, which the audit asks for value and gradient as any other; all of a module at once.

python -m tf_ssd.audit --impl examples.audit.jax_loss

A function is differentiated by `jax.grad`; compiled, it answers sooner. Without the name of a function, the audit takes all in a
module that are called loss, match, encode or decode.
"""

import math

import jax
import jax.numpy as jnp

VARIANCES = (0.1, 0.1, 0.2, 0.2)  # no jax.Array: that would be rounded to float32 before anyone asks for float64
LARGEST_GROWTH = math.log(1000 / 16)


@jax.jit
def loss(
    offsets: jax.Array,
    logits: jax.Array,
    target_offsets: jax.Array,
    target_labels: jax.Array,
    *,
    negative_ratio: int = 3,
    min_negatives: int = 0,
    alpha: float = 1.0,
) -> tuple[jax.Array, ...]:
    """Total, localization and confidence; offsets (B, K, 4), logits (B, K, C), labels (B, K) with 0 for background."""
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    positive = target_labels > 0  # (B, K)
    error = jnp.abs(jnp.where(positive[..., None], offsets - target_offsets, 0))
    boxes = jnp.where(error < 1, error**2 / 2, error - 0.5).sum(-1)  # (B, K)
    log_scores = jax.nn.log_softmax(logits)
    entropy = -jnp.take_along_axis(log_scores, target_labels[..., None], axis=-1, mode="fill")[..., 0]
    count = jnp.maximum(negative_ratio * positive.sum(1, keepdims=True), min_negatives)
    hardness = jnp.where(positive, -jnp.inf, entropy)
    rank = jnp.argsort(jnp.argsort(hardness, axis=1, descending=True, stable=True), axis=1)
    taken = positive | (rank < count) | jnp.isnan(entropy)
    n = jnp.maximum(1, positive.sum())
    localization, confidence = boxes.sum() / n, jnp.where(taken, entropy, 0).sum() / n
    return confidence + alpha * localization, localization, confidence


def encode(boxes: jax.Array, default_boxes: jax.Array) -> jax.Array:
    """Corners (K, 4) to offsets (K, 4)."""
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    shift = (centres - default_boxes[:, :2]) / default_boxes[:, 2:]
    return jnp.concatenate([shift, jnp.log(sizes / default_boxes[:, 2:])], axis=1) / jnp.array(VARIANCES, boxes.dtype)


def decode(offsets: jax.Array, default_boxes: jax.Array) -> jax.Array:
    """Offsets (K, 4) to corners (K, 4)."""
    scaled = offsets * jnp.array(VARIANCES, offsets.dtype)
    centres = default_boxes[:, :2] + scaled[:, :2] * default_boxes[:, 2:]
    sizes = default_boxes[:, 2:] * jnp.exp(jnp.minimum(scaled[:, 2:], LARGEST_GROWTH))
    return jnp.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
