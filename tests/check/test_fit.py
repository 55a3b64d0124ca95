from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.check.fit import LARGEST, MOST_BOXES, SMALLEST_PX, fit_sizes, level_ious
from tf_ssd.config import COCO300, NETWORKS, PAPER300, PRESETS, VOC300, ModelConfig
from tf_ssd.data.coverage import THRESHOLD, best_ious

STARTS = [VOC300, COCO300, PAPER300]
NETWORK = ModelConfig()


def random_boxes(seed: int, number: int, *, shortest=0.01, longest=1.0) -> np.ndarray:
    """Boxes inside the image, sides between these fractions of what there is room for."""
    random = np.random.default_rng(seed)
    low = random.uniform(0, 0.9, (number, 2))
    return np.concatenate([low, low + random.uniform(shortest, longest, (number, 2)) * (1 - low)], axis=-1).astype(np.float32)


def covered(boxes, config) -> float:
    return float(np.mean(best_ious(boxes, config) >= THRESHOLD))


@given(st.integers(0, 2**32), st.sampled_from([replace(preset, clip="none") for preset in PRESETS.values()]))
def test_looking_at_the_nearest_cell_alone_finds_the_best_iou(seed, config):
    boxes = random_boxes(seed, 64)
    best = np.max([level_ious(boxes, config, level) for level in range(len(config.shapes))], axis=0)
    np.testing.assert_allclose(best, best_ious(boxes, config), rtol=1e-5, atol=1e-6)


@given(st.integers(0, 2**32), st.integers(1, 30), st.sampled_from([0.05, 0.3, 1.0]))
def test_no_less_is_covered_than_by_any_preset(seed, number, longest):
    boxes = random_boxes(seed, number, longest=longest)
    fitted = fit_sizes(boxes, NETWORK, STARTS)
    assert covered(boxes, fitted) >= max(covered(boxes, preset) for preset in STARTS)
    sizes = NETWORK.architecture.box_rule.sizes(fitted.shapes)
    assert sizes[0] >= SMALLEST_PX
    assert sizes[-1] <= LARGEST * 300
    assert all(smaller < larger for smaller, larger in pairwise(sizes))
    assert replace(fitted, shapes=VOC300.shapes) == VOC300


def test_small_objects_get_small_default_boxes():
    """Squares of 12 px: no preset has a box that small."""
    centres = np.random.default_rng(0).uniform(0.1, 0.9, (200, 2))
    boxes = np.concatenate([centres - 6 / 300, centres + 6 / 300], axis=-1).astype(np.float32)
    assert max(covered(boxes, preset) for preset in STARTS) < 0.1
    fitted = fit_sizes(boxes, NETWORK, STARTS)
    assert NETWORK.architecture.box_rule.sizes(fitted.shapes)[0] == pytest.approx(12, abs=5)
    assert covered(boxes, fitted) > 0.5


def test_many_boxes_are_sampled():
    boxes = random_boxes(0, MOST_BOXES + 100)
    assert covered(boxes, fit_sizes(boxes, NETWORK, STARTS)) > max(covered(boxes, preset) for preset in STARTS) - 0.01


def test_the_same_boxes_give_the_same_sizes():
    boxes = random_boxes(1, 50)
    assert fit_sizes(boxes, NETWORK, STARTS) == fit_sizes(boxes, NETWORK, STARTS)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_fitted(name):
    """Small objects in the corners, which no set of default boxes for its size covers as well."""
    network, boxes = NETWORKS[name], random_boxes(2, 40, longest=0.1)
    fitted = fit_sizes(boxes, network, [network.boxes])
    assert replace(fitted, shapes=network.boxes.shapes) == network.boxes
    assert covered(boxes, fitted) > covered(boxes, network.boxes)
