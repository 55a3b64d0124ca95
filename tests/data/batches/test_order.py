import random
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, permutations, product

import numpy as np
import pytest

from tf_ssd.data.batches.order import KEPT_EPOCHS, TrainingOrder


def epoch(number: int, *, size: int, seed: int) -> list[int]:
    order = TrainingOrder(size=size, seed=seed)
    return [order[position] for position in range(number * size, (number + 1) * size)]


@pytest.mark.parametrize("size", [1, 2, 3, 64, 257])
def test_every_epoch_holds_every_record_once(size):
    assert all(sorted(epoch(number, size=size, seed=9)) == list(range(size)) for number in range(3))


def test_epochs_and_seeds_differ():
    orders = [tuple(epoch(number, size=40, seed=seed)) for number in range(20) for seed in range(20)]
    assert len(set(orders)) == len(orders)
    assert tuple(range(40)) not in orders


def test_all_orders_of_four_records_are_equally_likely():
    """In which epoch and with which seed they are drawn."""
    number_of = {order: number for number, order in enumerate(permutations(range(4)))}
    drawn = [number_of[tuple(epoch(number, size=4, seed=seed))] for number, seed in product(range(40), range(120))]
    counts = np.bincount(drawn, minlength=24)
    chi_squared = np.sum((counts - counts.mean()) ** 2) / counts.mean()
    assert (chi_squared - 23) / (2 * 23) ** 0.5 < 4, "standard deviations above the mean for 23 degrees of freedom"


def test_it_does_not_matter_in_which_order_or_by_which_threads_it_is_asked():
    """More epochs than are kept, again and again."""
    order, positions = TrainingOrder(size=6, seed=1), list(range(20 * 6)) * 5
    expected = {position: epoch(position // 6, size=6, seed=1)[position % 6] for position in positions}
    random.Random(0).shuffle(positions)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(order.__getitem__, positions)) == [expected[position] for position in positions]


def test_threads_that_reach_an_epoch_together_draw_it_once(monkeypatch):
    drawn, default_rng = [], np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda key: drawn.append(key) or default_rng(key))
    size = 100_000
    order = TrainingOrder(size=size, seed=3)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(order.__getitem__, range(size - 50, size + 50)))
    assert sorted(drawn) == [[3, 0], [3, 1]]


def test_few_epochs_are_kept():
    size = 100_000
    order = TrainingOrder(size=size, seed=0)
    tracemalloc.start()
    try:
        for number in range(10):
            order[number * size]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert KEPT_EPOCHS * 8 * size <= held < (KEPT_EPOCHS + 1) * 8 * size


def test_the_fingerprint_is_that_of_the_order(monkeypatch):
    order = TrainingOrder(size=5, seed=1)
    assert order.fingerprint() == TrainingOrder(size=5, seed=1).fingerprint()
    assert len({order.fingerprint(), *(TrainingOrder(size=5 + n, seed=2 - n).fingerprint() for n in range(2))}) == 3
    before = order.fingerprint()
    monkeypatch.setattr(np.random, "default_rng", lambda key: np.random.Generator(np.random.MT19937(key)))
    assert TrainingOrder(size=5, seed=1).fingerprint() != before


FACTORS = np.array([1, 1, 1.25, 2, 2.5, 1])  # 8.75


def counts_of(epochs: range, *, seed: int) -> np.ndarray:
    """How often each of six records comes in each epoch (E, 6)."""
    order = TrainingOrder(size=6, seed=seed, factors=FACTORS)
    assert len(order) == 9
    return np.array([np.bincount([order[9 * epoch + place] for place in range(9)], minlength=6) for epoch in epochs])


def test_records_come_as_often_as_their_factors_say():
    """In each epoch the whole number above or below, stretched to 9 of 8.75; on average the factor."""
    counts = np.concatenate([counts_of(range(100), seed=seed) for seed in range(20)])
    stretched = FACTORS * 9 / 8.75
    assert np.all((np.floor(stretched) <= counts) & (counts <= np.ceil(stretched)))
    np.testing.assert_allclose(counts.mean(axis=0), stretched, atol=4 * 0.5 / 2000**0.5)


def test_repeated_records_lie_anywhere_and_in_another_order_in_each_epoch():
    order = TrainingOrder(size=6, seed=1, factors=FACTORS)
    epochs = [tuple(order[9 * epoch + place] for place in range(9)) for epoch in range(50)]
    assert len(set(epochs)) == 50
    beside = [any(a == b for a, b in pairwise(epoch)) for epoch in epochs]
    assert 0 < sum(beside) < 50


def test_any_position_of_a_repeated_order_is_the_same_asked_alone():
    expected = TrainingOrder(size=6, seed=1, factors=FACTORS)
    for position in (40, 3, 91, 0, 40):
        assert TrainingOrder(size=6, seed=1, factors=FACTORS)[position] == expected[position]


def test_factors_of_one_make_an_epoch_of_every_record_once():
    order = TrainingOrder(size=7, seed=2, factors=np.ones(7))
    assert sorted(order[position] for position in range(7)) == list(range(7))
    assert order.fingerprint() != TrainingOrder(size=7, seed=2, factors=np.array([1, 1, 1, 1, 1, 1, 1.5])).fingerprint()
