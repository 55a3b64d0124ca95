from concurrent.futures import ThreadPoolExecutor
from itertools import chain, permutations

import pytest

from tf_ssd.data.notes import EXAMPLES, Notes, Problem, RecordNotes
from tf_ssd.errors import DatasetError, Place


def test_each_kind_is_one_sentence_in_the_order_of_the_kinds():
    notes = Notes()
    for kind, example in (("dropped", "a"), ("clipped", "b"), ("dropped", "c")):
        notes.add(kind, example, Place(example))
    assert notes.sentences() == ("clipped: 1: b", "dropped: 2: a; c")


def test_nothing_is_no_sentence():
    assert Notes().sentences() == ()


def test_the_examples_are_bounded_and_the_count_is_not():
    notes = Notes()
    for number in range(1000):
        notes.add("dropped", str(number), None)
    assert notes.sentences() == ("dropped: 1000: " + "; ".join(map(str, range(EXAMPLES))) + "; ...",)


def test_several_threads_lose_nothing():
    notes = Notes()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: notes.add("dropped", str(number), None), range(2000)))
    assert notes.sentences()[0].startswith("dropped: 2000: ")


def test_a_fault_is_raised_at_once():
    error = DatasetError.at(Place("a.xml"), "no boxes")
    with pytest.raises(DatasetError, match=r"^a\.xml: no boxes$") as raised:
        Notes().fault(error)
    assert raised.value is error


def test_no_fault_is_tolerated():
    error = DatasetError("a.xml: no boxes")
    with pytest.raises(DatasetError) as raised, Notes().tolerating():
        raise error
    assert raised.value is error


def problem(kind: str, example: str) -> Problem:
    return Problem(kind, example, Place(example))


def test_a_record_counts_once_for_each_kind():
    notes = RecordNotes(3)
    for _ in range(2):
        notes.add(0, [problem("dropped", "a"), problem("dropped", "b")])
        notes.add(2, [problem("dropped", "c")])
        notes.add(1, [])
        notes.add(0, [problem("skipped", "d")])
    assert notes.sentences() == ("dropped: 3: a; b; c", "skipped: 1: d")


def test_a_record_that_several_threads_read_counts_once():
    notes = RecordNotes(5, Notes())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: notes.add(number % 5, [problem("dropped", "a")]), range(2000)))
    assert notes.notes.sentences()[0].startswith("dropped: 5: ")


def test_sentences_do_not_depend_on_the_order_in_which_threads_read_the_records():
    orders = permutations(range(EXAMPLES + 1)), [range(EXAMPLES, -1, -1)]
    texts = set()
    for order in chain(*orders):
        notes = RecordNotes(EXAMPLES + 1)
        for index in order:
            first, second = ("dropped", "clipped") if index else ("skipped", "dropped")
            notes.add(index, [problem(first, f"{index}a"), problem(first, f"{index}b"), problem(second, f"{index}c")])
        texts.add(notes.sentences())
    assert texts == {
        (
            "dropped: 11: 0c; 1a; 1b; 2a; 2b; ...",
            "skipped: 2: 0a; 0b",
            "clipped: 5: 1c; 2c; 3c; 4c; 5c",
        )
    }
