from pathlib import Path

import pytest

from tf_ssd.config import AUGMENTATIONS, CheckConfig, TrainConfig
from tf_ssd.errors import ConfigError

VOC = {"dataset": "voc", "data": (Path("data"),)}


def test_defaults():
    config = CheckConfig(**VOC)
    assert (config.split, config.boxes, config.json, config.plot) == (("train",), "VOC300", None, None)


@pytest.mark.parametrize("flags", [{}, {"recipe": "voc"}, {"recipe": "coco", "augmentation": "none"}, {"augmentation": "ssd"}])
def test_the_augmentation_shown_is_that_of_training(flags):
    assert AUGMENTATIONS[CheckConfig(**VOC, **flags).shown_augmentation] == TrainConfig(**VOC, **flags).augment()


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
