import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import COCO300, VOC300, ModelConfig
from tf_ssd.data.batches.generator import Batch
from tf_ssd.model import ssd300
from tf_ssd.train.trainer.diagnosis import describe_box, diagnose

NAMES = ("a.jpg", "b.jpg")


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return ssd300(ModelConfig(num_classes=3, width=0.0625))


def batch(**spoiled):
    images = np.random.default_rng(0).uniform(0, 255, (2, 300, 300, 3)).astype(np.float32)
    boxes, labels = np.zeros((2, 8, 4), np.float32), np.zeros((2, 8), np.int32)
    boxes[:, 0], labels[:, 0] = (0.1, 0.1, 0.6, 0.7), 1
    columns = {"images": images, "boxes": boxes, "labels": labels}
    for name, (place, value) in spoiled.items():
        columns[name][place] = value
    return Batch(*map(tf.constant, (*columns.values(), labels > 5, labels > 5, np.array([11, 12]))))


def test_nothing_is_wrong(model):
    assert diagnose(model, batch(), NAMES) == []


def test_a_bad_weight_comes_first(model):
    kernel = model.get_layer("conv4_2").kernel
    kernel.assign(tf.tensor_scatter_nd_update(kernel, [[1, 1, 0, 0]], [np.nan]))
    first, *others = diagnose(model, batch(), NAMES)
    assert first == "the weights conv4_2/kernel hold nan"
    assert any(fault.startswith("logits of a.jpg, default box 0 (feature map 0, row 0, column 0, box 0): nan") for fault in others)
    assert any(fault.startswith("the gradient of conv1_1/kernel holds nan") for fault in others)


def test_a_bad_pixel_names_its_image_only(model):
    faults = diagnose(model, batch(images=((1, 5, 5, 0), np.inf)), NAMES)
    assert faults[0] == "a pixel of b.jpg is inf"
    assert not any("a.jpg" in fault for fault in faults)


def test_a_bad_ground_truth_box(model):
    faults = diagnose(model, batch(boxes=((0, 0, 2), np.nan)), NAMES)
    assert faults[0] == "a ground-truth box of a.jpg is nan"


def test_a_bad_offset_names_term_and_box(model):
    bias = model.get_layer("offsets_3").bias
    bias.assign(np.full(bias.shape, np.inf))
    faults = diagnose(model, batch(), NAMES)
    assert faults[0] == "the weights offsets_3/bias hold inf"
    assert any(fault.startswith("predicted offsets of a.jpg, default box ") for fault in faults)
    assert any(fault.startswith("localization loss of a.jpg, default box ") and "(feature map 3, row " in fault for fault in faults)


def test_each_kind_is_shown_three_times_and_counted(model):
    kernel = model.get_layer("conv1_1").kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    faults = diagnose(model, batch(), NAMES)
    assert sum(fault.startswith("logits of") for fault in faults) == 3
    assert f"... {2 * 8732 - 3} more: logits of" in faults


@pytest.mark.parametrize("config", [VOC300, COCO300])
@pytest.mark.parametrize(
    ("index", "place"),
    [
        (0, "feature map 0, row 0, column 0, box 0"),
        (5775, "feature map 0, row 37, column 37, box 3"),
        (5776 + 6 * (19 * 2 + 5) + 4, "feature map 1, row 2, column 5, box 4"),
        (8731, "feature map 5, row 0, column 0, box 3"),
    ],
)
def test_a_box_by_its_place(config, index, place):
    assert describe_box(config, index) == f"default box {index} ({place})"


def test_a_box_that_is_none():
    with pytest.raises(IndexError, match="8732 of 8732"):
        describe_box(VOC300, 8732)
