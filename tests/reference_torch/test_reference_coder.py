from math import exp, log

import pytest
import torch

from reference_torch.boxes import to_cxcywh, to_xyxy
from reference_torch.coder import decode, encode

DTYPES = [torch.float32, torch.float64]

# Centre moved by (1/8, -1/8) from a default box of 1/4 x 1/2; twice as wide, half as high.
DEFAULT_BOX = [1 / 2, 1 / 2, 1 / 4, 1 / 2]
BOX = [3 / 8, 1 / 4, 7 / 8, 1 / 2]
OFFSETS = [5, -2.5, log(2) / 0.2, -log(2) / 0.2]  # (1/8) / (1/4) / .1, (-1/8) / (1/2) / .1


@pytest.mark.parametrize("dtype", DTYPES)
def test_encode_by_hand(dtype):
    offsets = encode(torch.tensor([BOX], dtype=dtype), torch.tensor([DEFAULT_BOX], dtype=dtype))
    torch.testing.assert_close(offsets, torch.tensor([OFFSETS], dtype=dtype), rtol=4 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_decode_by_hand(dtype):
    boxes = decode(torch.tensor([OFFSETS], dtype=dtype), torch.tensor([DEFAULT_BOX], dtype=dtype))
    torch.testing.assert_close(boxes, torch.tensor([BOX], dtype=dtype), rtol=4 * torch.finfo(dtype).eps, atol=0)


def test_variances_are_centre_then_size():
    box, default_box = torch.tensor([BOX]).double(), torch.tensor([DEFAULT_BOX]).double()
    offsets = encode(box, default_box, variances=(0.5, 0.25))
    expected = torch.tensor([[1, -0.5, log(2) / 0.25, -log(2) / 0.25]]).double()
    torch.testing.assert_close(offsets, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(decode(offsets, default_box, variances=(0.5, 0.25)), box, rtol=1e-14, atol=0)


def test_the_default_box_itself_has_offsets_zero():
    default_boxes = torch.tensor([DEFAULT_BOX])
    assert encode(to_xyxy(default_boxes), default_boxes).tolist() == [[0] * 4]
    assert torch.equal(decode(torch.zeros(1, 4), default_boxes), to_xyxy(default_boxes))


def test_round_trip_row_by_row():
    generator = torch.Generator().manual_seed(0)
    boxes, default_boxes = torch.rand(2, 500, 4, dtype=torch.float64, generator=generator) + 0.05
    boxes = to_xyxy(boxes)
    torch.testing.assert_close(decode(encode(boxes, default_boxes), default_boxes), boxes, rtol=1e-13, atol=1e-13)


def test_decode_limits_the_size_and_only_the_size():
    offsets = torch.tensor([[100.0, 0, 100, 4]], dtype=torch.float64)  # ln scales 20 and 0.8
    default_boxes = torch.tensor([DEFAULT_BOX], dtype=torch.float64)
    limited = to_cxcywh(decode(offsets, default_boxes))
    free = to_cxcywh(decode(offsets, default_boxes, max_log_scale=None))
    # centre 1/2 + 100 * .1 / 4 = 3; width 1000/16 / 4 against e^20 / 4; height e^.8 / 2
    for boxes, width in ((limited, 1000 / 16 / 4), (free, exp(20) / 4)):
        expected = torch.tensor([[3, 0.5, width, exp(0.8) / 2]], dtype=torch.float64)
        torch.testing.assert_close(boxes, expected, rtol=1e-8, atol=0)
    tight = to_cxcywh(decode(offsets, default_boxes, max_log_scale=0.0))
    torch.testing.assert_close(tight, torch.tensor([[3, 0.5, 0.25, 0.5]], dtype=torch.float64), rtol=1e-13, atol=0)


def test_the_limit_is_on_offset_times_variance():
    # ln(62.5) = 4.135: an offset of 20 (ln scale 4) passes, 21 (ln scale 4.2) does not
    offsets = torch.tensor([[0.0, 0, 20, 21]], dtype=torch.float64)
    size = to_cxcywh(decode(offsets, torch.tensor([[0.5, 0.5, 1, 1]], dtype=torch.float64)))[0, 2:]
    assert size.tolist() == pytest.approx([exp(4), 62.5], rel=1e-12)


def test_decode_does_not_clip_small_sizes_or_the_image():
    box = decode(torch.tensor([[-100.0, 0, -1000, 0]]), torch.tensor([[0.5, 0.5, 0.25, 1]]))
    assert box.tolist() == [[-2, 0, -2, 1]]  # 1/2 - 100 * .1 / 4 = -2, width e^-200 / 4 = 0 in float32


def test_a_box_without_width_encodes_to_minus_infinity():
    offsets = encode(torch.tensor([[0.5, 0.25, 0.5, 0.75]]), torch.tensor([DEFAULT_BOX]))
    assert offsets.tolist() == [[0, 0, -float("inf"), 0]]


def test_gradient_of_decode_by_hand():
    offsets = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    decode(offsets, torch.tensor([DEFAULT_BOX], dtype=torch.float64))[0, 2].backward()
    # d xmax: .1 * dw = 1/40 from the centre, .2 * dw / 2 = 1/40 from the width
    assert offsets.grad[0].tolist() == pytest.approx([1 / 40, 0, 1 / 40, 0], rel=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_rows(dtype):
    none = torch.zeros(0, 4, dtype=dtype)
    assert encode(none, none).shape == decode(none, none).shape == (0, 4)
    assert encode(none, none).dtype == decode(none, none).dtype == dtype
