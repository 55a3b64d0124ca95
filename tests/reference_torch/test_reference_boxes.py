import pytest
import torch

from reference_torch.boxes import area, clip, flip_horizontal, iou, to_cxcywh, to_xyxy

DTYPES = [torch.float32, torch.float64]
NAN = float("nan")
WITHOUT_AREA = {
    "zero width": [0.25, 0.25, 0.25, 0.75],
    "zero height": [0.25, 0.25, 0.75, 0.25],
    "point": [0.5, 0.5, 0.5, 0.5],
    "inverted x": [0.75, 0.25, 0.25, 0.75],
    "inverted x and y": [0.75, 0.75, 0.25, 0.25],
    "one NaN": [0.25, 0.25, NAN, 0.75],
    "all NaN": [NAN, NAN, NAN, NAN],
}


def random_boxes(number, dtype, seed=0):
    corner, size = torch.rand(2, number, 2, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    return torch.cat((corner, corner + size + 0.01), dim=1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_conversions_by_hand(dtype):
    xyxy = torch.tensor([[1 / 8, 1 / 4, 5 / 8, 1]], dtype=dtype)
    cxcywh = torch.tensor([[3 / 8, 5 / 8, 1 / 2, 3 / 4]], dtype=dtype)
    torch.testing.assert_close(to_cxcywh(xyxy), cxcywh, rtol=0, atol=0)
    torch.testing.assert_close(to_xyxy(cxcywh), xyxy, rtol=0, atol=0)


def test_conversions_keep_leading_axes():
    boxes = random_boxes(6, torch.float64).reshape(2, 3, 4)
    torch.testing.assert_close(to_xyxy(to_cxcywh(boxes)), boxes, rtol=1e-15, atol=1e-15)


def test_area_by_hand():
    boxes = torch.tensor([[0, 0, 1, 1], [1 / 4, 0, 1 / 2, 1 / 2], [-1, -1, 1, 2]])
    assert area(boxes).tolist() == [1, 1 / 8, 6]


@pytest.mark.parametrize("box", WITHOUT_AREA.values(), ids=WITHOUT_AREA)
def test_area_is_never_positive_without_width_and_height(box):
    assert not area(torch.tensor(box)) > 0
    assert area(torch.tensor(box)).isnan() == (NAN in box)


@pytest.mark.parametrize("dtype", DTYPES)
def test_iou_by_hand(dtype):
    a = torch.tensor([[0, 0, 1 / 2, 1 / 2], [0, 0, 1, 1]], dtype=dtype)
    b = torch.tensor([[1 / 4, 1 / 4, 3 / 4, 3 / 4], [1 / 2, 0, 1, 1 / 2], [3 / 4, 3 / 4, 1, 1]], dtype=dtype)
    expected = torch.tensor(
        [
            [1 / 7, 0, 0],  # (1/16) / (1/4 + 1/4 - 1/16), touching, apart
            [1 / 4, 1 / 4, 1 / 16],  # nested: the ratio of the areas
        ],
        dtype=dtype,
    )
    torch.testing.assert_close(iou(a, b), expected, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_iou_is_symmetric_bounded_and_one_with_itself(dtype):
    a, b = random_boxes(100, dtype), random_boxes(120, dtype, seed=1)
    overlaps = iou(a, b)
    assert overlaps.dtype == dtype
    assert torch.equal(overlaps, iou(b, a).T)
    assert (overlaps >= 0).all()
    assert (overlaps <= 1).all()
    assert (overlaps > 0).any()
    assert (iou(a, a).diagonal() == 1).all()


@pytest.mark.parametrize("box", WITHOUT_AREA.values(), ids=WITHOUT_AREA)
@pytest.mark.parametrize("dtype", DTYPES)
def test_iou_without_area_is_zero_and_so_is_its_gradient(box, dtype):
    bad = torch.tensor([box], dtype=dtype, requires_grad=True)
    boxes = torch.tensor([[0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75], box], dtype=dtype, requires_grad=True)
    overlaps = torch.cat((iou(bad, boxes).flatten(), iou(boxes, bad).flatten()))
    assert overlaps.tolist() == [0] * 6
    overlaps.sum().backward()
    assert bad.grad.tolist() == [[0] * 4]
    assert boxes.grad.tolist() == [[0] * 4] * 3


def test_iou_gradient_of_a_good_box_beside_bad_ones():
    # a is inside b: IoU = area(a) / area(b) = (1/4 * 1/2) / 1
    a = torch.tensor([[1 / 4, 1 / 4, 1 / 2, 3 / 4]], requires_grad=True)
    b = torch.tensor([[0.0, 0, 1, 1], *WITHOUT_AREA.values()], requires_grad=True)
    iou(a, b).sum().backward()
    assert a.grad.tolist() == [[-1 / 2, -1 / 4, 1 / 2, 1 / 4]]
    assert b.grad[0].tolist() == [1 / 8, 1 / 8, -1 / 8, -1 / 8]
    assert (b.grad[1:] == 0).all()


def test_iou_of_no_boxes():
    boxes = random_boxes(3, torch.float32)
    assert iou(boxes[:0], boxes).shape == (0, 3)
    assert iou(boxes, boxes[:0]).shape == (3, 0)


def test_clip():
    boxes = torch.tensor([[-0.5, 0.25, 1.5, 0.75], [2.0, -1.0, 3.0, NAN]])
    clipped = clip(boxes)
    assert clipped[0].tolist() == [0, 0.25, 1, 0.75]
    assert clipped[1, :3].tolist() == [1, 0, 1]
    assert clipped[1, 3].isnan()


def test_flip_horizontal_by_hand_and_twice():
    boxes = torch.tensor([[1 / 8, 1 / 4, 1 / 2, 3 / 4]])
    assert flip_horizontal(boxes).tolist() == [[1 / 2, 1 / 4, 7 / 8, 3 / 4]]
    assert torch.equal(flip_horizontal(flip_horizontal(boxes)), boxes)
