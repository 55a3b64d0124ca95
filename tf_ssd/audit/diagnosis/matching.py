"""Matching of one case by any rules, in float64."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tf_ssd.audit.cases.case import LossCase
from tf_ssd.audit.diagnosis.interning import interned
from tf_ssd.audit.diagnosis.rules import Matching, Refusing

PIXELS = 300  # of the image side
WHOLE_IMAGE = np.array([[0.0, 0.0, 1.0, 1.0]])


@dataclass(frozen=True, eq=False)
class Matched:
    """What each default box is trained on."""

    rows: np.ndarray  # (B, K), -1 for background
    boxes: np.ndarray  # (B, K, 4) xyxy of the matched object, NaN for background
    labels: np.ndarray  # (B, K), 0 for background
    positive: np.ndarray  # (B, K) bool: has a box loss, and counts in N
    foreground: np.ndarray  # (B, K) bool: is no candidate for the negatives
    objects: np.ndarray  # (B,) rows that may match


@dataclass(frozen=True, eq=False)
class Annotation:
    """What an image is matched by."""

    boxes: np.ndarray  # (G, 4) xyxy
    labels: np.ndarray  # (G,)
    default_boxes: np.ndarray  # (K, 4) cxcywh


@cache
def refused(case: LossCase, rules: Refusing) -> bool:
    """Whether the input raises an exception."""
    annotations, classes = _annotations(case), case.logits.shape[-1]
    return (
        (rules.unlabelled and any(not np.any(one.labels > 0) for one in annotations))
        or (rules.no_area and any(not np.all(_area(one.boxes) > 0) for one in annotations))
        or (rules.beyond and any(bool(np.any(one.labels >= classes)) for one in annotations))
    )


@cache
def matched(case: LossCase, rules: Matching) -> Matched:
    """Match all images."""
    images = [_match_image(annotation, rules) for annotation in _annotations(case)]
    return interned(Matched(*map(np.stack, zip(*images, strict=True))))


@cache
def _annotations(case: LossCase) -> list[Annotation]:
    return [interned(Annotation(image.gt_boxes, image.gt_labels, case.default_boxes)) for image in case.images]


def to_xyxy(boxes: np.ndarray) -> np.ndarray:
    """Corners (..., 4) of cxcywh."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([centre - size / 2, centre + size / 2], axis=-1)


@cache
def _match_image(image: Annotation, rules: Matching) -> tuple[np.ndarray, ...]:
    """The fields of `Matched` for one image."""
    boxes, labels, invented = image.boxes, image.labels, rules.invented and not len(image.boxes)
    if invented:
        boxes, labels = WHOLE_IMAGE, np.array([0])
    if rules.corners == "sorted":
        boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)
    seen = boxes if rules.clipped == "never" else np.clip(boxes, 0, 1)  # NaN stays NaN
    with_label = labels > 0 if rules.padding == "out" and not invented else labels >= 0
    valid = np.flatnonzero(with_label if rules.no_area == "kept" else with_label & (_area(seen) > 0))
    index = _rows(overlaps(seen, to_xyxy(image.default_boxes), rules.overlap), valid, rules)  # (K,)
    found = index >= 0
    own, chosen = np.zeros(len(index), np.int64), np.full((len(index), 4), np.nan)
    own[found] = labels[index[found]]
    chosen[found] = (seen if rules.clipped == "always" else boxes)[index[found]]
    positive = found if invented or rules.padding in ("objects", "half") else own > 0
    foreground = own > 0 if rules.padding == "half" and not invented else positive
    return index, np.where(positive[:, None], chosen, np.nan), own, positive, foreground, np.array(len(valid))


def _area(boxes: np.ndarray) -> np.ndarray:
    """Areas (N,), 0 for exchanged corners."""
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)


def overlaps(a: np.ndarray, b: np.ndarray, kind: str) -> np.ndarray:
    """(N, 4) with (M, 4), both xyxy, to (N, M); 0 with a box without area."""
    has_area = (_area(a) > 0)[:, None] & (_area(b) > 0)
    if kind == "pixels":
        a, b = (boxes * PIXELS + np.array([0, 0, 1, 1]) for boxes in (a, b))
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])  # (N, M, 2)
    intersection = (sides if kind == "unclamped" else np.maximum(sides, 0)).prod(axis=-1)
    area_a, area_b = _area(a)[:, None], _area(b)
    divisor = np.minimum(area_a, area_b) if kind == "smaller" else area_a + area_b - intersection
    return np.where(has_area, intersection / np.where(has_area, divisor, 1), 0)


def _rows(overlap: np.ndarray, valid: np.ndarray, rules: Matching) -> np.ndarray:
    """The row (K,) of each default box, -1 for background, from the overlaps (G, K) of the valid rows."""
    boxes = overlap.shape[1]
    best_row, best = np.full(boxes, -1), np.full(boxes, -1.0)
    for row in valid:
        better = overlap[row] > best if rules.row_ties == "first" else overlap[row] >= best
        best_row[better], best[better] = row, overlap[row][better]
    reached = best > rules.threshold if rules.strict else best >= rules.threshold
    by_threshold = np.where(reached, best_row, -1)
    claims = _claims(overlap, valid, rules)
    if rules.overridden:
        return np.where(reached, by_threshold, claims)
    return np.where(claims >= 0, claims, by_threshold)


def _claims(overlap: np.ndarray, valid: np.ndarray, rules: Matching) -> np.ndarray:
    """The row (K,) that each default box belongs to before the threshold, -1 for none."""
    claims = np.full(overlap.shape[1], -1)
    if rules.claims in ("bipartite", "rows"):
        left = overlap[valid].copy()  # (len(valid), K)
        for number in range(min(left.shape)):
            place = number if rules.claims == "rows" else int(left.argmax() // left.shape[1])
            box = int(left[place].argmax())
            if left[place, box] > rules.bound:
                claims[box] = valid[place]
                left[:, box] = -np.inf
            left[place] = -np.inf
    elif rules.claims != "none":
        for row in valid:
            box = int(overlap[row].argmax())
            rival = claims[box]
            wins = rival < 0 or rules.claims == "last" or (rules.claims == "best" and overlap[row, box] > overlap[rival, box])
            if overlap[row, box] > rules.bound and wins:
                claims[box] = row
    return claims
