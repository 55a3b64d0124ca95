from dataclasses import replace

import numpy as np
import pytest

from tf_ssd.data.subset import Subset, labelled
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import DatasetError


class Things(SyntheticDataset):
    """Record i has as many boxes as `rows[i]` says, the first `crowds[i]` of them crowds, and `difficult[i]` difficult."""

    notes = ("boxes without area, dropped: 1: a.xml",)

    def __init__(self, rows: list[int], crowds: list[int] | None = None, difficult: list[int] | None = None) -> None:
        super().__init__(len(rows), seed=0, image_size=32)
        self.rows, self.crowds, self.difficult = rows, crowds or [0] * len(rows), difficult or [0] * len(rows)

    def __getitem__(self, index: int):
        rows = self.rows[index]
        columns = {"boxes_px": np.zeros((rows, 4)), "labels": np.ones(rows, np.int32)}
        marks = {"difficult": np.arange(rows) < self.difficult[index], "crowd": np.arange(rows) < self.crowds[index]}
        return replace(super().__getitem__(index), **columns, **marks)


def ids(dataset) -> list[str]:
    return [dataset[index].id for index in range(len(dataset))]


def test_the_records_with_these_numbers_in_this_order():
    subset = Subset(SyntheticDataset(6, seed=0, image_size=32), [4, 0, 4])
    assert ids(subset) == ["synthetic-0-4", "synthetic-0-0", "synthetic-0-4"]
    assert subset.class_names == SyntheticDataset.class_names


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_is_an_index_error(index):
    with pytest.raises(IndexError, match=f"record {index} of 2"):
        Subset(SyntheticDataset(6, seed=0), [4, 0])[index]


def test_notes_are_those_of_the_dataset_and_its_own():
    dataset = Things([1, 1])
    assert Subset(dataset, [0]).notes == dataset.notes
    assert Subset(dataset, [0], "others left out: 1").notes == (*dataset.notes, "others left out: 1")


def test_images_without_labels_are_left_out_and_counted():
    kept = labelled(Things([2, 0, 1, 0, 0]))
    assert ids(kept) == ["synthetic-0-0", "synthetic-0-2"]
    assert kept.notes[-1] == "images without labels, left out of training: 3"


def test_an_image_with_nothing_but_crowds_has_no_label_to_train_on():
    assert ids(labelled(Things([2, 2, 2], crowds=[0, 1, 2]))) == ["synthetic-0-0", "synthetic-0-1"]


def test_difficult_objects_are_labels_unless_they_are_ignored():
    dataset = Things([1, 2, 2], difficult=[1, 2, 1])
    assert len(labelled(dataset)) == 3
    assert ids(labelled(dataset, difficult="ignore")) == ["synthetic-0-2"]


def test_nothing_is_noted_where_nothing_is_left_out():
    dataset = Things([1, 2])
    assert labelled(dataset).notes == dataset.notes


def test_a_dataset_without_any_label():
    with pytest.raises(DatasetError, match="no image of the training split has labels; with --unlabelled keep"):
        labelled(Things([0, 2], crowds=[0, 2]))
