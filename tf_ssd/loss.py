"""The MultiBox loss (Liu et al. 2016, equations 1-3) with hard negative mining, defined in every edge case."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import tensorflow as tf

from tf_ssd.config import ScoreKind
from tf_ssd.matcher import IGNORED
from tf_ssd.numerics.precision import at_least_float32
from tf_ssd.scores import cross_entropy

Normalizer = Literal["batch", "image"]


class MultiboxLoss(NamedTuple):
    """Scalars: total = confidence + alpha * localization, both already divided by N; num_positives (int32) of the batch."""

    total: tf.Tensor
    localization: tf.Tensor
    confidence: tf.Tensor
    num_positives: tf.Tensor


class ImageSums(NamedTuple):
    """Sums (B,) over the default boxes of each image, before any division; the numbers of boxes are int32."""

    localization: tf.Tensor
    confidence: tf.Tensor
    num_positives: tf.Tensor
    num_negatives: tf.Tensor


def smooth_l1(x: tf.Tensor) -> tf.Tensor:
    """Element-wise x^2 / 2 below 1, |x| - 1/2 from there on (Girshick 2015, equation 3)."""
    magnitude = tf.abs(x)
    return tf.where(magnitude < 1, x * x / 2, magnitude - 0.5)


def hard_negative_mask(
    logits: tf.Tensor,
    target_labels: tf.Tensor,
    *,
    negative_ratio: int = 3,
    min_negatives: int = 0,
    scores: ScoreKind = "softmax",
) -> tf.Tensor:
    """The background default boxes that take part in the confidence loss (Liu et al. 2016, section 2.2, hard negative mining).

    In each image, the min(background boxes, max(negative_ratio * positives, min_negatives)) boxes of the highest background cross
    entropy. Ties at the cut go to the lowest index; a NaN ranks above everything.

    Args:
        logits: (B, K, C).
        target_labels: (B, K) integers, 0 for background. Positives are never selected.
        negative_ratio: mined negatives per positive.
        min_negatives: lowest number of mined negatives of an image.
        scores: whose cross entropy, see `scores.cross_entropy`.

    Returns:
        (B, K) bool.
    """
    entropy = cross_entropy(at_least_float32(logits), target_labels, scores=scores)
    return _hardest(entropy, target_labels, negative_ratio, min_negatives)


def multibox_sums(
    offsets: tf.Tensor,
    logits: tf.Tensor,
    target_offsets: tf.Tensor,
    target_labels: tf.Tensor,
    *,
    negative_ratio: int = 3,
    min_negatives: int = 0,
    scores: ScoreKind = "softmax",
    class_weights: Sequence[float] | None = None,
) -> ImageSums:
    """The two terms of the loss summed per image, and the positives, for callers that divide by an N of their own (replicas).

    Arguments and errors as for `multibox_loss`.
    """
    offsets, logits, target_offsets, target_labels = map(tf.convert_to_tensor, (offsets, logits, target_offsets, target_labels))
    _check_shapes(offsets, logits, target_offsets, target_labels)
    offsets, logits = at_least_float32(offsets), at_least_float32(logits)
    positive = target_labels > 0  # (B, K)
    # Select, do not multiply: a NaN predicted for a background box must not reach the sum.
    error = tf.where(positive[..., None], offsets - tf.cast(target_offsets, offsets.dtype), tf.zeros_like(offsets))
    known = tf.where(target_labels == IGNORED, tf.zeros_like(target_labels), target_labels)
    entropy = cross_entropy(logits, known, scores=scores)  # (B, K)
    mined = _hardest(entropy, target_labels, negative_ratio, min_negatives)
    # A NaN row always takes part, so that no image, labelled or not, can hide it.
    selected = positive | mined | tf.math.is_nan(entropy)
    cost = entropy if class_weights is None else entropy * _weights_of(known, class_weights, logits)
    return ImageSums(
        localization=tf.reduce_sum(smooth_l1(error), axis=(1, 2)),
        confidence=tf.reduce_sum(tf.where(selected, cost, tf.zeros_like(cost)), axis=1),
        num_positives=tf.reduce_sum(tf.cast(positive, tf.int32), axis=1),
        num_negatives=tf.reduce_sum(tf.cast(mined, tf.int32), axis=1),
    )


def multibox_loss(
    offsets: tf.Tensor,
    logits: tf.Tensor,
    target_offsets: tf.Tensor,
    target_labels: tf.Tensor,
    *,
    negative_ratio: int = 3,
    min_negatives: int = 0,
    alpha: float = 1.0,
    normalizer: Normalizer = "batch",
    scores: ScoreKind = "softmax",
    class_weights: Sequence[float] | None = None,
) -> MultiboxLoss:
    """(confidence + alpha * localization) / N.

    Confidence is the cross entropy summed over positives and mined negatives; localization is smooth L1 over the offsets of the
    positives. An image without labels has no positives: it adds nothing (or, with `min_negatives`, its hardest negatives) and
    leaves the other images' loss and gradient alone. A batch without any label gives exactly 0 with gradient exactly 0. Default
    boxes with the label `matcher.IGNORED` are neither positive nor mined. A NaN in any logit, or any other label outside 0..C-1,
    makes the loss NaN.

    Cost: linear in B, K and C; negatives are mined by a fixed number of passes over (B, K), without sorting.

    Args:
        offsets: (B, K, 4) predicted; float16 and bfloat16 are computed in float32.
        logits: (B, K, C) predicted.
        target_offsets: (B, K, 4) from `matcher.targets`; ignored where the label is 0.
        target_labels: (B, K) integers, 0 for background, IGNORED for neither.
        negative_ratio: mined negatives per positive.
        min_negatives: lowest number of mined negatives of an image.
        alpha: weight of the localization term.
        normalizer: "batch": N = max(1, positives of the batch). "image": each image by its own N, then the mean over images.
        scores: the kind of scores that the logits stand for, and so their cross entropy, see `scores.cross_entropy`. "sigmoid"
            trains slot 0 too: with target 1 on background boxes and 0 on positives.
        class_weights: factors (C,) on the cross entropy of the boxes with each label, background first; None for 1. They change
            neither what is mined nor N, nor the localization term.

    Raises:
        ValueError: the normalizer or the kind of scores has another name, the shapes do not fit together, or there are not as many
            weights as classes.
    """
    if normalizer not in ("batch", "image"):
        raise ValueError(f'normalizer={normalizer!r}: must be "batch" or "image"')
    sums = multibox_sums(
        offsets,
        logits,
        target_offsets,
        target_labels,
        negative_ratio=negative_ratio,
        min_negatives=min_negatives,
        scores=scores,
        class_weights=class_weights,
    )
    return normalized(sums, alpha=alpha, normalizer=normalizer)


def normalized(sums: ImageSums, *, alpha: float = 1.0, normalizer: Normalizer = "batch") -> MultiboxLoss:
    """From the sums of each image to the loss of the batch; `alpha` and `normalizer` as for `multibox_loss`."""
    num_positives = tf.reduce_sum(sums.num_positives)
    divisor = num_positives if normalizer == "batch" else sums.num_positives
    combine = tf.reduce_sum if normalizer == "batch" else tf.reduce_mean
    n = tf.cast(tf.maximum(divisor, 1), sums.confidence.dtype)
    localization, confidence = combine(sums.localization / n), combine(sums.confidence / n)
    return MultiboxLoss(confidence + alpha * localization, localization, confidence, num_positives)


def _check_shapes(offsets: tf.Tensor, logits: tf.Tensor, target_offsets: tf.Tensor, target_labels: tf.Tensor) -> None:
    boxes = target_labels.shape
    shapes = {"offsets": (offsets, 4), "logits": (logits, None), "target_offsets": (target_offsets, 4)}
    for name, (tensor, last) in shapes.items():
        if not tensor.shape.is_compatible_with([*boxes, last]):
            raise ValueError(f"{name} has shape {tensor.shape}, which does not fit target_labels {boxes}")


def _weights_of(labels: tf.Tensor, class_weights: Sequence[float], logits: tf.Tensor) -> tf.Tensor:
    """The weight of each label (B, K); of one outside 0..C-1, whose cross entropy is NaN, any."""
    classes = logits.shape[-1]
    if len(class_weights) != classes:
        raise ValueError(f"class_weights has {len(class_weights)} entries, but the logits have {classes} classes")
    return tf.gather(tf.constant(class_weights, logits.dtype), tf.clip_by_value(tf.cast(labels, tf.int32), 0, classes - 1))


def _hardest(entropy: tf.Tensor, labels: tf.Tensor, negative_ratio: int, min_negatives: int) -> tf.Tensor:
    """Mask (B, K) of the mined negatives, from the cross entropy (B, K) of each box with its own label: 0 for background."""
    background = labels == 0
    positives = tf.reduce_sum(tf.cast(labels > 0, tf.int32), axis=1)
    count = tf.maximum(negative_ratio * positives, min_negatives)  # (B,)
    hardness = _ordered_bits(tf.stop_gradient(entropy))
    hardness = tf.where(background, hardness, -tf.ones_like(hardness))
    cut = _kth_largest(hardness, count, bits=tf.constant(hardness.dtype.size * 8 - 1))[:, None]  # (B, 1)
    harder, tied = hardness > cut, hardness == cut
    # Of the tied boxes those of the lowest index win: they get the largest keys, and a second cut selects them. If all tied boxes
    # take part, the second cut makes no pass. A count of 0 puts it above every key; one larger than the background, both below.
    boxes = labels.shape[1]
    order = tf.where(tied, tf.range(boxes - 1, -1, -1), -1)  # (B, K)
    still = count - tf.reduce_sum(tf.cast(harder, tf.int32), axis=1)
    left_out = tf.reduce_any(still < tf.reduce_sum(tf.cast(tied, tf.int32), axis=1))
    last = _kth_largest(order, still, bits=tf.where(left_out, boxes.bit_length(), 0))[:, None]
    return harder | (tied & (order >= last))


def _ordered_bits(x: tf.Tensor) -> tf.Tensor:
    """Integers in the order of the non-negative floats `x`: IEEE 754 bit patterns; NaN comes last."""
    integer = tf.int64 if x.dtype == tf.float64 else tf.int32
    return tf.where(tf.math.is_nan(x), integer.max, tf.bitcast(x, integer))


@tf.function(autograph=False)  # for eager callers, who would otherwise run each operation of each pass by itself
def _kth_largest(keys: tf.Tensor, k: tf.Tensor, *, bits: tf.Tensor) -> tf.Tensor:
    """The k-th largest (B,) of the integer keys (B, K) in 0..2^bits - 1, negative ones left out; 2^bits - 1 for k = 0.

    Bisection: the largest number that at least k keys reach, found bit by bit. One counting pass per bit, no sort.
    """

    def set_bit(bit: tf.Tensor, answer: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        trial = answer + tf.bitwise.left_shift(tf.ones([], keys.dtype), bit)
        reached = tf.reduce_sum(tf.cast(keys >= trial[:, None], tf.int32), axis=1)
        return bit - 1, tf.where(reached >= k, trial, answer)

    start = [tf.cast(bits - 1, keys.dtype), tf.zeros_like(keys[:, 0])]
    return tf.while_loop(lambda bit, _: bit >= 0, set_bit, start)[1]
