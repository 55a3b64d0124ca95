from itertools import islice, permutations
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.data.batches.order import permuted, shuffled_index


def epoch(number: int, *, size: int, seed: int) -> list[int]:
    return [shuffled_index(position, size=size, seed=seed) for position in range(number * size, (number + 1) * size)]


@given(size=st.integers(1, 500), key=st.integers(0, 2**64 - 1))
def test_it_is_a_permutation(size, key):
    assert sorted(permuted(index, size=size, key=key) for index in range(size)) == list(range(size))


@pytest.mark.parametrize("size", [1, 2, 3, 63, 64, 65, 256, 257])
def test_every_epoch_holds_every_record_once(size):
    assert all(sorted(epoch(number, size=size, seed=9)) == list(range(size)) for number in range(3))


def test_epochs_and_seeds_differ():
    orders = [tuple(epoch(number, size=40, seed=seed)) for number in range(20) for seed in range(20)]
    assert len(set(orders)) == len(orders)
    assert tuple(range(40)) not in orders


def test_the_order_of_calls_does_not_matter():
    positions = range(60)
    forwards = [shuffled_index(position, size=6, seed=1) for position in positions]
    assert forwards == [shuffled_index(position, size=6, seed=1) for position in reversed(positions)][::-1]


def excess(counts: np.ndarray) -> float:
    """Chi-squared of counts that should be equal, in standard deviations above its mean."""
    freedom = counts.size - 1
    return float((np.sum((counts - counts.mean()) ** 2) / counts.mean() - freedom) / (2 * freedom) ** 0.5)


def test_all_orders_of_four_records_are_equally_likely():
    number_of = {order: number for number, order in enumerate(permutations(range(4)))}
    drawn = [number_of[tuple(epoch(number, size=4, seed=seed))] for number in range(40) for seed in range(120)]
    assert excess(np.bincount(drawn, minlength=24)) < 4


@pytest.mark.parametrize("distance", [1, 2, 7])
def test_neighbours_are_independent(distance):
    """Pairs at a distance: each of 10 x 9 is equally likely."""
    counts = np.zeros((10, 10))
    for seed in range(900):
        order = epoch(seed % 7, size=10, seed=seed)
        for first, second in zip(order, order[distance:], strict=False):
            counts[first, second] += 1
    assert not counts.diagonal().any()
    assert excess(counts[~np.eye(10, dtype=bool)]) < 4


def test_successive_epochs_are_independent():
    counts = np.zeros((8, 8))
    for seed in range(1000):
        counts[epoch(3, size=8, seed=seed)[0], epoch(4, size=8, seed=seed)[0]] += 1
    assert excess(counts) < 4


def test_a_billion_records_take_no_time_and_no_memory():
    start = perf_counter()
    drawn = [shuffled_index(position, size=10**9, seed=0) for position in islice(range(10**9, 2 * 10**9), 1000)]
    assert len(set(drawn)) == 1000
    assert 0.45 < np.mean(drawn) / 10**9 < 0.55
    assert perf_counter() - start < 2
