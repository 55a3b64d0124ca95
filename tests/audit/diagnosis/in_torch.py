"""Errors planted into reference_torch."""

from collections.abc import Callable
from functools import wraps
from math import log
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from reference_torch import loss, matcher
from reference_torch.boxes import area
from tests.audit.diagnosis.planting import Planted
from tf_ssd.audit.asking import reference

Function = Callable[..., Any]
ONE_MORE = torch.tensor([0, 0, 1, 1])


def linear_sizes(encode: Function) -> Function:
    def replacement(*boxes: Tensor, variances: tuple[float, float]) -> Tensor:
        raw = encode(*boxes, variances=(1, 1))
        return torch.cat([raw[:, :2] / variances[0], (raw[:, 2:].exp() - 1) / variances[1]], 1)

    return replacement


def in_pixels(iou: Function) -> Function:
    return lambda a, b: iou(300 * a + ONE_MORE, 300 * b + ONE_MORE)


def unbounded(iou: Function) -> Function:
    """Every overlap of a row with area exceeds the bound of 1e-6."""
    return lambda a, b: iou(a, b) + 2e-6 * (area(a) > 0)[:, None]


def last_wins(_: Function) -> Function:
    return lambda overlaps, rows: matcher._claim_argmax(overlaps, [row for row in rows if overlaps[row].max() > 1e-6])


def clamped(cross_entropy: Function) -> Function:
    def replacement(logits: Tensor, labels: Tensor, *, scores: str) -> Tensor:
        largest = -log(1e-15)
        if scores == "softmax":
            return cross_entropy(logits, labels, scores=scores).clamp(max=largest)
        own = labels[..., None] == torch.arange(logits.shape[-1])
        return functional.softplus(torch.where(own, -logits, logits)).clamp(max=largest).sum(-1)

    return replacement


def label_shifted(cross_entropy: Function) -> Function:
    return lambda logits, labels, **kind: cross_entropy(logits, torch.where(labels > 0, labels - 1, labels), **kind)


def masks(logits: Tensor, labels: Tensor, ratio: float, least: int, scores: str) -> Tensor:
    """Mined boxes (B, K) by a full sort: MINING says whether with the positives, over all images, or with ties to the last box."""
    candidates = torch.ones_like(labels, dtype=torch.bool) if MINING.ranked else labels == 0
    hardness = loss.cross_entropy(loss._cast_up(logits), labels, scores=scores).detach()
    hardness = torch.where(candidates, hardness, -1)
    number, available = ((labels > 0).sum(1) * ratio).long().clamp(min=least), candidates.sum(1)
    if MINING.pooled:
        hardness, number, available = hardness.reshape(1, -1), number.sum(0, keepdim=True), available.sum(0, keepdim=True)
    if MINING.last:
        order = hardness.shape[1] - 1 - hardness.flip(1).argsort(dim=1, descending=True, stable=True)
    else:
        order = hardness.argsort(dim=1, descending=True, stable=True)
    return (order.argsort(1) < torch.minimum(number, available)[:, None]).reshape(labels.shape)


def mined_otherwise(multibox_loss: Function) -> Function:
    def replacement(offsets: Tensor, logits: Tensor, target_offsets: Tensor, labels: Tensor, **options: Any) -> Any:
        by_image = masks(logits, labels, options["negative_ratio"], options["min_negatives"], options["scores"])
        with mock.patch.object(loss, "hard_negative_mask", side_effect=by_image):
            return multibox_loss(offsets, logits, target_offsets, labels, **options)

    return replacement


def added_up(multibox_loss: Function) -> Function:
    """Each image by its own N."""

    def replacement(*tensors: Tensor, **options: Any) -> loss.MultiboxLoss:
        images = zip(*(tensor.split(1) for tensor in tensors), strict=True)
        return loss.MultiboxLoss(*map(sum, zip(*(multibox_loss(*image, **options) for image in images), strict=True)))

    return replacement


def masked_by_product(multibox_loss: Function) -> Function:
    def replacement(offsets: Tensor, *tensors: Tensor, **options: Any) -> loss.MultiboxLoss:
        result, nothing = multibox_loss(offsets, *tensors, **options), (offsets * 0).sum()
        return result._replace(total=result.total + nothing, localization=result.localization + nothing)

    return replacement


MINING = SimpleNamespace(ranked=False, pooled=False, last=False, ratio=3)
ERRORS = {
    "sizes-linear": Planted(matcher, "encode", linear_sizes),
    "variances-0.1": Planted(matcher, "encode", lambda encode: lambda *boxes, variances: encode(*boxes, variances=(0.1, 0.1))),
    "order-yxhw": Planted(matcher, "encode", lambda encode: lambda *boxes, **kind: encode(*boxes, **kind)[:, [1, 0, 3, 2]]),
    "overlap-in-pixels": Planted(matcher, "iou", in_pixels),
    "no-bound": Planted(matcher, "iou", unbounded),
    "claims-last": Planted(matcher, "_claim_bipartite", last_wins),
    "threshold-strict": Planted(matcher, "_above_threshold", lambda above: lambda *rest: above(*rest[:2], 0.50001)),
    "padding-claims": Planted(matcher, "match", lambda match: lambda a, b, *c, **d: match(a, torch.ones_like(b), *c, **d)),
    "clipped": Planted(matcher, "targets", lambda targets: lambda boxes, *rest: targets(boxes.clamp(0, 1), *rest)),
    "clamp-1e-15": Planted(loss, "cross_entropy", clamped),
    "label-shifted": Planted(loss, "cross_entropy", label_shifted),
    "sigmoids": Planted(loss, "cross_entropy", lambda entropy: lambda *rows, scores: entropy(*rows, scores="sigmoid")),
    "beta-0.11": Planted(
        loss, "smooth_l1", lambda _: lambda x: functional.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=1 / 9)
    ),
    "masked-by-product": Planted(loss, "multibox_loss", masked_by_product),
    "alpha-2": Planted(loss, "multibox_loss", lambda multibox: lambda *x, alpha, **rest: multibox(*x, alpha=2 * alpha, **rest)),
    "n-sum": Planted(loss, "multibox_loss", added_up),
    "ratio-2": Planted(MINING, "ratio", lambda _: 2),
    "positives-ranked": Planted(MINING, "ranked", lambda _: True),
    "pooled": Planted(MINING, "pooled", lambda _: True),
    "ties-highest": Planted(MINING, "last", lambda _: True),
}


@wraps(reference.loss)
def planted_loss(*tensors: Any, **options: Any) -> tuple[Tensor, ...]:
    """reference_torch's loss, with its mining under MINING."""
    options = {"negative_ratio": MINING.ratio, **options}
    if not (MINING.ranked or MINING.pooled or MINING.last):
        return reference.loss(*tensors, **options)
    with mock.patch.object(loss, "multibox_loss", mined_otherwise(loss.multibox_loss)):
        return reference.loss(*tensors, **options)
