from concurrent.futures import ThreadPoolExecutor

import pytest

from tf_ssd.data.notes import EXAMPLES, Notes, Problem, RecordNotes
from tf_ssd.errors import DatasetError, Place


def test_each_kind_is_one_sentence_in_the_order_of_appearance():
    notes = Notes()
    for kind, example in (("dropped", "a"), ("clipped", "b"), ("dropped", "c")):
        notes.add(kind, example, Place(example))
    assert notes.sentences() == ("dropped: 2: a; c", "clipped: 1: b")


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
