import pytest

from tf_ssd.data.readers.coco_ids import number_in, order, places


@pytest.mark.parametrize("number", [0, 7, 10, 2**63, 2**64 - 1, 10**30])
def test_a_number_and_its_text_are_one_id(number):
    assert number_in(number) == number_in(str(number)) == number
    assert places([str(number)]) == places([number]) == {number: 0, str(number): 0}


@pytest.mark.parametrize("text", ["", "00", "07", "-3", "+7", " 7", "7\n", "1_0", "7.0", "\u0663", "1" * 5000])
def test_other_texts_are_no_numbers(text):
    assert number_in(text) is None


def test_numbers_come_first_in_their_order_then_texts_in_theirs():
    assert sorted(["b", 10, "1", "-3", 9, 0, "a"], key=order) == [0, "1", 9, 10, "-3", "a", "b"]
