"""The K default boxes of an SSD (the paper's name; elsewhere: anchors, priors)."""

import numpy as np
import tensorflow as tf

from tf_ssd.config import DefaultBoxesConfig


def default_boxes(config: DefaultBoxesConfig, *, dtype: tf.DType | str = "float32") -> tf.Tensor:
    """All default boxes of `config`, in the order in which the heads emit them: feature map, row, column, box within the cell.

    Source: Liu et al. 2016, section 2.2, and Caffe SSD's PriorBox layer; the shapes are `config.boxes`'.

    Returns:
        (K, 4) cxcywh, fractions of the image side, computed in float64 and rounded once to `dtype`.
    """
    maps = [_feature_map(config, level) for level in range(len(config.feature_maps))]
    boxes = _clip(np.concatenate(maps), config.clip)
    return tf.constant(boxes, dtype=dtype)


def _feature_map(config: DefaultBoxesConfig, level: int) -> np.ndarray:
    """The default boxes (cells * cells * boxes, 4) of one feature map."""
    cells, step = config.feature_maps[level], config.steps[level]
    centres = (np.arange(cells) + config.offset) * step / config.image_size
    shapes = np.array(config.shapes[level]) / config.image_size  # (A, 2)
    grid = np.empty((cells, cells, len(shapes), 4))  # (row, column, A, 4)
    grid[..., 0] = centres[None, :, None]  # x from the column
    grid[..., 1] = centres[:, None, None]  # y from the row
    grid[..., 2:] = shapes
    return grid.reshape(-1, 4)


def _clip(boxes: np.ndarray, rule: str) -> np.ndarray:
    if rule == "size":
        return np.concatenate([boxes[:, :2], np.minimum(boxes[:, 2:], 1)], axis=1)
    return np.clip(boxes, 0, 1) if rule == "cxcywh" else boxes
