import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.readers.lazy import Annotation, LazyDataset, Object
from tf_ssd.errors import DatasetError, Place

HALF, FLAT, BEYOND, OUTSIDE = (0.0, 0.0, 50.0, 100.0), (5.0, 0.0, 5.0, 9.0), (50.0, 0.0, 101.0, 100.0), (100.0, 0.0, 101.0, 1.0)


class Listed(LazyDataset):
    """Record i holds the i-th list of (class, corners), in an image of `size`."""

    def __init__(self, *records, class_names=("cat", "dog"), root=Path("pictures"), size=(100, 100)):
        self.records, self.parsed, self.size = records, [], size
        self.root = root
        super().__init__([root], PackedStrings([f"r{index}" for index in range(len(records))]), class_names, Notes(), Place("list"))

    def annotation(self, index: int) -> Annotation:
        self.parsed.append(index)
        objects = [
            Object(Place(f"r{index}", f"object {n} ({name})"), name, box)
            for n, (name, box) in enumerate(self.records[index], start=1)
        ]
        return Annotation(self.root / f"{index}.png", self.size, objects)


def test_a_record():
    record = Listed([("dog", HALF), ("cat", FLAT), ("cat", BEYOND)])[0]
    assert (record.id, record.image, record.size) == ("r0", Path("pictures/0.png"), (100, 100))
    np.testing.assert_array_equal(record.boxes_px, [[0, 0, 50, 100], [50, 0, 100, 100]])
    assert record.written == ()
    assert record.labels.tolist() == [2, 1]
    assert record.difficult.tolist() == record.crowd.tolist() == [False, False]
    assert [array.dtype for array in (record.boxes_px, record.labels, record.difficult)] == [np.float64, np.int32, bool]


def test_rows_left_out_by_the_metrics_are_marked():
    class Marked(Listed):
        def annotation(self, index: int) -> Annotation:
            marks = [(False, False), (True, False), (True, True)]
            return Annotation(self.root / "0.png", self.size, [Object(Place("r0"), "cat", HALF, *mark) for mark in marks])

    record = Marked([])[0]
    assert (record.difficult.tolist(), record.crowd.tolist()) == ([False, True, True], [False, False, True])


@pytest.mark.parametrize(("size", "box"), [((100, 200), [25, 50, 75, 150]), (None, [0.25, 0.25, 0.75, 0.75])])
def test_fractions_become_pixels_where_the_size_is_known(size, box):
    class Fractions(Listed):
        fractions = True

    record = Fractions([("cat", (0.25, 0.25, 0.75, 0.75))], size=size)[0]
    np.testing.assert_array_equal(record.boxes_px, [box])
    assert record.fractions is (size is None)


def test_a_record_without_objects():
    record = Listed([])[0]
    arrays = record.boxes_px, record.labels, record.difficult, record.crowd
    assert [array.shape for array in arrays] == [(0, 4), (0,), (0,), (0,)]
    assert [array.dtype for array in arrays] == [np.float64, np.int32, bool, bool]


def test_without_a_size_rows_are_as_annotated_and_say_where_they_stand():
    dataset = Listed([("dog", OUTSIDE), ("cat", FLAT), ("cat", BEYOND)], size=None)
    record = dataset[0]
    np.testing.assert_array_equal(record.boxes_px, [OUTSIDE, BEYOND])
    assert (record.size, record.labels.tolist()) == (None, [2, 1])
    assert tuple(map(str, record.written)) == (
        "r0: object 1 (dog): xmin=100 ymin=0 xmax=101 ymax=1",
        "r0: object 3 (cat): xmin=50 ymin=0 xmax=101 ymax=100",
    )
    assert dataset.notes == ("boxes without area, dropped: 1: r0: object 2 (cat): xmin=5 ymin=0 xmax=5 ymax=9",)


def test_nothing_is_parsed_before_it_is_used():
    dataset = Listed([("dog", HALF)], [("cat", OUTSIDE)])
    assert dataset.parsed == []
    assert dataset[0].labels.tolist() == [2]
    with pytest.raises(DatasetError, match=r"^r1: object 1 \(cat\): xmin=100 .* lies outside the image of 100 x 100 px; correct"):
        dataset[1]


def test_without_class_names_everything_is_parsed_once():
    dataset = Listed([("dog", HALF)], [("cow", HALF), ("cat", FLAT)], class_names=None)
    assert dataset.parsed == [0, 1]
    assert dataset.class_names == ("cow", "dog")  # a class without any box cannot be learned
    assert dataset[1].labels.tolist() == [1]
    with pytest.raises(DatasetError, match="outside"):
        Listed([("cat", OUTSIDE)], class_names=None)
    assert Listed([("cat", OUTSIDE), ("dog", FLAT)], class_names=None, size=None).class_names == ("cat",)


def test_notes_grow_as_records_are_read_and_count_each_box_once():
    dataset = Listed([("dog", FLAT)], [("dog", BEYOND), ("dog", FLAT)])
    assert dataset.notes == ()
    for _ in range(3):
        dataset[0]
    assert dataset.notes == ("boxes without area, dropped: 1: r0: object 1 (dog): xmin=5 ymin=0 xmax=5 ymax=9",)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(dataset.__getitem__, [1, 0] * 100))
    dropped, clipped = dataset.notes
    assert dropped.startswith("boxes without area, dropped: 2: ")
    assert clipped.startswith("boxes that reached beyond their image, clipped: 1: r1: object 1 (dog)")


def test_an_unknown_class_is_named():
    with pytest.raises(DatasetError, match=r"^r0: object 2 \(cow\): the class is none of cat, dog; rename"):
        Listed([("dog", HALF), ("cow", HALF)])[0]


@pytest.mark.parametrize(("names", "message"), [([], "list: there are no objects"), (["a", "a"], "list: .*twice")])
def test_bad_class_names_are_refused(names, message):
    with pytest.raises(DatasetError, match=message):
        Listed([("dog", HALF)], class_names=names)


def test_an_image_outside_the_root_is_refused(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").symlink_to("/etc/passwd")
    with pytest.raises(DatasetError, match=r"0\.png: a symbolic link leads to /etc/passwd"):
        Listed([], root=tmp_path / "pictures")[0]


@pytest.mark.parametrize("index", [-1, 1])
def test_an_index_outside_is_an_index_error(index):
    with pytest.raises(IndexError, match="of 1"):
        Listed([])[index]


class Numbered(LazyDataset):
    def annotation(self, index: int) -> Annotation:
        raise AssertionError("nothing is parsed")


def test_a_record_that_is_not_used_costs_a_few_bytes():
    ids = [f"2012_{number:06d}" for number in range(20_000)]
    tracemalloc.start()
    dataset = Numbered([Path()], PackedStrings(ids), ["dog"], Notes(), Place("here"))
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(dataset) < 30
