from dataclasses import FrozenInstanceError, replace
from math import sqrt

import pytest
import torch

from reference_torch.default_boxes import COCO300, PAPER300, VOC300, DefaultBoxesConfig, default_boxes

# First row of each feature map: 38^2 * 4, 19^2 * 6, 10^2 * 6, 5^2 * 6, 3^2 * 4, 1 * 4 boxes.
STARTS = (0, 5776, 7942, 8542, 8692, 8728)


def exact(config):
    return default_boxes(config, dtype=torch.float64)


def assert_rows(boxes, rows):
    torch.testing.assert_close(boxes, torch.tensor(rows, dtype=boxes.dtype), rtol=1e-15, atol=0)


def test_a_grid_small_enough_to_write_down():
    config = DefaultBoxesConfig((20,), (80,), 100, feature_maps=(2,), steps=(50,), aspect_ratios=((4,),))
    sizes = [(0.2, 0.2), (0.4, 0.4), (0.4, 0.1), (0.1, 0.4)]  # s, sqrt(.2 * .8), (s * 2, s / 2) and its reciprocal
    centres = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]  # the column moves first
    assert_rows(exact(config), [[*centre, *size] for centre in centres for size in sizes])


def test_offset_moves_the_centres():
    config = DefaultBoxesConfig((20,), (80,), 100, (2,), (50,), ((),), offset=0.0)
    assert exact(config)[:, :2].tolist() == [
        [0, 0],
        [0, 0],
        [0.5, 0],
        [0.5, 0],
        [0, 0.5],
        [0, 0.5],
        [0.5, 0.5],
        [0.5, 0.5],
    ]


@pytest.mark.parametrize("config", [VOC300, COCO300, PAPER300])
def test_8732_boxes_with_the_sizes_of_the_preset(config):
    boxes = exact(config)
    assert boxes.shape == (8732, 4)
    for start, step, low, high in zip(STARTS, config.steps, config.min_sizes, config.max_sizes, strict=True):
        assert_rows(
            boxes[start : start + 2],
            [
                [step / 600, step / 600, low / 300, low / 300],
                [step / 600, step / 600, sqrt(low * high) / 300, sqrt(low * high) / 300],
            ],
        )


def test_presets():
    assert VOC300.min_sizes == (30, 60, 111, 162, 213, 264)
    assert VOC300.max_sizes == (60, 111, 162, 213, 264, 315)
    assert COCO300.min_sizes == (21, 45, 99, 153, 207, 261)
    assert COCO300.max_sizes == (45, 99, 153, 207, 261, 315)
    scales = [0.20, 0.34, 0.48, 0.62, 0.76, 0.90, 1.04]  # equation 4, k = 1..7
    assert [size / 300 for size in PAPER300.min_sizes] == pytest.approx(scales[:6], rel=1e-15)
    assert [size / 300 for size in PAPER300.max_sizes] == pytest.approx(scales[1:], rel=1e-15)


def test_x_comes_from_the_column_and_y_from_the_row():
    boxes = exact(VOC300)
    assert_rows(boxes[4, :2], [12 / 300, 4 / 300])  # row 0, column 1
    assert_rows(boxes[4 * 38, :2], [4 / 300, 12 / 300])  # row 1, column 0
    assert_rows(boxes[5776 + 6 * (3 * 19 + 7), :2], [7.5 * 16 / 300, 3.5 * 16 / 300])


def test_order_within_a_cell():
    cell = exact(VOC300)[5776 : 5776 + 6, 2:]  # s = .2, s' = .37
    root = sqrt(0.2 * 0.37)
    assert_rows(
        cell,
        [
            [0.2, 0.2],
            [root, root],
            [0.2 * sqrt(2), 0.2 / sqrt(2)],
            [0.2 / sqrt(2), 0.2 * sqrt(2)],
            [0.2 * sqrt(3), 0.2 / sqrt(3)],
            [0.2 / sqrt(3), 0.2 * sqrt(3)],
        ],
    )


def test_clip_choices():
    none, size, cxcywh = (exact(replace(VOC300, clip=clip)) for clip in ("none", "size", "cxcywh"))
    wide = [0.5, 0.5, 0.88 * sqrt(2), 0.88 / sqrt(2)]  # the third of the last cell: w = 1.24
    assert_rows(none[8730], wide)
    assert_rows(size[8730], [0.5, 0.5, 1, wide[3]])
    assert_rows(cxcywh[8730], [0.5, 0.5, 1, wide[3]])
    last_of_ten = 8542 - 6  # centre 9.5 * 32 = 304 px
    assert_rows(none[last_of_ten, :2], [304 / 300, 304 / 300])
    assert_rows(size[last_of_ten, :2], [304 / 300, 304 / 300])
    assert_rows(cxcywh[last_of_ten, :2], [1, 1])
    assert torch.equal(size[:, :2], none[:, :2])
    assert torch.equal(size[:, 2:], none[:, 2:].clamp(max=1))
    assert torch.equal(cxcywh, none.clamp(0, 1))


@pytest.mark.parametrize("clip", ["none", "size", "cxcywh"])
def test_float32_is_float64_rounded_once(clip):
    config = replace(VOC300, clip=clip)
    assert default_boxes(config).dtype == torch.float32
    assert torch.equal(default_boxes(config), exact(config).float())


def test_errors():
    with pytest.raises(ValueError, match="'corners'"):
        default_boxes(replace(VOC300, clip="corners"))
    with pytest.raises(ValueError, match="zip"):
        default_boxes(replace(VOC300, steps=(8, 16)))
    with pytest.raises(FrozenInstanceError):
        VOC300.clip = "size"
