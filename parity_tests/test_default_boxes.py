"""Default boxes of the presets and of small grids."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given

import reference_torch.default_boxes as reference
import tf_ssd.config
import tf_ssd.default_boxes as production
from parity_tests import strategies
from tf_ssd.config.boxes import BoxRule

COUNTS = {
    "VOC300": 8732,
    "COCO300": 8732,
    "PAPER300": 8732,
    "VOC512": 24564,
    "COCO512": 24564,
    "LITE320": 3234,
    "OD300": 1917,
    "OD320": 2034,
}
PRESETS = pytest.mark.parametrize("preset", ["VOC300", "COCO300", "PAPER300"])
CLIPS = pytest.mark.parametrize("clip", ["none", "size", "cxcywh"])


def check_default_boxes(ours: Any, theirs: Any) -> np.ndarray:
    """Equal but for the last bits in both dtypes; returns the float64 boxes."""
    for dtype in ("float32", "float64"):
        actual = production.default_boxes(ours, dtype=dtype).numpy()
        expected = reference.default_boxes(theirs, dtype=getattr(torch, dtype)).numpy()
        assert actual.dtype == expected.dtype
        # Both compute in float64 and round once; square roots may be taken of a product or of its factors.
        np.testing.assert_array_max_ulp(actual, expected, maxulp=1 if dtype == "float32" else 4)
    return actual


@pytest.mark.rule("R-DEF-1", "R-DEF-2", "R-DEF-3", "R-DEF-4", "R-DEF-5")
@PRESETS
@CLIPS
def test_presets(preset: str, clip: str) -> None:
    ours = dataclasses.replace(getattr(tf_ssd.config, preset), clip=clip)
    theirs = dataclasses.replace(getattr(reference, preset), clip=clip)
    check_default_boxes(ours, theirs)


@pytest.mark.rule("R-DEF-1", "R-DEF-3")
@pytest.mark.parametrize("preset", COUNTS)
def test_presets_of_the_family(preset: str) -> None:
    """As they are, and as the rule of their networks makes them of their sizes."""
    ours, theirs = tf_ssd.config.PRESETS[preset], getattr(reference, preset)
    boxes = check_default_boxes(ours, theirs)
    assert len(boxes) == ours.num_boxes == COUNTS[preset]
    rule = BoxRule(theirs.aspect_ratios, theirs.order)
    sizes = (*theirs.min_sizes, theirs.max_sizes[-1])
    check_default_boxes(dataclasses.replace(ours, shapes=rule.shapes(sizes)), theirs)
    np.testing.assert_allclose(rule.sizes(ours.shapes), sizes, rtol=1e-12)


@pytest.mark.rule("R-DEF-1", "R-DEF-2", "R-DEF-3")
@given(arguments=strategies.grid_configs())
def test_small_grids(arguments: dict[str, Any]) -> None:
    ours = tf_ssd.config.caffe_boxes(**arguments)
    boxes = check_default_boxes(ours, reference.DefaultBoxesConfig(**arguments))
    assert len(boxes) == ours.num_boxes


@pytest.mark.rule("R-DEF-2", "R-DEF-3")
def test_known_numbers() -> None:
    """The first cell of VOC300 and the last of all, by hand: centres 4 px and 150 px, sizes from 30, 60 and 264, 315 px."""
    boxes = production.default_boxes(tf_ssd.config.VOC300, dtype="float64").numpy() * 300
    larger, wide = np.sqrt(30 * 60), 30 * np.sqrt(2)
    first = [(4, 4, 30, 30), (4, 4, larger, larger), (4, 4, wide, wide / 2), (4, 4, wide / 2, wide)]
    np.testing.assert_allclose(boxes[:4], first, rtol=1e-12)
    np.testing.assert_allclose(boxes[4, :2], (12, 4), rtol=1e-12)  # the next cell lies to the right
    np.testing.assert_allclose(boxes[38 * 4, :2], (4, 12), rtol=1e-12)  # a row further down
    np.testing.assert_allclose(boxes[-4], (150, 150, 264, 264), rtol=1e-12)
    np.testing.assert_allclose(boxes[-3], (150, 150, np.sqrt(264 * 315), np.sqrt(264 * 315)), rtol=1e-12)


@pytest.mark.rule("R-DEF-4")
@PRESETS
@pytest.mark.parametrize("offset", [0.5, -0.5, 1.5])
def test_the_clip_rules_differ_where_they_should(preset: str, offset: float) -> None:
    """Also with centres outside the image, before it and behind it."""
    config = dataclasses.replace(getattr(tf_ssd.config, preset), offset=offset)
    none, size, both = (
        production.default_boxes(dataclasses.replace(config, clip=clip), dtype="float64").numpy()
        for clip in ("none", "size", "cxcywh")
    )
    assert np.any(none[:, 2:] > 1)
    np.testing.assert_array_equal(size[:, :2], none[:, :2])
    np.testing.assert_array_equal(size[:, 2:], np.minimum(none[:, 2:], 1))
    np.testing.assert_array_equal(both, np.clip(none, 0, 1))
