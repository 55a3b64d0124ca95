from io import BytesIO

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_ssd import detect
from tf_ssd.boxes_px import to_fractions
from tf_ssd.config import ModelConfig
from tf_ssd.data.notes import RecordNotes
from tf_ssd.data.records import Record, Written
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.default_boxes import default_boxes
from tf_ssd.detect import Detections
from tf_ssd.errors import Place
from tf_ssd.evaluate import over_dataset
from tf_ssd.model import ssd300
from tf_ssd.predict.compiled import detection_function


@pytest.fixture(scope="module", autouse=True)
def graphs_as_traced():
    """They are not: what XLA makes of suppression is tested here."""


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ssd300(ModelConfig(num_classes=4, width=0.0625))


def perfect_detector(dataset):
    """In place of `over_dataset.detector`: finds the ground truth of the next images of `dataset`."""

    def detector(_, settings):
        index = iter(range(len(dataset)))

        def find(images):
            records = [dataset[i] for i in (next(index, None) for _ in images) if i is not None]
            boxes, labels = np.zeros((len(images), 9, 4), np.float32), np.zeros((len(images), 9), int)
            count = np.full(len(images), 7)  # where the batch is filled up, detections that nobody may look at
            for number, record in enumerate(records):
                count[number] = len(record.labels)
                boxes[number, : len(record.labels)] = to_fractions(record.boxes_px, record.size)
                labels[number, : len(record.labels)] = record.labels
            return Detections(*map(keras.ops.convert_to_tensor, (boxes, labels, np.ones(labels.shape), count)))

        return find

    return detector


def test_every_image_once_although_the_last_batch_is_padded(model):
    dataset = SyntheticDataset(5, seed=3)
    result = over_dataset.evaluate(model, dataset, batch_size=2)
    assert len(result.detections) == len(result.ground_truth) == 5
    for index, truth in enumerate(result.ground_truth):
        np.testing.assert_array_equal(truth.boxes_px, dataset[index].boxes_px)
        np.testing.assert_array_equal(truth.labels, dataset[index].labels)


def test_records_and_detections_come_in_order_a_batch_at_a_time(model, monkeypatch):
    dataset = SyntheticDataset(5, seed=3)
    monkeypatch.setattr(over_dataset, "detection_function", perfect_detector(dataset))
    pairs = list(over_dataset.detections_in(dataset, model, batch_size=2))
    assert [record.id for record, _ in pairs] == [dataset[index].id for index in range(5)]
    for record, found in pairs:
        np.testing.assert_allclose(found.boxes_px, record.boxes_px, atol=1e-4)
        np.testing.assert_array_equal(found.boxes_px, np.round(found.boxes_px, 4))
        np.testing.assert_array_equal(found.labels, record.labels)


class Sizeless:
    """Images of 60 x 40 px, which no annotation says; one of them is empty."""

    class_names, notes = ("thing",), ()

    def __init__(self, *encoded: bytes) -> None:
        self.encoded = encoded

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> Record:
        boxes_px = np.array([[30, -10, 90, 20], [0, 0, 30, 40.0]])
        flags = np.zeros(2, bool)
        written = tuple(Written(Place("a.csv", f"line {2 * index + row}"), "a box") for row in range(2))
        return Record(str(index), self.encoded[index], boxes_px, np.ones(2, np.int32), flags, written=written)


def test_a_size_that_no_annotation_says_is_that_of_the_batch(model, monkeypatch):
    encoded, boxes = BytesIO(), np.float32([[[0.5, 0, 1, 0.5]]])
    Image.new("RGB", (60, 40)).save(encoded, "PNG")
    found = Detections(np.repeat(boxes, 2, axis=0), np.ones((2, 1), int), np.ones((2, 1)), np.ones(2, int))
    monkeypatch.setattr(over_dataset, "detection_function", lambda *_: lambda _: tf.nest.map_structure(tf.constant, found))
    dataset, notes = Sizeless(encoded.getvalue(), b"", encoded.getvalue()), RecordNotes(3)
    for _ in range(2):
        pairs = list(over_dataset.detections_in(dataset, model, batch_size=2, on_bad_image="skip", notes=notes))
        for index in (0, 2):
            record, detected = pairs[index]
            assert record.size == (60, 40)
            np.testing.assert_array_equal(record.boxes_px, [[30, 0, 60, 20], [0, 0, 30, 40]])
            np.testing.assert_array_equal(detected.boxes_px, [[30, 0, 60, 20]])
        record, detected = pairs[1]
        assert record.size is None
        np.testing.assert_array_equal(record.boxes_px, dataset[1].boxes_px)
        assert detected.boxes_px.shape == (0, 4)
    clipped, skipped = sorted(notes.sentences())
    assert clipped == "boxes that reached beyond their image, clipped: 2: a.csv: line 0: a box; a.csv: line 4: a box"
    assert skipped.startswith("images that cannot be decoded, skipped: 1: record 1")


@pytest.mark.parametrize("metric", ["voc07", "voc12", "coco"])
def test_a_perfect_detector_has_average_precision_1(model, monkeypatch, metric):
    dataset = SyntheticDataset(7, seed=3)
    monkeypatch.setattr(over_dataset, "detection_function", perfect_detector(dataset))
    assert over_dataset.evaluate(model, dataset, batch_size=2, metric=metric).average_precision.mean == 1


@pytest.mark.parametrize("num_classes", [3, 5])
def test_the_compiled_detector_does_what_detect_does(num_classes):
    """For networks with other classes in one process, and for batches of any size."""
    keras.utils.set_random_seed(0)
    other = ssd300(ModelConfig(num_classes=num_classes, width=0.0625, batch_norm=True))
    for size in (1, 3):
        images = np.random.default_rng(size).uniform(0, 255, (size, 300, 300, 3)).astype(np.float32)
        found = detection_function(other)(images)
        predictions = other(images, training=False)
        expected = detect.detect(predictions["offsets"], predictions["logits"], default_boxes(other.config.boxes))
        np.testing.assert_array_equal(found.count, expected.count)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
        assert found.boxes.shape == (size, 200, 4)
