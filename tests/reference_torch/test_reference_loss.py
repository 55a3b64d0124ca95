from math import log

import pytest
import torch

from reference_torch.loss import hard_negative_mask, multibox_loss, smooth_l1

DTYPES = [torch.float32, torch.float64]
NAN, INF = float("nan"), float("inf")


def hardness(values):
    """Logits (K, 2) whose background cross entropy is log(1 + e^value): larger is harder."""
    return torch.tensor([[0, value] for value in values], dtype=torch.float64)


def batch(labels, *, classes=2, dtype=torch.float64):
    """Offsets, logits and targets all 0: every row has cross entropy log(classes) and no localization error."""
    labels = torch.tensor(labels)
    offsets = torch.zeros(*labels.shape, 4, dtype=dtype, requires_grad=True)
    logits = torch.zeros(*labels.shape, classes, dtype=dtype, requires_grad=True)
    return offsets, logits, torch.zeros(*labels.shape, 4, dtype=dtype), labels


def set_(tensor, index, value):
    with torch.no_grad():
        tensor[index] = torch.tensor(value, dtype=tensor.dtype)


# --- smooth L1 ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_smooth_l1_by_hand(dtype):
    x = torch.tensor([0, 0.5, -0.5, 15 / 16, 1, -1, 2, -3], dtype=dtype, requires_grad=True)
    y = smooth_l1(x)
    assert y.dtype == dtype
    assert y.tolist() == [0, 1 / 8, 1 / 8, 225 / 512, 1 / 2, 1 / 2, 3 / 2, 5 / 2]
    y.sum().backward()
    assert x.grad.tolist() == [0, 0.5, -0.5, 15 / 16, 1, -1, 1, -1]


def test_smooth_l1_at_the_ends():
    x = torch.tensor([1e30, -INF, NAN], requires_grad=True)
    y = smooth_l1(x)
    assert y[0] == x[0]
    assert y[1] == INF
    assert y[2].isnan()
    y[:2].sum().backward()
    assert x.grad[:2].tolist() == [1, -1]


# --- hard negative mining ---


def mined(logits, labels, **options):
    mask = hard_negative_mask(logits, torch.tensor(labels), **options)
    assert mask.dtype == torch.bool
    assert mask.shape == (len(labels),)
    return torch.nonzero(mask).flatten().tolist()


def test_three_hardest_negatives_per_positive():
    # row 1 is the positive: harder than all, yet never a candidate
    assert mined(hardness([1, 9, 5, 2, 4, 3]), [0, 1, 0, 0, 0, 0]) == [2, 4, 5]
    assert mined(hardness([1, 9, 5, 2, 4, 3]), [0, 1, 0, 0, 0, 0], negative_ratio=1) == [2]
    assert mined(hardness([1, 9, 5, 2, 4, 3]), [0, 1, 0, 0, 0, 0], negative_ratio=0) == []


def test_hardness_is_the_background_cross_entropy_not_a_logit():
    logits = torch.tensor([[9.0, 9, 0], [0, 1, 1], [5, 0, 0], [0, 0, 0]])  # log 2, log(1 + 2e), small, positive
    assert mined(logits, [0, 0, 0, 2], negative_ratio=1) == [1]


def test_more_wanted_than_there_are():
    assert mined(hardness([1, 2, 3, 4]), [1, 1, 0, 0]) == [2, 3]
    assert mined(hardness([1, 2]), [1, 1]) == []
    assert mined(hardness([1, 2]), [0, 0], min_negatives=5) == [0, 1]


def test_no_positives_no_negatives_unless_asked_for():
    assert mined(hardness([1, 2, 3]), [0, 0, 0]) == []
    assert mined(hardness([1, 3, 2]), [0, 0, 0], min_negatives=2) == [1, 2]
    # the larger of the two numbers, not their sum
    assert mined(hardness([1, 3, 2, 0, 0, 0]), [0, 0, 0, 0, 0, 1], min_negatives=2) == [0, 1, 2]
    assert mined(hardness([1, 3, 2, 0, 0, 0]), [0, 0, 0, 0, 0, 1], min_negatives=4) == [0, 1, 2, 3]


def test_ties_at_the_cut_go_to_the_lowest_index():
    assert mined(hardness([2, 0, 2, 2, 2, 2]), [0, 1, 0, 0, 0, 0]) == [0, 2, 3]
    labels = [1, *[0] * 8000, 1]
    assert mined(torch.zeros(8002, 21), labels) == [1, 2, 3, 4, 5, 6]


def test_far_apart_hardness_is_still_ranked():
    # a softmax that is clamped, or a maximum shared by the rows, makes these equal
    assert mined(hardness([300, 500, 400, 0]), [0, 0, 0, 1], negative_ratio=1) == [1]
    assert mined(hardness([-500, -300, -400, 1000]), [0, 0, 0, 1], negative_ratio=1) == [0]  # all exactly 0: a tie
    assert mined(hardness([-30, -20, -25, 1000]), [0, 0, 0, 1], negative_ratio=1) == [1]


def test_nan_is_harder_than_anything():
    logits = torch.tensor([[0, 1000.0], [-INF, 0], [0, NAN], [0, NAN], [0, 0]])
    for number, expected in [(1, [2]), (2, [2, 3]), (3, [1, 2, 3]), (4, [0, 1, 2, 3])]:
        assert mined(logits, [0, 0, 0, 0, 1], negative_ratio=number) == expected


def test_a_negative_label_is_neither_background_nor_positive():
    assert mined(hardness([9, 1, 2, 3]), [-1, 0, 0, 0], min_negatives=1) == [3]
    assert mined(hardness([9, 1, 2, 3]), [-1, 0, 0, 0]) == []


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_ranked_in_float32(dtype):
    # log(1 + e^-9) and log(1 + e^-10) are both 0 when computed in half precision
    assert mined(hardness([-10, -9, 0]).to(dtype), [0, 0, 1], negative_ratio=1) == [1]


def test_the_mask_has_no_gradient():
    assert not hard_negative_mask(torch.zeros(3, 2, requires_grad=True), torch.tensor([0, 1, 0])).requires_grad


# --- MultiBox loss ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_loss_by_hand(dtype):
    offsets, logits, target_offsets, labels = batch([[1, 0, 0, 0, 0]], dtype=dtype)
    set_(offsets, (0, 0), [0.5, 0, 0, -2])
    loss = multibox_loss(offsets, logits, target_offsets, labels, alpha=2.0)
    assert loss.total.dtype == loss.localization.dtype == loss.confidence.dtype == dtype
    assert loss.total.shape == loss.localization.shape == loss.confidence.shape == loss.num_positives.shape == ()
    assert loss.localization.item() == 13 / 8  # 1/8 + 3/2
    assert loss.confidence.item() == pytest.approx(4 * log(2), rel=1e-6)  # one positive, three of four negatives
    assert loss.total.item() == pytest.approx(4 * log(2) + 2 * 13 / 8, rel=1e-6)
    assert loss.num_positives.item() == 1
    assert loss.num_positives.dtype == torch.int64
    loss.total.backward()
    assert offsets.grad[0, 0].tolist() == [1, 0, 0, -2]  # alpha * x where |x| < 1, alpha * sign beyond
    assert (offsets.grad[0, 1:] == 0).all()
    assert logits.grad[0].tolist() == [[0.5, -0.5], [-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5], [0, 0]]


def test_negative_ratio():
    for ratio, rows in [(0, 2), (1, 4), (2, 6), (2.5, 7), (9, 8)]:
        loss = multibox_loss(*batch([[1, 1, 0, 0, 0, 0, 0, 0]]), negative_ratio=ratio)
        assert loss.confidence.item() == pytest.approx(rows * log(2) / 2, rel=1e-14)


def test_the_error_is_prediction_minus_target():
    offsets, logits, target_offsets, labels = batch([[1]])
    set_(offsets, (0, 0), [3, 0, 0, 0])
    target_offsets[0, 0, 0] = 1
    loss = multibox_loss(offsets, logits, target_offsets, labels)
    assert loss.localization.item() == 3 / 2
    loss.total.backward()
    assert offsets.grad[0, 0].tolist() == [1, 0, 0, 0]


def test_n_counts_the_positives_of_the_whole_batch():
    one = multibox_loss(*batch([[1, 0, 0, 0]]))
    many = multibox_loss(*batch([[1, 0, 0, 0]] * 8))
    assert many.total.item() == pytest.approx(one.total.item(), rel=1e-14)
    assert many.num_positives == 8
    # 1 + 2 positives, 3 + 2 negatives
    mixed = multibox_loss(*batch([[1, 0, 0, 0], [1, 1, 0, 0]]))
    assert mixed.total.item() == pytest.approx(8 * log(2) / 3, rel=1e-14)


def test_normalizer_image():
    loss = multibox_loss(*batch([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]), normalizer="image")
    assert loss.confidence.item() == pytest.approx((4 / 1 + 4 / 2 + 0 / 1) * log(2) / 3, rel=1e-14)
    assert loss.num_positives == 3
    offsets, logits, target_offsets, labels = batch([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    set_(offsets, (0, 0), [1.5, 0, 0, 0])
    set_(offsets, (1, 1), [0, 4.5, 0, 0])
    loss = multibox_loss(offsets, logits, target_offsets, labels, normalizer="image")
    assert loss.localization.item() == pytest.approx((1 / 1 + 4 / 2 + 0 / 1) / 3, rel=1e-14)
    # an image without labels and min_negatives: its sum is divided by 1
    loss = multibox_loss(*batch([[0, 0, 0, 0]]), normalizer="image", min_negatives=2)
    assert loss.total.item() == pytest.approx(2 * log(2), rel=1e-14)


def test_positives_are_not_counted_twice_when_background_runs_out():
    assert multibox_loss(*batch([[1, 1, 0]])).total.item() == pytest.approx(3 * log(2) / 2, rel=1e-14)
    assert multibox_loss(*batch([[1, 1, 1]])).total.item() == pytest.approx(3 * log(2) / 3, rel=1e-14)


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float16])
@pytest.mark.parametrize("normalizer", ["batch", "image"])
@pytest.mark.parametrize("gap", [0, 3, 1000, INF])
def test_batch_without_labels_is_exactly_zero(dtype, normalizer, gap):
    offsets, logits, target_offsets, labels = batch([[0] * 5] * 3, dtype=dtype)
    set_(offsets, ..., 7)
    set_(logits, (..., 0), -gap)
    loss = multibox_loss(offsets, logits, target_offsets, labels, normalizer=normalizer)
    assert [value.item() for value in loss] == [0, 0, 0, 0]
    loss.total.backward()
    assert torch.equal(offsets.grad, torch.zeros_like(offsets))
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_image_without_labels_leaves_its_neighbour_alone():
    generator = torch.Generator().manual_seed(0)
    offsets, logits = torch.randn(2, 9, 4, generator=generator), torch.randn(2, 9, 3, generator=generator)
    logits[1] *= 50  # its background is much harder than the neighbour's: pooled mining would take it
    labels = torch.tensor([[2, 0, 0, 1, 0, 0, 0, 0, 0], [0] * 9])
    results = []
    for images in (slice(0, 1), slice(0, 2)):
        inputs = offsets[images].clone().requires_grad_(), logits[images].clone().requires_grad_()
        loss = multibox_loss(*inputs, torch.zeros_like(offsets[images]), labels[images])
        loss.total.backward()
        results.append((loss.total.item(), *(x.grad for x in inputs)))
    alone, beside = results
    assert beside[0] == alone[0] > 0
    for index in (1, 2):
        assert torch.equal(beside[index][:1], alone[index])
        assert (beside[index][1] == 0).all()


def test_min_negatives_trains_an_image_without_labels():
    offsets, logits, target_offsets, labels = batch([[0, 0, 0, 0]])
    set_(logits, 0, hardness([0, log(3), log(7), log(3)]).tolist())  # log 2, log 4, log 8, log 4
    loss = multibox_loss(offsets, logits, target_offsets, labels, min_negatives=2)
    assert loss.total.item() == pytest.approx(log(4) + log(8), rel=1e-14)
    assert loss.localization == 0
    loss.total.backward()
    assert (logits.grad[0] != 0).any(dim=1).tolist() == [False, True, True, False]


def test_saturated_logits_have_their_value_and_gradient():
    offsets, logits, target_offsets, labels = batch([[1, 0]], dtype=torch.float32)
    set_(logits, 0, [[1000, 0], [0, 1000]])
    loss = multibox_loss(offsets, logits, target_offsets, labels)
    assert loss.total == 2000
    loss.total.backward()
    assert logits.grad[0].tolist() == [[1, -1], [-1, 1]]


@pytest.mark.parametrize("labels", [[[1, 0, 0]], [[0, 0, 0]], [[1, 0, 0], [0, 0, 0]]])
@pytest.mark.parametrize("normalizer", ["batch", "image"])
def test_nan_in_a_logit_nobody_mined_is_loud(labels, normalizer):
    offsets, logits, target_offsets, labels = batch(labels)
    set_(logits, (-1, 2, 1), NAN)
    loss = multibox_loss(offsets, logits, target_offsets, labels, negative_ratio=0, normalizer=normalizer)
    assert loss.total.isnan()
    assert loss.confidence.isnan()
    assert loss.localization == 0
    loss.total.backward()
    assert logits.grad[-1, 2].isnan().all()
    assert logits.grad[-1, :2].isfinite().all()


def test_nan_offset_of_background_does_not_matter():
    results = []
    for value in (0.25, NAN, INF):
        offsets, logits, target_offsets, labels = batch([[1, 0, 0]])
        set_(offsets, (0, 0), [0.5] * 4)
        set_(offsets, (0, 1), [value] * 4)
        target_offsets[0, 2] = value
        loss = multibox_loss(offsets, logits, target_offsets, labels)
        loss.total.backward()
        results.append([*(x.item() for x in loss), offsets.grad.tolist(), logits.grad.tolist()])
    assert results[0][1] == 0.5
    assert results[0] == results[1] == results[2]


def test_nan_offset_of_a_positive_is_loud():
    offsets, logits, target_offsets, labels = batch([[1, 0, 0]])
    set_(offsets, (0, 0, 3), NAN)
    loss = multibox_loss(offsets, logits, target_offsets, labels)
    assert loss.total.isnan()
    assert not loss.confidence.isnan()


@pytest.mark.parametrize("label", [-1, 2, 300])
def test_label_out_of_range_is_loud(label):
    loss = multibox_loss(*batch([[1, 0, label, 0]]), negative_ratio=0)
    assert loss.total.isnan()
    assert multibox_loss(*batch([[1, 0, label, 0]], classes=301)).total.isnan() == (label < 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow(dtype):
    offsets, logits, target_offsets, labels = batch([[1] * 4000], dtype=dtype)
    set_(offsets, ..., 32768)
    set_(logits, (..., 0), 32768)
    loss = multibox_loss(offsets, logits, target_offsets, labels)
    assert loss.total.dtype == torch.float32
    assert loss.localization.item() == pytest.approx(4 * (32768 - 0.5), rel=1e-6)
    assert loss.confidence.item() == pytest.approx(32768, rel=1e-6)
    loss.total.backward()
    assert offsets.grad.dtype == dtype
    assert offsets.grad.isfinite().all()
    assert (offsets.grad > 0).all()


def test_targets_take_the_dtype_of_the_predictions():
    offsets, logits, target_offsets, labels = batch([[1, 0]], dtype=torch.float32)
    loss = multibox_loss(offsets, logits, target_offsets.double(), labels.int())
    assert loss.total.dtype == torch.float32
    assert loss.num_positives.dtype == torch.int64


@pytest.mark.parametrize("normalizer", ["batch", "image"])
def test_gradient_agrees_with_finite_differences(normalizer):
    generator = torch.Generator().manual_seed(0)
    offsets, logits = (torch.randn(2, 7, n, dtype=torch.float64, generator=generator) for n in (4, 3))
    target_offsets = torch.randn(2, 7, 4, dtype=torch.float64, generator=generator)
    labels = torch.tensor([[2, 0, 0, 0, 0, 0, 0], [0, 1, 0, 2, 0, 0, 0]])

    def total(offsets, logits):
        options = {"negative_ratio": 1, "alpha": 0.7, "normalizer": normalizer}
        return multibox_loss(offsets, logits, target_offsets, labels, **options).total

    assert torch.autograd.gradcheck(total, (offsets.requires_grad_(), logits.requires_grad_()), fast_mode=True)


def test_errors():
    offsets, logits, target_offsets, labels = batch([[1, 0]])
    with pytest.raises(ValueError, match="'sum'"):
        multibox_loss(offsets, logits, target_offsets, labels, normalizer="sum")
    with pytest.raises(ValueError, match="target_offsets"):
        multibox_loss(offsets, logits, target_offsets[:, :1], labels)
    with pytest.raises(ValueError, match="target_labels"):
        multibox_loss(offsets, logits, target_offsets, labels[:, :1])
    with pytest.raises(ValueError, match="logits"):
        multibox_loss(offsets, logits[:, :1], target_offsets, labels)


# --- scores by sigmoid ---


def test_sigmoid_loss_by_hand():
    """All logits 0: each slot costs ln 2 and pulls by a half, slot 0 of background boxes upwards, of the positive downwards."""
    offsets, logits, target_offsets, labels = batch([[1, 0, 0, 0, 0]])
    loss = multibox_loss(offsets, logits, target_offsets, labels, scores="sigmoid")
    assert loss.confidence.item() == pytest.approx(4 * 2 * log(2), rel=1e-14)
    loss.total.backward()
    assert logits.grad[0].tolist() == [[0.5, -0.5], [-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5], [0, 0]]


def test_sigmoid_hardness_is_the_sum_over_the_slots():
    """Row 1 is the least likely to be background by slot 0, and by a softmax; row 0 has two likely classes."""
    logits = torch.tensor([[0.0, 2, 2], [-2, 1, -9], [9, -9, -9], [0, 0, 0]])
    assert mined(logits, [0, 0, 0, 1], negative_ratio=1, scores="sigmoid") == [0]
    assert mined(torch.zeros(6, 3), [0, 1, 0, 0, 0, 0], scores="sigmoid") == [0, 2, 3]
    logits[2, 2] = NAN
    assert mined(logits, [0, 0, 0, 1], negative_ratio=1, scores="sigmoid") == [2]


def test_sigmoid_batch_without_labels_is_exactly_zero_and_a_nan_is_loud():
    offsets, logits, target_offsets, labels = batch([[0] * 5] * 2)
    loss = multibox_loss(offsets, logits, target_offsets, labels, scores="sigmoid")
    loss.total.backward()
    assert loss.total == 0
    assert not logits.grad.any()
    set_(logits, (1, 3, 0), NAN)
    assert multibox_loss(offsets, logits, target_offsets, labels, scores="sigmoid").total.isnan()
