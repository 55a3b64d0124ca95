from pathlib import Path

import pytest

from tf_ssd.config import AUGMENTATIONS, NETWORKS, PRESETS, CheckConfig, TrainConfig
from tf_ssd.errors import ConfigError

VOC = {"dataset": "voc", "data": (Path("data"),)}


def test_defaults():
    config = CheckConfig(**VOC)
    assert (config.split, config.boxes, config.json, config.plot) == (("train",), "VOC300", None, None)


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"recipe": "voc"},
        {"recipe": "coco", "augmentation": "none"},
        {"recipe": "od_api"},
        {"recipe": "voc", "network": "ssd300_mobilenet_v1"},
    ],
)
def test_the_augmentation_shown_is_that_of_training(flags):
    config, training = CheckConfig(**VOC, **flags), TrainConfig(**VOC, **flags)
    assert AUGMENTATIONS[config.shown_augmentation].crop_scale == config.augment().crop_scale
    assert config.augment() == training.augment(training.model(num_classes=2))


def test_a_split_named_twice_would_overlap_with_itself():
    with pytest.raises(ConfigError, match=r"--split=\['val'\]: name each split once"):
        CheckConfig(**VOC, split=("train", "val", "val"))


@pytest.mark.parametrize(
    ("setting", "name", "message"),
    [
        ("json", "report.txt", r"--json='.*report\.txt': must end in \.json"),
        ("plot", "plot.jpg", r"--plot='.*plot\.jpg': must end in \.png"),
        ("show_augmentation", "gone/sheet.png", r"--show-augmentation='.*sheet\.png': there is no folder .*gone; make it first"),
        ("json", "there.json", r"--json='.*there\.json': exists already; choose another name"),
    ],
)
def test_files_that_cannot_be_written_are_refused_before_any_work(tmp_path, setting, name, message):
    (tmp_path / "there.json").write_text("{}")
    with pytest.raises(ConfigError, match=message):
        CheckConfig(**VOC, **{setting: tmp_path / name})


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_default_boxes_with_a_name(name):
    config = CheckConfig(**VOC, network=name)
    assert PRESETS[config.boxes] == config.described.boxes == NETWORKS[name].boxes


def test_what_is_not_for_the_network_is_refused():
    with pytest.raises(ConfigError, match="--default-boxes='VOC300': is not for ssd512_vgg16, which may have VOC512, COCO512"):
        CheckConfig(**VOC, network="ssd512_vgg16", default_boxes="VOC300")
    with pytest.raises(ConfigError, match="network='vgg': is not known; known are ssd300_vgg16, ssd512_vgg16"):
        CheckConfig(**VOC, network="vgg")
