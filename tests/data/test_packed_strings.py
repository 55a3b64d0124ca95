import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.data.packed_strings import PackedStrings


@given(st.lists(st.text(st.characters(codec=None))))
def test_strings_come_back_as_they_were(strings):
    """Surrogates included: they stand for the bytes of a file name that is not Unicode."""
    compact = PackedStrings(strings)
    assert [compact[index] for index in range(len(compact))] == strings


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_is_an_index_error(index):
    with pytest.raises(IndexError, match="of 2"):
        PackedStrings(["a", "b"])[index]


def test_a_string_costs_eight_bytes_beyond_its_letters():
    compact = PackedStrings([f"{number:06d}" for number in range(1000)])
    assert sys.getsizeof(compact._bytes) + compact._ends.nbytes < 1000 * (6 + 8) + 100
