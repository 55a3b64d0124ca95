"""Errors planted into tf_ssd."""

from collections.abc import Callable
from functools import wraps
from math import log
from types import SimpleNamespace
from typing import Any
from unittest import mock

import tensorflow as tf

from tests.audit.diagnosis import planting
from tests.audit.diagnosis.planting import Planted
from tf_ssd import boxes, coder, loss, matcher
from tf_ssd.audit.asking import production

Function = Callable[..., Any]
ONE_MORE = tf.constant([0.0, 0, 1, 1])


def linear_sizes(encode: Function) -> Function:
    def replacement(*rows: tf.Tensor, variances: tuple[float, float]) -> tf.Tensor:
        raw = encode(*rows, variances=(1.0, 1.0))
        return tf.concat([raw[..., :2] / variances[0], (tf.exp(raw[..., 2:]) - 1) / variances[1]], axis=-1)

    return replacement


def in_pixels(iou: Function) -> Function:
    return lambda a, b: iou(300 * a + ONE_MORE, 300 * b + ONE_MORE) * tf.cast(boxes.area(a) > 0, a.dtype)[:, None]


def unbounded(iou: Function) -> Function:
    """Every overlap of a row with area exceeds the bound of 1e-6."""
    return lambda a, b: iou(a, b) + 2e-6 * tf.cast(boxes.area(a) > 0, a.dtype)[:, None]


def last_wins(_: Function) -> Function:
    return lambda overlap, claims: matcher._claim_argmax(overlap, claims & (tf.reduce_max(overlap, axis=1) > 1e-6))


def clamped(cross_entropy: Function) -> Function:
    def replacement(logits: tf.Tensor, labels: tf.Tensor, *, scores: str) -> tf.Tensor:
        largest = -log(1e-15)
        if scores == "softmax":
            return tf.minimum(cross_entropy(logits, labels, scores=scores), largest)
        own = labels[..., None] == tf.range(logits.shape[-1])
        return tf.reduce_sum(tf.minimum(tf.math.softplus(tf.where(own, -logits, logits)), largest), axis=-1)

    return replacement


def label_shifted(cross_entropy: Function) -> Function:
    return lambda logits, labels, **kind: cross_entropy(logits, tf.where(labels > 0, labels - 1, labels), **kind)


def smooth_l1_with_beta(x: tf.Tensor, beta: float = 1 / 9) -> tf.Tensor:
    size = tf.abs(x)
    return tf.where(size < beta, x * x / (2 * beta), size - beta / 2)


def mined_otherwise(entropy: tf.Tensor, labels: tf.Tensor, ratio: int, least: int) -> tf.Tensor:
    """Mining of the batch by a full sort: MINING says whether with the positives, over all images, or with ties to the last box."""
    candidates = tf.ones_like(labels, tf.bool) if MINING.ranked else labels == 0
    hardness = tf.where(candidates, entropy, -tf.ones_like(entropy))
    number = tf.maximum(ratio * tf.reduce_sum(tf.cast(labels > 0, tf.int32), axis=1), least)
    available = tf.reduce_sum(tf.cast(candidates, tf.int32), axis=1)
    if MINING.pooled:
        hardness, number, available = tf.reshape(hardness, [1, -1]), tf.reduce_sum(number)[None], tf.reduce_sum(available)[None]
    hardness = tf.reverse(hardness, [1]) if MINING.last else hardness
    order = tf.argsort(hardness, direction="DESCENDING", stable=True)
    mask = tf.argsort(order) < tf.minimum(number, available)[:, None]
    return tf.reshape(tf.reverse(mask, [1]) if MINING.last else mask, tf.shape(labels))


def added_up(_: Function) -> Function:
    """Each image by its own N."""

    def replacement(sums: loss.ImageSums, *, alpha: float, normalizer: str) -> loss.MultiboxLoss:
        n = tf.cast(tf.maximum(sums.num_positives, 1), sums.confidence.dtype)
        localization, confidence = tf.reduce_sum(sums.localization / n), tf.reduce_sum(sums.confidence / n)
        return loss.MultiboxLoss(confidence + alpha * localization, localization, confidence, tf.reduce_sum(sums.num_positives))

    return replacement


def masked_by_product(multibox_sums: Function) -> Function:
    def replacement(offsets: tf.Tensor, *tensors: tf.Tensor, **options: Any) -> loss.ImageSums:
        sums = multibox_sums(offsets, *tensors, **options)
        return sums._replace(
            localization=sums.localization + tf.cast(tf.reduce_sum(offsets * 0, axis=(1, 2)), sums.localization.dtype)
        )

    return replacement


def clipped(targets: Function) -> Function:
    return lambda rows, *rest: targets(boxes.clip(rows), *rest)


def remembered(targets: Function) -> Function:
    """Targets do not depend on the errors of the loss: they are made once for each case and set of errors in matching."""

    def replacement(*tensors: tf.Tensor) -> matcher.Targets:
        rows = tuple((tuple(tensor.shape), tensor.numpy().tobytes()) for tensor in tensors)
        key = (frozenset(planting.ACTIVE & MATCHING_ERRORS.keys()), rows)
        if key not in TARGETS:
            TARGETS[key] = targets(*tensors)
        return TARGETS[key]

    return replacement


TARGETS: dict[tuple[Any, ...], matcher.Targets] = {}
MINING = SimpleNamespace(ranked=False, pooled=False, last=False, ratio=3)
MATCHING_ERRORS = {  # these change the targets
    "sizes-linear": Planted(coder, "encode", linear_sizes),
    "variances-0.1": Planted(coder, "encode", lambda encode: lambda *rows, variances: encode(*rows, variances=(0.1, 0.1))),
    "order-yxhw": Planted(
        coder, "encode", lambda encode: lambda *rows, **kind: tf.gather(encode(*rows, **kind), [1, 0, 3, 2], axis=-1)
    ),
    "overlap-in-pixels": Planted(boxes, "iou", in_pixels),
    "no-bound": Planted(boxes, "iou", unbounded),
    "claims-last": Planted(matcher, "_claim_bipartite", last_wins),
    "threshold-strict": Planted(
        matcher, "match", lambda match: lambda *rows, **options: match(*rows, **{**options, "threshold": 0.50001})
    ),
    "padding-claims": Planted(matcher, "match", lambda match: lambda a, b, *c, **d: match(a, tf.ones_like(b), *c, **d)),
    "clipped": Planted(matcher, "targets", clipped),
}
ERRORS = {
    **MATCHING_ERRORS,
    "clamp-1e-15": Planted(loss, "cross_entropy", clamped),
    "label-shifted": Planted(loss, "cross_entropy", label_shifted),
    "sigmoids": Planted(loss, "cross_entropy", lambda entropy: lambda *rows, scores: entropy(*rows, scores="sigmoid")),
    "beta-0.11": Planted(loss, "smooth_l1", lambda _: smooth_l1_with_beta),
    "masked-by-product": Planted(loss, "multibox_sums", masked_by_product),
    "n-sum": Planted(loss, "normalized", added_up),
    "alpha-2": Planted(loss, "normalized", lambda divide: lambda sums, *, alpha, **rest: divide(sums, alpha=2 * alpha, **rest)),
    "ratio-2": Planted(MINING, "ratio", lambda _: 2),
    "positives-ranked": Planted(MINING, "ranked", lambda _: True),
    "pooled": Planted(MINING, "pooled", lambda _: True),
    "ties-highest": Planted(MINING, "last", lambda _: True),
}


@wraps(production.loss)
def planted_loss(*tensors: Any, **options: Any) -> tuple[tf.Tensor, ...]:
    """tf_ssd's loss, with its mining under MINING."""
    options = {"negative_ratio": MINING.ratio, **options}
    hardest = mined_otherwise if MINING.ranked or MINING.pooled or MINING.last else loss._hardest
    with mock.patch.object(loss, "_hardest", hardest), mock.patch.object(matcher, "targets", remembered(matcher.targets)):
        return production.loss(*tensors, **options)
