import numpy as np
import pytest

from tf_ssd.data.joined import JoinedDataset
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ConfigError


class Dogs(SyntheticDataset):
    class_names = ("dog",)
    notes = ("boxes without area, dropped: 1: a.xml",)


def test_records_of_all_in_order_with_ids_that_stay_unique():
    first, second = SyntheticDataset(3, seed=0, image_size=40), SyntheticDataset(2, seed=0, image_size=40)
    joined = JoinedDataset({"2007": first, "2012": second})
    records = [joined[index] for index in range(len(joined))]
    expected = [f"2007/synthetic-0-{index}" for index in range(3)] + [f"2012/synthetic-0-{index}" for index in range(2)]
    assert [record.id for record in records] == expected
    for record, original in zip(records, [first[0], first[1], first[2], second[0], second[1]], strict=True):
        assert record.image == original.image
        np.testing.assert_array_equal(record.boxes_px, original.boxes_px)
        assert record.size == (40, 40)
    assert joined.class_names == first.class_names


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_outside_is_an_index_error(index):
    with pytest.raises(IndexError, match="of 5"):
        JoinedDataset({"a": SyntheticDataset(3, seed=0), "b": SyntheticDataset(2, seed=0)})[index]


def test_notes_name_the_dataset():
    joined = JoinedDataset({"a": Dogs(1, seed=0), "b": Dogs(1, seed=0)})
    assert joined.notes == ("a: boxes without area, dropped: 1: a.xml", "b: boxes without area, dropped: 1: a.xml")


def test_different_classes_are_refused():
    with pytest.raises(ConfigError, match="a and b: the class maps differ: label 1 is 'circle' but 'dog'"):
        JoinedDataset({"a": SyntheticDataset(1, seed=0), "b": Dogs(1, seed=0)})
