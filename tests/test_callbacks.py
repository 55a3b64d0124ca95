"""What Keras' `fit` needs besides a network; tests/manual runs it as the manual shows it."""

import math
import re

import pytest

from parity_tests import shallow
from tests.voc_folder import write_voc
from tf_ssd import callbacks, datasets
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ConfigError
from tf_ssd.evaluate.over_dataset import evaluate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures in the layout of VOC, three of them held out."""
    root = tmp_path_factory.mktemp("data") / "VOCdevkit/VOC2007"
    write_voc(root, suffix=".png")
    return root.parents[1]


@pytest.mark.parametrize(
    ("layout", "folder", "split", "message"),
    [
        ("YOLO", ".", "train", "layout='YOLO': must be auto or one of voc, coco, csv, yolo, tfrecord"),
        ("synthetic", ".", "train", "layout='synthetic': must be"),
        ("auto", [], "train", "folder=[]: must be one at least"),
        ("voc", ".", [], "split=[]: must be one at least"),
    ],
)
def test_what_open_cannot_mean_is_named(layout, folder, split, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        datasets.open(layout, folder, split)


@pytest.mark.parametrize("metric", ["voc07", "coco"])
def test_what_the_logs_get(folder, metric):
    val = datasets.open("auto", [folder / "VOCdevkit/VOC2007"], ["val"], class_names=SyntheticDataset.class_names)
    callback, logs = callbacks.AveragePrecision(val, batch_size=2, metric=metric), {"loss": 1.0}
    model = shallow.shallow_network()
    callback.set_model(model)
    callback.on_epoch_end(0, logs)
    expected = evaluate(model, val, batch_size=2, metric=metric).average_precision
    assert math.isfinite(expected.mean)
    if metric == "coco":
        assert logs == {"loss": 1.0, "val_ap50": expected.summary["AP50"], "val_ap": expected.mean}
    else:
        assert logs == {"loss": 1.0, "val_ap50": expected.mean}
    callback.on_epoch_end(1)
