"""Sizes of default boxes fitted to ground truth: what other sizes than a preset's would do.

The feature maps and ratios of SSD300 stay; sought are the seven sizes that its min and max sizes consist of. From the sizes of each
preset, and from quantiles of the boxes' sides, one size at a time is raised or lowered by ever smaller factors, as long as no less
ground truth has a default box at the threshold, and the sum of that share and of the mean best IoU grows.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tf_ssd.boxes_px import iou
from tf_ssd.check.coverage import THRESHOLD
from tf_ssd.config import DefaultBoxesConfig

FACTORS = (1.3, 1.15, 1.07, 1.03)
SMALLEST_PX, LARGEST_PX = 4, 450
MOST_BOXES = 4000  # that sizes are fitted to; of more, so many are drawn at random

Sizes = tuple[int, ...]  # min sizes, then the last max size; ascending, in pixels
Score = tuple[float, float]  # share of ground truth with a default box at the threshold, mean best IoU


def fit_sizes(boxes: np.ndarray, starts: Sequence[DefaultBoxesConfig]) -> DefaultBoxesConfig:
    """The default boxes fitted to some boxes; in all but their sizes they are those of the first of `starts`, clipped nowhere.

    Args:
        boxes: (M, 4), xyxy fractions, at least one. Of up to MOST_BOXES, no less are covered than by any of `starts`.
        starts: sets of default boxes that differ in their sizes alone.
    """
    template = replace(starts[0], clip="none")
    if len(boxes) > MOST_BOXES:
        boxes = boxes[np.random.default_rng(0).choice(len(boxes), MOST_BOXES, replace=False)]
    known: dict[tuple[int, int, int], np.ndarray] = {}

    def score(sizes: Sizes) -> Score:
        best = np.zeros(len(boxes))
        for level, (smaller, larger) in enumerate(pairwise(sizes)):
            if (level, smaller, larger) not in known:
                known[level, smaller, larger] = level_ious(boxes, _with_sizes(template, sizes), level)
            best = np.maximum(best, known[level, smaller, larger])
        return float(np.mean(best >= THRESHOLD)), float(np.mean(best))

    found = [_climb(sizes, score) for sizes in (*map(_sizes, starts), _quantiles(boxes, template))]
    return _with_sizes(template, max(found, key=score))


def level_ious(boxes: np.ndarray, config: DefaultBoxesConfig, level: int) -> np.ndarray:
    """The highest IoU (M,) of each of `boxes` (M, 4), xyxy fractions, with the unclipped default boxes of one feature map.

    Of the default boxes of one shape none overlaps a box more than the one whose centre is nearest along both axes, so only that is
    looked at.
    """
    box = boxes[:, None].astype(np.float64)  # (M, 1, 4)
    step = config.steps[level] / config.image_size
    cell = np.clip(np.round((box[..., :2] + box[..., 2:]) / 2 / step - config.offset), 0, config.feature_maps[level] - 1)
    centre = (cell + config.offset) * step  # (M, 1, 2)
    half = _shapes(config, level) / 2  # (A, 2)
    nearest = np.concatenate([centre - half, centre + half], axis=-1)  # (M, A, 4)
    return np.max(iou(box, nearest), axis=(1, 2))


def _shapes(config: DefaultBoxesConfig, level: int) -> np.ndarray:
    """Width and height (A, 2) of the default boxes in a cell, as fractions."""
    smaller, larger = config.min_sizes[level], config.max_sizes[level]
    roots = [ratio**power for ratio in config.aspect_ratios[level] for power in (0.5, -0.5)]
    shapes = [(smaller, smaller), ((smaller * larger) ** 0.5,) * 2, *((smaller * root, smaller / root) for root in roots)]
    return np.array(shapes) / config.image_size


def _climb(sizes: Sizes, score: Callable[[Sizes], Score]) -> Sizes:
    """The sizes from which none of the steps leads to a better score."""
    best = score(sizes)
    for factor in FACTORS:
        moving = True
        while moving:
            moving = False
            for candidate in _neighbours(sizes, factor):
                found = score(candidate)
                if found[0] >= best[0] and sum(found) > sum(best):
                    sizes, best, moving = candidate, found, True
                    break
    return sizes


def _neighbours(sizes: Sizes, factor: float) -> list[Sizes]:
    """Each size raised and lowered by a factor, where they stay ascending and within bounds."""
    neighbours = []
    for position, size in enumerate(sizes):
        for moved in (max(size + 1, round(size * factor)), min(size - 1, round(size / factor))):
            candidate = (*sizes[:position], moved, *sizes[position + 1 :])
            if candidate[0] >= SMALLEST_PX and candidate[-1] <= LARGEST_PX and _ascending(candidate):
                neighbours.append(candidate)
    return neighbours


def _quantiles(boxes: np.ndarray, template: DefaultBoxesConfig) -> Sizes:
    """Sizes that part the boxes' sides into groups of equal number, spread where they coincide."""
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1)) * template.image_size
    number = len(template.min_sizes) + 1
    sizes: list[int] = []
    for quantile in np.quantile(sides, (np.arange(number) + 0.5) / number).tolist():
        sizes.append(max(SMALLEST_PX, round(quantile), sizes[-1] + 1 if sizes else 0))
    return tuple(sizes)


def _sizes(config: DefaultBoxesConfig) -> Sizes:
    return (*map(round, config.min_sizes), round(config.max_sizes[-1]))


def _with_sizes(template: DefaultBoxesConfig, sizes: Sizes) -> DefaultBoxesConfig:
    return replace(template, min_sizes=tuple(map(float, sizes[:-1])), max_sizes=tuple(map(float, sizes[1:])))


def _ascending(sizes: Sizes) -> bool:
    return all(smaller < larger for smaller, larger in pairwise(sizes))
