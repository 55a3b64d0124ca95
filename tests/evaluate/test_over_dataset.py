import keras
import numpy as np
import pytest

from tf_ssd import detect
from tf_ssd.config import ModelConfig
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.default_boxes import default_boxes
from tf_ssd.detect import Detections
from tf_ssd.evaluate import over_dataset
from tf_ssd.model import ssd300
from tf_ssd.predict.compiled import detection_function


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ssd300(ModelConfig(num_classes=4, width=0.0625))


def perfect_detector(dataset):
    """In place of `over_dataset.detector`: finds the ground truth of the next images of `dataset`."""

    def detector(_):
        index = iter(range(len(dataset)))

        def find(images):
            records = [dataset[i] for i in (next(index, None) for _ in images) if i is not None]
            boxes, labels = np.zeros((len(images), 9, 4), np.float32), np.zeros((len(images), 9), int)
            count = np.full(len(images), 7)  # where the batch is filled up, detections that nobody may look at
            for number, record in enumerate(records):
                count[number] = len(record.labels)
                boxes[number, : len(record.labels)], labels[number, : len(record.labels)] = record.boxes, record.labels
            return Detections(*map(keras.ops.convert_to_tensor, (boxes, labels, np.ones(labels.shape), count)))

        return find

    return detector


def test_every_image_once_although_the_last_batch_is_padded(model):
    dataset = SyntheticDataset(5, seed=3)
    result = over_dataset.evaluate(model, dataset, batch_size=2)
    assert len(result.detections) == len(result.ground_truth) == 5
    for index, truth in enumerate(result.ground_truth):
        np.testing.assert_allclose(truth.boxes_px, dataset[index].boxes * 300)
        np.testing.assert_array_equal(truth.labels, dataset[index].labels)


def test_records_and_detections_come_in_order_a_batch_at_a_time(model, monkeypatch):
    dataset = SyntheticDataset(5, seed=3)
    monkeypatch.setattr(over_dataset, "detection_function", perfect_detector(dataset))
    pairs = list(over_dataset.detections_in(dataset, model, batch_size=2))
    assert [record.id for record, _ in pairs] == [dataset[index].id for index in range(5)]
    for record, found in pairs:
        np.testing.assert_allclose(found.boxes_px, record.boxes * 300, atol=1e-4)
        np.testing.assert_array_equal(found.boxes_px, np.round(found.boxes_px, 4))
        np.testing.assert_array_equal(found.labels, record.labels)


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
