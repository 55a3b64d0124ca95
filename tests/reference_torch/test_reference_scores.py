from math import exp, log

import pytest
import torch

from reference_torch.scores import cross_entropy, probabilities

DTYPES = [torch.float32, torch.float64]
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities_by_hand(dtype):
    logits = torch.tensor([[log(3), 0, -INF], [INF, 1000, -1000]], dtype=dtype)
    one, each = probabilities(logits[:1]), probabilities(logits, scores="sigmoid")
    torch.testing.assert_close(one, torch.tensor([[0.75, 0.25, 0]], dtype=dtype), rtol=1e-6, atol=0)
    torch.testing.assert_close(each, torch.tensor([[0.75, 0.5, 0], [1, 1, 0]], dtype=dtype), rtol=1e-6, atol=0)


def test_there_are_two_kinds():
    for function in (
        lambda: probabilities(torch.zeros(1, 2), scores="tanh"),
        lambda: cross_entropy(torch.zeros(1, 2), torch.tensor([0]), scores="tanh"),
    ):
        with pytest.raises(ValueError, match="tanh"):
            function()


# --- softmax ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_by_hand(dtype):
    logits = torch.tensor([[0, 0, 0, 0], [log(3), 0, -INF, -INF], [log(3), 0, -INF, -INF]], dtype=dtype)
    losses = cross_entropy(logits, torch.tensor([2, 0, 1]))
    expected = torch.tensor([log(4), log(4 / 3), log(4)], dtype=dtype)  # uniform; probabilities 3/4 and 1/4
    torch.testing.assert_close(losses, expected, rtol=4 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_of_saturated_logits(dtype):
    rows = [[1000, 0, 0], [1000, 0, 0], [0, -1000, -1000], [1, 0, -INF]]
    logits = torch.tensor(rows, dtype=dtype, requires_grad=True)
    losses = cross_entropy(logits, torch.tensor([0, 1, 2, 0]))
    assert losses[:3].tolist() == [0, 1000, 1000]
    # rows do not see each other's maximum
    torch.testing.assert_close(losses[3].item(), log(1 + exp(-1)), rtol=1e-6, atol=0)
    losses[:3].sum().backward()
    assert logits.grad.tolist() == [[0, 0, 0], [1, -1, 0], [1, 0, -1], [0, 0, 0]]  # softmax - one hot


def test_cross_entropy_gradient_is_softmax_minus_one_hot():
    logits = torch.tensor([[log(3), 0.0]], dtype=torch.float64, requires_grad=True)
    cross_entropy(logits, torch.tensor([1])).sum().backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[0.75, -0.75]], dtype=torch.float64), rtol=1e-15, atol=0)


def test_cross_entropy_is_exact_where_the_answer_is_small():
    # (max - chosen) first: 1e4 + log(1 + e^-0.001) - 1e4 would lose the difference in float32
    loss = cross_entropy(torch.tensor([[10000.0, 9990.0]]), torch.tensor([0]))
    torch.testing.assert_close(loss.item(), log(1 + exp(-10)), rtol=1e-3, atol=0)


@pytest.mark.parametrize("label", [-1, 3, 255, -100])
def test_cross_entropy_of_a_label_out_of_range_is_nan_in_its_row_only(label):
    losses = cross_entropy(torch.zeros(3, 3), torch.tensor([0, label, 2]))
    assert losses.isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("bad", [NAN, INF])
def test_cross_entropy_of_a_nan_logit_is_nan_in_its_row_only(bad):
    losses = cross_entropy(torch.tensor([[0.0, 1], [0, bad]]), torch.tensor([0, 0]))
    assert losses.isnan().tolist() == [False, True]


def test_cross_entropy_keeps_leading_axes_and_takes_int32():
    losses = cross_entropy(torch.zeros(2, 3, 5), torch.zeros(2, 3, dtype=torch.int32))
    assert losses.shape == (2, 3)
    assert cross_entropy(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64)).shape == (0,)


# --- sigmoid ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_cross_entropy_by_hand(dtype):
    """Probabilities 1/2, 3/4 and 1/4: each slot by itself, background's own slot too, and all of them added up."""
    logits = torch.tensor([[0, log(3), -log(3)]] * 3, dtype=dtype)
    losses = cross_entropy(logits, torch.tensor([0, 1, 2]), scores="sigmoid")
    expected = torch.tensor([log(2 * 4 * 4 / 3), log(2 * 4 / 3 * 4 / 3), log(2 * 4 * 4)], dtype=dtype)
    torch.testing.assert_close(losses, expected, rtol=4 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_cross_entropy_of_saturated_logits(dtype):
    rows = [[1000, -1000, -INF], [1000, -1000, 1000], [0, 0, 0]]
    logits = torch.tensor(rows, dtype=dtype, requires_grad=True)
    losses = cross_entropy(logits, torch.tensor([0, 1, 0]), scores="sigmoid")
    assert losses[:2].tolist() == [0, 3000]
    losses.sum().backward()
    assert logits.grad.tolist() == [[0, 0, 0], [1, -1, 1], [-0.5, 0.5, 0.5]]  # sigmoid - one hot


def test_binary_cross_entropy_is_exact_where_the_answer_is_small():
    loss = cross_entropy(torch.tensor([[30.0, -30.0]]), torch.tensor([0]), scores="sigmoid")
    torch.testing.assert_close(loss.item(), 2 * exp(-30), rtol=1e-6, atol=0)


@pytest.mark.parametrize("label", [-1, 3, 255])
def test_binary_cross_entropy_of_a_label_out_of_range_is_nan_in_its_row_only(label):
    losses = cross_entropy(torch.zeros(3, 3), torch.tensor([0, label, 2]), scores="sigmoid")
    assert losses.isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_binary_cross_entropy_of_a_nan_in_any_slot_is_nan_in_its_row_only(slot):
    logits = torch.zeros(2, 3)
    logits[1, slot] = NAN
    assert cross_entropy(logits, torch.tensor([1, 1]), scores="sigmoid").isnan().tolist() == [False, True]


def test_binary_cross_entropy_keeps_leading_axes_and_takes_int32():
    assert cross_entropy(torch.zeros(2, 3, 5), torch.zeros(2, 3, dtype=torch.int32), scores="sigmoid").shape == (2, 3)
    assert cross_entropy(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64), scores="sigmoid").shape == (0,)
