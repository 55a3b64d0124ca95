from dataclasses import replace

import numpy as np
import pytest

from tf_ssd.data.records import Record
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import DatasetError
from tf_ssd.evaluate.ground_truth import dataset_ground_truth, image_ground_truth


class Listed:
    """A dataset of given records."""

    class_names = ("cat", "dog")
    notes = ()

    def __init__(self, *records):
        self.records = records

    def __len__(self):
        return len(self.records)

    def __getitem__(self, index):
        return self.records[index]


@pytest.fixture
def record():
    boxes_px = np.array([[21, 20.1, 67, 40.3], [0, 0, 200, 100], [0, 50, 100, 100]])
    flags = np.array([[False, True, False], [False, False, True]])
    return Record("a", b"", boxes_px, np.int32([1, 2, 1]), *flags, (200, 100))


def test_boxes_are_in_pixels_as_annotated(record):
    truth = image_ground_truth(record)
    assert truth.boxes_px.tolist() == [[21, 20.1, 67, 40.3], [0, 0, 200, 100], [0, 50, 100, 100]]
    np.testing.assert_allclose(truth.areas_px, [46 * 20.2, 20000, 5000])


def test_difficult_rows_and_crowds_are_left_out(record):
    assert image_ground_truth(record).left_out.tolist() == [False, True, True]
    assert image_ground_truth(record).crowd.tolist() == [False, False, True]


def test_no_image_is_looked_at_for_its_size(record):
    """There is none to be read."""
    truth = dataset_ground_truth(Listed(replace(record, size=None)))
    np.testing.assert_array_equal(truth.images[0].boxes_px, record.boxes_px)


def test_a_dataset(record):
    truth = dataset_ground_truth(Listed(replace(record, id="000005"), replace(record, id="b")))
    assert truth.class_names == ("cat", "dog")
    assert truth.category_ids == (1, 2)
    assert truth.image_ids == ("000005", "b")
    assert truth.position_of == {"000005": 0, "b": 1}
    assert len(truth.images) == 2


def test_synthetic_pictures():
    dataset = SyntheticDataset(3, seed=5)
    truth = dataset_ground_truth(dataset)
    for index, image in enumerate(truth.images):
        np.testing.assert_array_equal(image.boxes_px, dataset[index].boxes_px)
        np.testing.assert_array_equal(image.labels, dataset[index].labels)


def test_repeated_ids_are_named(record):
    with pytest.raises(DatasetError, match="records: the id 'a' is given twice"):
        dataset_ground_truth(Listed(record, record))
