import dataclasses
import json
from datetime import datetime
from pathlib import Path

import pytest

from tf_ssd.config import PRESETS, VOC300, LossConfig, ModelConfig, TrainConfig
from tf_ssd.errors import ConfigError


@pytest.mark.parametrize("preset", PRESETS.values())
def test_presets_have_8732_boxes(preset):
    assert preset.num_boxes == 8732
    assert preset.boxes_per_cell == (4, 6, 6, 6, 4, 4)


def test_paper_sizes_follow_equation_4():
    scales = [0.2 + 0.7 * k / 5 for k in range(6)]
    assert PRESETS["PAPER300"].min_sizes == tuple(round(300 * scale) for scale in scales)
    assert PRESETS["PAPER300"].max_sizes == tuple(round(300 * scale) for scale in [*scales[1:], 1.04])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("image_size", 0),
        ("clip", "both"),
        ("min_sizes", (30,)),
        ("steps", (8, 16)),
        ("steps", (8, 16, 32, 64, 100, 0)),
        ("min_sizes", (30, 60, 111, 162, 213, -264)),
        ("aspect_ratios", ((2,), (0,), (2,), (2,), (2,), (2,))),
    ],
)
def test_default_boxes_out_of_range(setting, value):
    with pytest.raises(ConfigError, match=setting if value != 0 else "must be positive"):
        dataclasses.replace(VOC300, **{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("num_classes", 1), ("width", 0), ("width", 5), ("width", float("nan")), ("variances", (0.1, 0))],
)
def test_model_out_of_range(setting, value):
    with pytest.raises(ConfigError, match=setting):
        ModelConfig(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("match_threshold", 0), ("match_threshold", 1.5), ("negative_ratio", -1), ("min_negatives", -1), ("alpha", -0.1)],
)
def test_loss_out_of_range(setting, value):
    with pytest.raises(ConfigError, match=setting):
        LossConfig(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("steps", 0, "--steps=0"),
        ("batch_size", -1, "--batch-size=-1"),
        ("checkpoint_every", 0, "--checkpoint-every=0"),
        ("learning_rate", 0.0, "--learning-rate=0.0"),
        ("learning_rate", float("nan"), "--learning-rate=nan"),
        ("width", 0.0, "width=0.0"),
        ("min_negatives", -3, "min_negatives=-3"),
        ("seed", -1, "--seed=-1"),
        ("dataset", "voc", "--data=None"),
        ("data", (Path("folder"),), "--dataset synthetic"),
    ],
)
def test_training_out_of_range(setting, value, named):
    with pytest.raises(ConfigError, match=named):
        TrainConfig(**{setting: value})


def test_model_config_survives_json():
    config = ModelConfig(num_classes=4, width=0.5, boxes=PRESETS["COCO300"], loss=LossConfig(alpha=2.0))
    assert ModelConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_output_folder_names_dataset_and_time():
    now = datetime(2030, 1, 2, 3, 4, 5)
    assert TrainConfig().output_folder(now=now) == Path("runs/synthetic-20300102-030405")
    assert TrainConfig(output=Path("x")).output_folder(now=now) == Path("x")


def test_min_negatives_reach_the_loss():
    assert TrainConfig(min_negatives=7).model(num_classes=3).loss.min_negatives == 7
