import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.data.batches.generator import Batch
from tf_ssd.errors import TrainingError
from tf_ssd.model import ssd300
from tf_ssd.train.replay import failure_report, keep_failure


def batch(*, bad=False):
    images, labels = np.zeros((2, 300, 300, 3), np.float32), np.zeros((2, 8), np.int32)
    images[1, 7, 7, 1] = np.nan if bad else 0
    return Batch(*map(tf.constant, (images, np.zeros((2, 8, 4), np.float32), labels, labels > 5, labels > 5, np.array([4, 2]))))


@pytest.fixture(scope="module")
def model():
    return ssd300(ModelConfig(num_classes=3, width=0.0625))


def test_a_failed_step_is_explained_from_its_file_alone(model, tmp_path):
    keep_failure(tmp_path / "failed.safetensors", model, batch(bad=True), ["a.jpg", "b.jpg"], 17)
    first, second, *_ = failure_report(tmp_path / "failed.safetensors")
    assert first == "step 17, images a.jpg, b.jpg"
    assert second == "a pixel of b.jpg is nan"


def test_weights_come_from_the_file(model, tmp_path):
    bias = model.get_layer("fc7").bias
    before = bias.numpy()
    bias.assign(np.full(bias.shape, np.inf))
    keep_failure(tmp_path / "failed.safetensors", model, batch(), ["a.jpg", "b.jpg"], 1)
    bias.assign(before)
    assert failure_report(tmp_path / "failed.safetensors")[1] == "the weights fc7/bias hold inf"


def test_what_is_finite_again_says_so(model, tmp_path):
    keep_failure(tmp_path / "failed.safetensors", model, batch(), ["a.jpg", "b.jpg"], 1)
    assert failure_report(tmp_path / "failed.safetensors")[1:] == ["everything is finite when computed again, in float32"]


def test_files_that_are_none(model, tmp_path):
    keep_failure(tmp_path / "failed.safetensors", model, batch(), ["a.jpg", "b.jpg"], 1)
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "failed.safetensors").read_bytes()[:1000])
    (tmp_path / "text").write_text("no")
    for name in ("cut.safetensors", "text", "nowhere", "."):
        with pytest.raises(TrainingError, match="not a step that a run has kept"):
            failure_report(tmp_path / name)
