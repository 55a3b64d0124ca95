"""Offsets by any rules, in float64."""

import numpy as np

from tf_ssd.audit.diagnosis.matching import PIXELS, to_xyxy
from tf_ssd.audit.diagnosis.rules import Encoding


def encode(boxes: np.ndarray, default_boxes: np.ndarray, rules: Encoding) -> np.ndarray:
    """Offsets (..., K, 4) of boxes xyxy (..., K, 4) from default boxes cxcywh (K, 4)."""
    scale = np.repeat(rules.variances, 2)
    if rules.kind in ("corners", "corners by size"):
        shift = boxes - to_xyxy(default_boxes)
        return _ordered(shift / scale if rules.kind == "corners" else shift / np.tile(default_boxes[:, 2:], 2) / scale, rules)
    size = boxes[..., 2:] - boxes[..., :2]
    shift = (boxes[..., :2] + boxes[..., 2:]) / 2 - default_boxes[:, :2]
    divisors = {"fractions": 1.0, "pixels": 1 / PIXELS, "own size": size}
    growth = size / default_boxes[:, 2:]
    growth = growth - 1 if rules.kind == "linear" else np.log2(growth) if rules.kind == "binary" else np.log(growth)
    return _ordered(np.concatenate([shift / divisors.get(rules.kind, default_boxes[:, 2:]), growth], axis=-1) / scale, rules)


def decode(offsets: np.ndarray, default_boxes: np.ndarray, rules: Encoding) -> np.ndarray:
    """Boxes xyxy (K, 4) of offsets (K, 4); NaN for a kind of offsets that is not the paper's."""
    if rules.kind != "paper":
        return np.full_like(offsets, np.nan)
    offsets = offsets[..., np.argsort(rules.order)] * np.repeat(rules.variances, 2)
    centre = default_boxes[:, :2] + offsets[..., :2] * default_boxes[:, 2:]
    size = default_boxes[:, 2:] * np.exp(np.minimum(offsets[..., 2:], np.log(rules.limit)))
    return to_xyxy(np.concatenate([centre, size], axis=-1))


def _ordered(offsets: np.ndarray, rules: Encoding) -> np.ndarray:
    return offsets[..., rules.order]
