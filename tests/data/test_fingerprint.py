from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tf_ssd.data.fingerprint import MOST_RECORDS, fingerprint
from tf_ssd.data.records import Record


class Listed:
    """Records in a list; keeps which were read."""

    notes = ()

    def __init__(self, *records: Record, class_names=("cat", "dog")) -> None:
        self.records, self.class_names, self.reads = records, class_names, []

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        self.reads.append(index)
        return self.records[index]


def record(**changes) -> Record:
    boxes = np.array([[0, 0, 50, 50], [10, 20, 30, 40.0]])
    return replace(Record("a", b"jpeg", boxes, np.int32([1, 2]), np.array([False, True]), np.array([False, False])), **changes)


OTHER = record(id="b", image=b"other")


def test_it_is_a_function_of_what_a_dataset_holds():
    assert fingerprint(Listed(record(), OTHER)) == fingerprint(Listed(record(), OTHER))
    assert len(fingerprint(Listed(record()))) == 64


@pytest.mark.parametrize(
    "changed",
    [
        Listed(record(id="c"), OTHER),
        Listed(record(image=b"png"), OTHER),
        Listed(record(boxes_px=np.array([[0, 0, 50, 50], [10, 20, 30, 40.01]])), OTHER),
        Listed(record(labels=np.int32([2, 2])), OTHER),
        Listed(record(difficult=np.array([True, True])), OTHER),
        Listed(record(crowd=np.array([True, False])), OTHER),
        Listed(OTHER, record()),
        Listed(record()),
        Listed(record(), OTHER, OTHER),
        Listed(record(), OTHER, class_names=("dog", "cat")),
    ],
)
def test_every_change_shows(changed):
    assert fingerprint(changed) != fingerprint(Listed(record(), OTHER))


def test_the_names_of_joined_folders_do_not_count():
    joined = [fingerprint(Listed(record(id=f"{folder}/train/a"), OTHER)) for folder in ("VOC2007", "copied/of/VOC2007")]
    assert joined[0] == joined[1] == fingerprint(Listed(record(), OTHER))


def test_the_size_of_an_image_file_counts(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"0123")
    before = fingerprint(Listed(record(image=path)))
    path.write_bytes(b"3210")
    assert fingerprint(Listed(record(image=path))) == before
    path.write_bytes(b"01234")
    assert fingerprint(Listed(record(image=path))) != before


def test_a_missing_file_is_for_others_to_report():
    assert fingerprint(Listed(record(image=Path("nowhere.jpg")))) != fingerprint(Listed(record()))


@pytest.mark.parametrize(("size", "step"), [(MOST_RECORDS, 1), (MOST_RECORDS + 1, 2), (3 * MOST_RECORDS, 3)])
def test_of_a_large_dataset_every_nth_record_is_read(size, step):
    dataset = Listed(*[record()] * size)
    fingerprint(dataset)
    assert dataset.reads == list(range(0, size, step))


def test_an_empty_dataset():
    assert fingerprint(Listed()) != fingerprint(Listed(class_names=("cat",)))
