"""Boxes as they pass between rooms: (N, 4) float64, xyxy in pixels of the image they belong to; NumPy only.

Pixels count from the image's top left corner, and pixel i reaches from i to i + 1. A size is (width, height) in pixels.
"""

import numpy as np

Size = tuple[int, int]


def to_fractions(boxes_px: np.ndarray, size: Size | np.ndarray) -> np.ndarray:
    """Boxes (N, 4) as fractions of their image, float32, which is what networks compute with.

    Args:
        boxes_px: (N, 4).
        size: of the image, or (N, 2), of the image of each box.
    """
    return (boxes_px / np.tile(size, 2)).astype(np.float32)


def to_px(boxes: np.ndarray, size: Size | np.ndarray) -> np.ndarray:
    """Boxes (N, 4) in fractions as pixels, float64; otherwise as `to_fractions`."""
    return boxes.astype(np.float64) * np.tile(size, 2)


def resized(boxes_px: np.ndarray, size: Size, new_size: Size) -> np.ndarray:
    """Boxes (N, 4) of an image of `size` where they lie when it is resized to `new_size`."""
    return boxes_px * np.tile(np.divide(new_size, size), 2)


def from_xywh(bboxes: np.ndarray) -> np.ndarray:
    """(N, 4) x, y, width and height, as COCO writes boxes, as xyxy."""
    return np.concatenate([bboxes[:, :2], bboxes[:, :2] + bboxes[:, 2:]], axis=-1)


def to_xywh(boxes_px: np.ndarray) -> np.ndarray:
    """The inverse of `from_xywh`."""
    return np.concatenate([boxes_px[:, :2], boxes_px[:, 2:] - boxes_px[:, :2]], axis=-1)


def area(boxes_px: np.ndarray) -> np.ndarray:
    """Areas (..., N) of boxes (..., N, 4); 0 where max does not exceed min."""
    return np.prod(np.maximum(boxes_px[..., 2:] - boxes_px[..., :2], 0), axis=-1)


def intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The area that boxes (..., N, 4) and (..., M, 4) share: (..., N, M)."""
    low = np.maximum(a[..., :, None, :2], b[..., None, :, :2])  # (..., N, M, 2)
    high = np.minimum(a[..., :, None, 2:], b[..., None, :, 2:])  # (..., N, M, 2)
    return np.prod(np.maximum(high - low, 0), axis=-1)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (..., N, 4) and (..., M, 4): (..., N, M); 0 where either has no area."""
    shared = intersection(a, b)
    union = area(a)[..., :, None] + area(b)[..., None, :] - shared  # (..., N, M)
    return np.divide(shared, union, out=np.zeros(union.shape), where=shared > 0)
