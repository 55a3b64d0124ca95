"""What Keras' `fit` needs besides a network; tests/manual runs it as the manual shows it."""

import math
import re
import shutil

import keras
import numpy as np
import pytest

from parity_tests import shallow
from tests.house import ROOT
from tests.manual.blocks import blocks
from tests.voc_folder import write_voc
from tf_ssd import callbacks, datasets
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ConfigError
from tf_ssd.evaluate.over_dataset import evaluate

# The manual's example with a network of two layers, in the time of a test.
SMALLER = {
    '"ssd300_vgg16"': "shallow.settings()",
    ", width=0.125, batch_norm=True": "",
    "Adam(1e-3)": "Adam(1e-3), jit_compile=False",
    "batch_size=8": "batch_size=2",
    "steps_per_epoch=50": "steps_per_epoch=2",
    "epochs=10": "epochs=4",
    "patience=3": "patience=1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures in the layout of VOC, three of them held out."""
    root = tmp_path_factory.mktemp("data") / "VOCdevkit/VOC2007"
    write_voc(root, suffix=".png")
    return root.parents[1]


def test_the_example_of_the_manual_stops_early(folder, tmp_path, monkeypatch):
    """tests/manual runs it as pasted, in two epochs."""
    code = blocks(ROOT / "docs/fit.md")[0].code
    for ours, smaller in SMALLER.items():
        assert code.count(ours) >= 1
        code = code.replace(ours, smaller)
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "work"))
    names = {"shallow": shallow}
    with shallow.means_as_body():
        keras.utils.set_random_seed(0)
        exec(compile(code, "docs/fit.md", "exec"), names)
    history = names["history"]
    best = int(np.argmax(history["val_ap50"]))
    assert len(history["loss"]) == min(4, best + 2)  # one epoch without a better one


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
