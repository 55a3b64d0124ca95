"""Sizes of default boxes fitted to ground truth: what other sizes than a preset's would do.

The feature maps and ratios of the network stay; sought are the sizes that its default boxes follow from. From the sizes of each
preset, and from quantiles of the boxes' sides, one size at a time is raised or lowered by ever smaller factors, as long as no less
ground truth has a default box at the threshold, and the sum of that share and of the mean best IoU grows.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tf_ssd.boxes_px import iou
from tf_ssd.config import DefaultBoxesConfig, ModelConfig
from tf_ssd.config.boxes import BoxRule
from tf_ssd.data.coverage import THRESHOLD

FACTORS = (1.3, 1.15, 1.07, 1.03)
SMALLEST_PX, LARGEST = 4, 1.5  # the latter as a multiple of the input's side
MOST_BOXES = 4000  # that sizes are fitted to; of more, so many are drawn at random

Sizes = tuple[int, ...]  # one more than there are feature maps; ascending, in pixels
Score = tuple[float, float]  # share of ground truth with a default box at the threshold, mean best IoU


def fit_sizes(boxes: np.ndarray, network: ModelConfig, starts: Sequence[DefaultBoxesConfig]) -> DefaultBoxesConfig:
    """The default boxes fitted to some boxes; in all but their sizes they are those of the network.

    Args:
        boxes: (M, 4), xyxy fractions, at least one. Of up to MOST_BOXES, no less are covered than by any of `starts`.
        network: what the sizes are for.
        starts: sets of default boxes of the network that differ in their sizes alone.
    """
    rule, template = network.architecture.box_rule, replace(network.boxes, clip="none")
    if len(boxes) > MOST_BOXES:
        boxes = boxes[np.random.default_rng(0).choice(len(boxes), MOST_BOXES, replace=False)]
    known: dict[tuple[int, int, int], np.ndarray] = {}

    def score(sizes: Sizes) -> Score:
        best = np.zeros(len(boxes))
        for level, (smaller, larger) in enumerate(pairwise(sizes)):
            if (level, smaller, larger) not in known:
                known[level, smaller, larger] = level_ious(boxes, _with_sizes(template, rule, sizes), level)
            best = np.maximum(best, known[level, smaller, larger])
        return float(np.mean(best >= THRESHOLD)), float(np.mean(best))

    largest = round(LARGEST * template.image_size)
    first = [_whole(rule.sizes(start.shapes)) for start in starts]
    found = [_climb(sizes, score, largest) for sizes in (*first, _quantiles(boxes, template))]
    return replace(_with_sizes(template, rule, max(found, key=score)), clip=network.boxes.clip)


def level_ious(boxes: np.ndarray, config: DefaultBoxesConfig, level: int) -> np.ndarray:
    """The highest IoU (M,) of each of `boxes` (M, 4), xyxy fractions, with the unclipped default boxes of one feature map.

    Of the default boxes of one shape none overlaps a box more than the one whose centre is nearest along both axes, so only that is
    looked at.
    """
    box = boxes[:, None].astype(np.float64)  # (M, 1, 4)
    step = config.steps[level] / config.image_size
    cell = np.clip(np.round((box[..., :2] + box[..., 2:]) / 2 / step - config.offset), 0, config.feature_maps[level] - 1)
    centre = (cell + config.offset) * step  # (M, 1, 2)
    half = np.array(config.shapes[level]) / config.image_size / 2  # (A, 2)
    nearest = np.concatenate([centre - half, centre + half], axis=-1)  # (M, A, 4)
    return np.max(iou(box, nearest), axis=(1, 2))


def _climb(sizes: Sizes, score: Callable[[Sizes], Score], largest: int) -> Sizes:
    """The sizes from which none of the steps leads to a better score."""
    best = score(sizes)
    for factor in FACTORS:
        moving = True
        while moving:
            moving = False
            for candidate in _neighbours(sizes, factor, largest):
                found = score(candidate)
                if found[0] >= best[0] and sum(found) > sum(best):
                    sizes, best, moving = candidate, found, True
                    break
    return sizes


def _neighbours(sizes: Sizes, factor: float, largest: int) -> list[Sizes]:
    """Each size raised and lowered by a factor, where they stay ascending and within bounds."""
    neighbours = []
    for position, size in enumerate(sizes):
        for moved in (max(size + 1, round(size * factor)), min(size - 1, round(size / factor))):
            candidate = (*sizes[:position], moved, *sizes[position + 1 :])
            if candidate[0] >= SMALLEST_PX and candidate[-1] <= largest and _ascending(candidate):
                neighbours.append(candidate)
    return neighbours


def _quantiles(boxes: np.ndarray, template: DefaultBoxesConfig) -> Sizes:
    """Sizes that part the boxes' sides into groups of equal number, spread where they coincide."""
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1)) * template.image_size
    number = len(template.shapes) + 1
    sizes: list[int] = []
    for quantile in np.quantile(sides, (np.arange(number) + 0.5) / number).tolist():
        sizes.append(max(SMALLEST_PX, round(quantile), sizes[-1] + 1 if sizes else 0))
    return tuple(sizes)


def _whole(sizes: Sequence[float]) -> Sizes:
    return tuple(map(round, sizes))


def _with_sizes(template: DefaultBoxesConfig, rule: BoxRule, sizes: Sizes) -> DefaultBoxesConfig:
    return replace(template, shapes=rule.shapes(tuple(map(float, sizes))))


def _ascending(sizes: Sizes) -> bool:
    return all(smaller < larger for smaller, larger in pairwise(sizes))
