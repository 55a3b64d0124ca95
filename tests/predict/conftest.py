import keras
import pytest

from tests.small_network import SMALL
from tf_ssd.config import DetectionConfig
from tf_ssd.data.synthetic import CLASS_NAMES
from tf_ssd.model import ssd
from tf_ssd.predict.detector import Detector


@pytest.fixture(scope="module")
def model(small_network):
    keras.utils.set_random_seed(0)
    return ssd(SMALL, num_classes=4, width=0.0625, batch_norm=True)


@pytest.fixture(scope="module")
def detector(model):
    return Detector(model, CLASS_NAMES, settings=DetectionConfig(score_threshold=0.2))
