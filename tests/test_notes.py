from concurrent.futures import ThreadPoolExecutor

from tf_ssd.data.notes import EXAMPLES, Notes


def test_each_kind_is_one_sentence_in_the_order_of_appearance():
    notes = Notes()
    for kind, example in (("dropped", "a"), ("clipped", "b"), ("dropped", "c")):
        notes.add(kind, example)
    assert notes.sentences() == ("dropped: 2: a; c", "clipped: 1: b")


def test_nothing_is_no_sentence():
    assert Notes().sentences() == ()


def test_the_examples_are_bounded_and_the_count_is_not():
    notes = Notes()
    for number in range(1000):
        notes.add("dropped", str(number))
    assert notes.sentences() == ("dropped: 1000: " + "; ".join(map(str, range(EXAMPLES))) + "; ...",)


def test_several_threads_lose_nothing():
    notes = Notes()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: notes.add("dropped", str(number)), range(2000)))
    assert notes.sentences()[0].startswith("dropped: 2000: ")
