"""What Hypothesis draws: boxes, ground truth, grids of default boxes, logits.

Coordinates are multiples of 1/64 built from corner and size, so that areas are exact in float32: equal overlaps, overlaps equal
to a threshold and touching edges then occur often and mean the same in every implementation. Arbitrary floats come from a drawn
seed.
"""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

GRID = 64
IGNORED = -100  # a label of its own, which neither side gives
MAX_ELEMENTWISE = 64

seeds = st.integers(0, 2**32 - 1)
float_dtypes = st.sampled_from([np.float32, np.float64])


class GroundTruth(NamedTuple):
    """boxes (B, G, 4) xyxy and labels (B, G), 0 for padding."""

    boxes: np.ndarray
    labels: np.ndarray


@st.composite
def grid_boxes(draw: Any, *, count: int, allow_empty: bool = True) -> np.ndarray:
    """(count, 4) xyxy float64 on the grid, inside the image; with `allow_empty` some have no width or height."""
    boxes = []
    for _ in range(count):
        # A coarse grid makes simple fractions such as an IoU of 1/2 common.
        unit = draw(st.sampled_from([1, 8, 16]))
        cells, smallest = GRID // unit, 0 if allow_empty else 1
        x, y = draw(st.integers(0, cells - smallest)), draw(st.integers(0, cells - smallest))
        width, height = draw(st.integers(smallest, cells - x)), draw(st.integers(smallest, cells - y))
        boxes.append((x * unit, y * unit, (x + width) * unit, (y + height) * unit))
    return np.array(boxes, np.float64).reshape(count, 4) / GRID


@st.composite
def related_boxes(draw: Any, *, count: int) -> np.ndarray:
    """(count, 4) grid boxes in which each may be a duplicate of, nested in, or touching an earlier one."""
    boxes = draw(grid_boxes(count=count, allow_empty=False))
    for row in range(1, count):
        relation = draw(st.sampled_from(["none", "duplicate", "nested", "touching"]))
        xmin, ymin, xmax, ymax = boxes[draw(st.integers(0, row - 1))]
        if relation == "duplicate":
            boxes[row] = xmin, ymin, xmax, ymax
        elif relation == "nested":
            boxes[row] = xmin, ymin, (xmin + xmax) / 2, (ymin + ymax) / 2
        elif relation == "touching":
            boxes[row] = xmax, ymin, xmax + (xmax - xmin), ymax
    return boxes


def random_boxes(seed: int, *shape: int, smallest: float = 1e-3) -> np.ndarray:
    """(*shape, 4) xyxy float64 of all sizes from `smallest` to the whole image, inside it."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(np.log(smallest), 0, (*shape, 2)))
    corner = rng.uniform(0, 1, (*shape, 2)) * (1 - size)
    return np.concatenate([corner, corner + size], axis=-1)


@st.composite
def ground_truths(
    draw: Any, *, images: int | None = None, rows: int | None = None, classes: int = 4, ignored: bool = False
) -> GroundTruth:
    """A padded batch: any number of objects from none, related to one another; some rows without area, some outside the image.

    With `ignored` some of the rows are not to be trained on.
    """
    images = draw(st.integers(1, 3)) if images is None else images
    rows = draw(st.integers(1, 8)) if rows is None else rows
    boxes = np.stack([draw(related_boxes(count=rows)) for _ in range(images)])  # (B, G, 4)
    labels = draw(_integers((images, rows), -1 if ignored else 0, classes - 1))
    labels[labels < 0] = IGNORED
    odd = draw(_integers((images, rows), 0, 9))
    boxes[odd == 0, 2] = boxes[odd == 0, 0]  # no width
    boxes[odd == 1] = boxes[odd == 1][:, [2, 1, 0, 3]]  # inverted
    boxes[odd == 2] += 2  # outside the image
    boxes[(odd == 3) & (labels == 0)] = np.nan  # padding may hold anything
    return GroundTruth(boxes, labels.astype(np.int32))


@st.composite
def grid_configs(draw: Any, *, maps: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Arguments of a small DefaultBoxesConfig whose boxes lie on the grid: K from 4 to 84, ties in plenty."""
    maps = draw(st.sampled_from([(1,), (2,), (3, 1), (4, 2, 1)])) if maps is None else maps
    sizes = draw(st.sampled_from([8, 16, 32]))
    return {
        "image_size": GRID,
        "feature_maps": maps,
        "steps": tuple(GRID // 2 ** int(np.ceil(np.log2(cells))) for cells in maps),
        # s' = 4 s and a ratio of 4 have exact square roots.
        "min_sizes": tuple(sizes * 2**level // 2 for level in range(len(maps))),
        "max_sizes": tuple(sizes * 2**level * 2 for level in range(len(maps))),
        "aspect_ratios": ((4,),) * len(maps),
        "clip": draw(st.sampled_from(["none", "size", "cxcywh"])),
    }


@st.composite
def logit_arrays(draw: Any, *shape: int) -> np.ndarray:
    """float64 logits: ordinary, saturated, or of few values, so that ties abound."""
    rng = np.random.default_rng(draw(seeds))
    kind = draw(st.sampled_from(["ordinary", "saturated", "tied", "equal"]))
    if kind == "tied":
        return rng.integers(0, 2, shape).astype(np.float64)
    if kind == "equal":
        return np.zeros(shape)
    return rng.normal(size=shape) * (1 if kind == "ordinary" else 100)


@st.composite
def label_arrays(draw: Any, *shape: int, classes: int, ignored: bool = False) -> np.ndarray:
    """Target labels int32 (B, K): per image no positives, a few, half or all; with `ignored` some boxes are to be left out."""
    rng = np.random.default_rng(draw(seeds))
    share = np.array([draw(st.sampled_from([0, 0.1, 0.5, 1])) for _ in range(shape[0])])
    positive = rng.uniform(size=shape) < share[:, None]
    labels = np.where(positive, rng.integers(1, classes, shape), 0)
    share_left_out = draw(st.sampled_from([0, 0.2])) if ignored else 0
    return np.where(rng.uniform(size=shape) < share_left_out, IGNORED, labels).astype(np.int32)


def _integers(shape: tuple[int, ...], low: int, high: int) -> st.SearchStrategy[np.ndarray]:
    count = int(np.prod(shape))
    assert count <= MAX_ELEMENTWISE
    return st.lists(st.integers(low, high), min_size=count, max_size=count).map(lambda v: np.array(v).reshape(shape))
