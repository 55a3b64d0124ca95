import keras
import numpy as np
import pytest

from tf_ssd import evaluation
from tf_ssd.config import ModelConfig
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.detect import Detections
from tf_ssd.model import ssd300


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ssd300(ModelConfig(num_classes=4, width=0.0625))


def test_every_image_once_although_the_last_batch_is_padded(model):
    dataset = SyntheticDataset(5, seed=3)
    result = evaluation.evaluate(model, dataset, batch_size=2)
    assert len(result.detections) == len(result.ground_truth) == 5
    for index, truth in enumerate(result.ground_truth):
        np.testing.assert_allclose(truth.boxes, dataset[index].boxes)
        np.testing.assert_array_equal(truth.labels, dataset[index].labels)


def test_a_perfect_detector_has_average_precision_1(model, monkeypatch):
    dataset = SyntheticDataset(6, seed=3)
    images = iter(range(6))

    def perfect(_):
        def find(batch):
            records = [dataset[next(images)] for _ in range(len(batch))]
            rows = max(len(record.labels) for record in records) + 1
            boxes, labels = np.zeros((len(records), rows, 4)), np.zeros((len(records), rows), int)
            for number, record in enumerate(records):
                boxes[number, : len(record.labels)], labels[number, : len(record.labels)] = record.boxes, record.labels
            count = np.array([len(record.labels) for record in records])
            return Detections(*map(keras.ops.convert_to_tensor, (boxes, labels, np.ones(labels.shape), count)))

        return find

    monkeypatch.setattr(evaluation, "detector", perfect)
    assert evaluation.evaluate(model, dataset, batch_size=2).average_precision.mean == 1
