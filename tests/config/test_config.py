import dataclasses
import json
from datetime import datetime
from pathlib import Path

import pytest

from tf_ssd.config import AUGMENTATIONS, NETWORKS, PRESETS, RECIPES, VOC300, EvaluateConfig, LossConfig, ModelConfig, TrainConfig
from tf_ssd.config.boxes import presets_like
from tf_ssd.errors import ConfigError

COUNTS = {"VOC300": 8732, "VOC512": 24564, "LITE320": 3234, "OD300": 1917, "OD320": 2034}


@pytest.mark.parametrize(("preset", "number"), COUNTS.items())
def test_numbers_of_default_boxes(preset, number):
    assert {boxes.num_boxes for boxes in presets_like(PRESETS[preset]).values()} == {number}


def test_boxes_of_each_cell():
    assert PRESETS["VOC300"].boxes_per_cell == (4, 6, 6, 6, 4, 4)
    assert PRESETS["VOC512"].boxes_per_cell == (4, 6, 6, 6, 6, 4, 4)
    assert PRESETS["LITE320"].boxes_per_cell == (6,) * 6
    assert PRESETS["OD300"].boxes_per_cell == (3, 6, 6, 6, 6, 6)


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_say_which_default_boxes_a_network_has(name):
    network = NETWORKS[name]
    assert network.with_box_sizes(network.box_sizes) == network


def test_sizes_are_one_more_than_feature_maps_and_ascend():
    for sizes in ((30, 60, 111, 162, 213, 264), (60, 30, 111, 162, 213, 264, 315), (0, 60, 111, 162, 213, 264, 315)):
        with pytest.raises(ConfigError, match=r"--box-sizes=.*: must be 7 ascending sizes"):
            ModelConfig().with_box_sizes(sizes)


def test_paper_sizes_follow_equation_4():
    scales = [0.2 + 0.7 * k / 5 for k in range(6)]
    assert ModelConfig(boxes=PRESETS["PAPER300"]).box_sizes == tuple(round(300 * scale) for scale in [*scales, 1.04])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("image_size", 0),
        ("clip", "both"),
        ("shapes", (((30, 30),),)),
        ("steps", (8, 16)),
        ("steps", (8, 16, 32, 64, 100, 0)),
    ],
)
def test_default_boxes_out_of_range(setting, value):
    with pytest.raises(ConfigError, match=setting if value != 0 else "must be positive"):
        dataclasses.replace(VOC300, **{setting: value})


@pytest.mark.parametrize("shapes", [(), ((30, 0),), ((30, -1),)])
def test_shapes_of_a_map_are_some_and_positive(shapes):
    with pytest.raises(ConfigError, match="every size, step and number must be positive"):
        dataclasses.replace(VOC300, shapes=(*VOC300.shapes[:-1], shapes))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("num_classes", 1), ("width", 0), ("width", 5), ("width", float("nan")), ("variances", (0.1, 0)), ("scores", "tanh")],
)
def test_model_out_of_range(setting, value):
    with pytest.raises(ConfigError, match=setting):
        ModelConfig(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("match_threshold", 0), ("match_threshold", 1.5), ("negative_ratio", -1), ("min_negatives", -1), ("alpha", -0.1)),
        *(("class_weights", (1.0, weight)) for weight in (-1.0, float("inf"), float("nan"))),
    ],
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
        ("seed", -1, "--seed=-1: must be from 0 to 4294967295"),
        ("seed", 2**32, "--seed=4294967296: must be from 0 to 4294967295"),
        ("dataset", "voc", "--data=None"),
        ("split", (), "--split"),
        ("classes", Path("classes.txt"), "--classes='classes.txt'"),
        ("eval_data", (Path("folder"),), "--eval-data"),
        ("eval_every", 0, "--eval-every=0"),
        ("micro_batches", 0, "--micro-batches=0"),
        ("micro_batches", 3, "--micro-batches=3: must divide the batch size, 8"),
        ("drops", (0.5, 1.0), "--drops"),
        ("base_rate", 0.0, "--base-rate=0.0: must be above 0, up to 1; --frozen-blocks trains less"),
        ("base_rate", 1.5, "--base-rate=1.5"),
        ("base_rate", float("nan"), "--base-rate=nan"),
        ("frozen_blocks", -1, "--frozen-blocks=-1"),
        ("frozen_blocks", 6, "--frozen-blocks=6: vgg16 has 5 blocks to freeze, conv1, conv2, conv3, conv4, conv5"),
        ("network", "ssd300", "network='ssd300': is not known; known are ssd300_vgg16, ssd512_vgg16"),
        ("default_boxes", "VOC512", "--default-boxes='VOC512': is not for ssd300_vgg16, which may have VOC300, COCO300, PAPER300"),
        ("weight_decay", 0.1, "--weight-decay=0.1: adam has none; leave it out, or give --optimizer sgd"),
        ("box_sizes", (30, 60, 111), "--box-sizes"),
        ("box_sizes", (60, 30, 111, 162, 213, 264, 315), "--box-sizes.*: must be 7 ascending sizes in pixels"),
        ("box_sizes", (0, 30, 111, 162, 213, 264, 315), "--box-sizes"),
        ("box_sizes", (30, 60, 111, 162, 213, 264, float("nan")), "--box-sizes"),
        ("clip_norm", 0.0, "--clip-norm=0.0"),
        ("ema", 1.0, "--ema=1.0"),
        ("balance", 0.0, "--balance=0.0: must be above 0, up to 1: a share of the images"),
        ("balance", 1.5, "--balance=1.5: must be above 0"),
        ("balance", 0.1, "--balance=0.1: generated pictures are balanced, and none of their objects is difficult"),
        ("difficult", "ignore", "--difficult='ignore': generated pictures"),
        ("patience", 3, "--patience=3: counts evaluations; say with --eval-every after how many steps to make them"),
        ("patience", 0, "--patience=0: must be at least 1"),
        ("extend", 5, "--extend=5: name the folder of the run with --output"),
        ("extend", 0, "--extend=0: must be at least 1"),
        *(
            ("until", text, f"--until='{text}': write a duration such as 90s, 30m, 1h30m or 2d")
            for text in ("", "30", "m", "0s", "1m1h")
        ),
        ("recipe", "finetune", "--recipe='finetune': fine-tuning starts from --weights"),
    ],
)
def test_training_out_of_range(setting, value, named):
    with pytest.raises(ConfigError, match=named):
        TrainConfig(**{setting: value})


def test_there_are_as_many_class_weights_as_classes():
    loss = LossConfig(class_weights=(1.0, 2.0, 0.5))
    with pytest.raises(ConfigError, match=r"class_weights=.*: must be 21, one for each class, background first; or None"):
        ModelConfig(loss=loss)
    model = ModelConfig(num_classes=3, loss=loss)
    assert ModelConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(model)))) == model
    assert TrainConfig().model(num_classes=5, start=model).loss.class_weights is None


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("1d1h1m1s", 90061)])
def test_durations(text, seconds):
    assert TrainConfig(until=text).seconds == seconds


def test_a_smoke_test_makes_all_of_its_steps():
    for given in ({"patience": 1, "eval_every": 1}, {"until": "1m"}, {"extend": 1, "output": Path("run")}):
        with pytest.raises(ConfigError, match="--overfit-one-batch makes all of its steps, and no more; leave one of the two out"):
            TrainConfig(overfit_one_batch=True, **given)


def test_weight_decay_out_of_range():
    with pytest.raises(ConfigError, match=r"--weight-decay=-0\.1: must be from 0 to below 1"):
        TrainConfig(optimizer="sgd", weight_decay=-0.1)
    assert TrainConfig(optimizer="sgd", weight_decay=0.1).settings().weight_decay == 0.1


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_evaluation_takes_the_seeds_that_training_takes(seed):
    with pytest.raises(ConfigError, match=f"--seed={seed}: must be from 0"):
        EvaluateConfig(checkpoint=Path("run"), seed=seed)
    assert EvaluateConfig(checkpoint=Path("run"), seed=2**32 - 1).seed == TrainConfig(seed=2**32 - 1).seed


OWN = ModelConfig(num_classes=4, width=0.5, boxes=PRESETS["COCO300"], loss=LossConfig(alpha=2.0))


@pytest.mark.parametrize("config", [OWN, *NETWORKS.values()], ids=lambda config: config.name)
def test_a_network_survives_json(config):
    assert ModelConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_what_was_written_when_there_was_one_network_is_read():
    """Its default boxes were given by sizes and ratios."""
    boxes = {
        "min_sizes": [21, 45, 99, 153, 207, 261],
        "max_sizes": [45, 99, 153, 207, 261, 315],
        "image_size": 300,
        "feature_maps": [38, 19, 10, 5, 3, 1],
        "steps": [8, 16, 32, 64, 100, 300],
        "aspect_ratios": [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
        "offset": 0.5,
        "clip": "none",
    }
    rest = {"num_classes": 4, "width": 0.5, "batch_norm": False, "variances": [0.1, 0.2]}
    assert ModelConfig.from_dict({**rest, "boxes": boxes, "loss": dataclasses.asdict(LossConfig(alpha=2.0))}) == OWN


def test_a_model_of_an_older_version_has_scores_by_softmax():
    written = dataclasses.asdict(ModelConfig(scores="sigmoid"))
    assert ModelConfig.from_dict(written).scores == "sigmoid"
    del written["scores"]
    assert ModelConfig.from_dict(written).scores == "softmax"


def test_output_folder_names_dataset_and_time():
    now = datetime(2030, 1, 2, 3, 4, 5)
    assert TrainConfig().output_folder(now=now) == Path("runs/synthetic-20300102-030405")
    assert TrainConfig(output=Path("x")).output_folder(now=now) == Path("x")


def test_min_negatives_reach_the_loss():
    assert TrainConfig(min_negatives=7).model(num_classes=3).loss.min_negatives == 7


def test_a_recipe_is_what_was_published():
    voc = TrainConfig(recipe="voc").settings()
    assert (voc.steps, voc.batch_size, voc.optimizer, voc.learning_rate) == (120_000, 32, "sgd", 1e-3)
    assert [round(drop * voc.steps) for drop in voc.drops] == [80_000, 100_000]
    assert (voc.weight_decay, voc.warmup, voc.width) == (5e-4, 500, 1.0)
    assert not TrainConfig(recipe="voc").model(num_classes=21).batch_norm
    coco = TrainConfig(recipe="coco").settings()
    assert [round(drop * coco.steps) for drop in coco.drops] == [280_000, 360_000]
    assert TrainConfig(recipe="coco").model(num_classes=81).boxes == PRESETS["COCO300"]


def test_the_recipes_of_small_networks_are_what_was_published():
    """Of 117,266 photos, 660 times, in batches of 8 x 24, none of which is smaller; and of a file of settings."""
    lite, od_api = RECIPES["ssdlite"], RECIPES["od_api"]
    assert lite.steps == 660 * (-(-117_266 // 8) // 24)
    assert (lite.batch_size, lite.optimizer, lite.learning_rate, lite.weight_decay) == (8 * 24, "sgd", 0.15, 4e-5)
    assert (od_api.steps, od_api.batch_size, od_api.learning_rate, od_api.weight_decay) == (20_000, 1024, 0.9, 4e-5)
    for recipe in (lite, od_api):
        assert (recipe.drops, recipe.width, recipe.augmentation) == ((), 1.0, "ssdlite")
    crops = AUGMENTATIONS["ssdlite"]
    assert (crops.color_probability, crops.expand_probability, crops.flip_probability) == (0, 0, 0.5)
    assert crops.crop_min_ious == AUGMENTATIONS["ssd"].crop_min_ious


def test_what_is_given_takes_the_place_of_the_recipe():
    config = TrainConfig(recipe="voc", steps=50, batch_norm=True, drops=(), learning_rate=5e-3)
    recipe = config.settings()
    assert (recipe.steps, recipe.warmup, recipe.batch_norm, recipe.drops, recipe.learning_rate) == (50, 5, True, (), 5e-3)
    assert recipe.batch_size == RECIPES["voc"].batch_size
    assert TrainConfig().settings() == RECIPES["quick"]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_config(name):
    weights = Path("vgg.keras") if name == "finetune" else None
    assert TrainConfig(recipe=name, weights=weights).settings() == RECIPES[name]


def test_the_network_of_given_weights_is_kept():
    start = ModelConfig(num_classes=21, width=0.5, boxes=PRESETS["COCO300"])
    config = TrainConfig(weights=Path("x.keras"), width=0.5, min_negatives=4).model(num_classes=3, start=start)
    assert (config.num_classes, config.width, config.boxes, config.loss.min_negatives) == (3, 0.5, PRESETS["COCO300"], 4)


LITE = "ssdlite320_mobilenet_v3_large"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"box_sizes": (30, 60, 111, 162, 213, 264, 315), "network": "ssd512_vgg16"}, "--box-sizes=.*: must be 8 ascending sizes"),
        ({"frozen_blocks": 17}, "--frozen-blocks=17: mobilenet_v3_large has 16 blocks to freeze, conv, expanded_conv, expanded"),
        ({"default_boxes": "VOC300"}, f"--default-boxes='VOC300': is not for {LITE}, which may have LITE320"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(given, message):
    """At once, and of a network that is that of weights too."""
    network = given.pop("network", LITE)
    with pytest.raises(ConfigError, match=message):
        TrainConfig(network=network, **given)
    with pytest.raises(ConfigError, match=message):
        TrainConfig(weights=Path("x.keras"), **given).model(num_classes=3, start=NETWORKS[network])


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_can_be_trained_with_any_recipe(name):
    for recipe in RECIPES:
        start = NETWORKS[name] if recipe == "finetune" else None
        config = TrainConfig(network=name, recipe=recipe, weights=Path("x.keras") if start else None)
        network = config.model(num_classes=3, start=start)
        published, settings = NETWORKS[name], config.settings()
        small = 0.125 if "vgg" in name else 0.35
        width = published.width if start else small if recipe == "quick" else 1.0
        batch_norm = published.batch_norm if start or settings.batch_norm is None else settings.batch_norm
        assert (network.name, network.width, network.batch_norm) == (name, width, batch_norm)
        assert dataclasses.replace(network, width=1.0, architecture=published.architecture, boxes=published.boxes) == (
            dataclasses.replace(published, num_classes=3, batch_norm=batch_norm)
        )


@pytest.mark.parametrize(("name", "momentum"), [("ssd300_vgg16", 0.99), (LITE, 0.97), ("ssd300_mobilenet_v2", 0.97)])
def test_moving_statistics_follow_in_a_short_run(name, momentum):
    """What they start from fades, also where the published momentum would keep most of it; nothing else is another network."""
    published = NETWORKS[name]
    for config, start in ((TrainConfig(network=name), None), (TrainConfig(weights=Path("x.keras")), published)):
        made_of = config.model(num_classes=3, start=start).architecture
        assert made_of == dataclasses.replace(published.architecture, norm_momentum=momentum)


def test_the_network_of_given_weights_is_not_another_by_name():
    config = TrainConfig(weights=Path("x.keras"), network=LITE)
    message = f"--network='{LITE}': the network of --weights is ssd300_vgg16; leave --network out"
    with pytest.raises(ConfigError, match=message):
        config.model(num_classes=3, start=ModelConfig())
    assert config.model(num_classes=3, start=NETWORKS[LITE]).name == LITE


@pytest.mark.parametrize(("setting", "value", "theirs"), [("width", 2, 0.5), ("batch_norm", True, False)])
def test_another_network_than_that_of_given_weights_is_refused(setting, value, theirs):
    start, config = ModelConfig(width=0.5), TrainConfig(weights=Path("x.keras"), **{setting: value})
    with pytest.raises(ConfigError, match=f"{setting.replace('_', '-')}={value}: the network of --weights has {theirs}; leave"):
        config.model(num_classes=3, start=start)


def test_augmentation_by_recipe():
    folder = {"dataset": "voc", "data": (Path("x"),)}
    assert TrainConfig(**folder).augment(ModelConfig()) == AUGMENTATIONS["flip"]
    assert TrainConfig(**folder, recipe="voc").augment(ModelConfig()) == AUGMENTATIONS["ssd"]
    assert TrainConfig(**folder, augmentation="ssd").augment(ModelConfig()) == AUGMENTATIONS["ssd"]
    assert TrainConfig(**folder, augmentation="none").augment(ModelConfig()) == AUGMENTATIONS["none"]
    assert TrainConfig(**folder, overfit_one_batch=True, vertical_flip=True).augment(ModelConfig()) == AUGMENTATIONS["none"]
    assert TrainConfig(**folder, vertical_flip=True).augment(ModelConfig()).vertical_flip_probability == 0.5


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_canvas_around_a_picture_is_what_the_network_makes_0(network):
    augmented = TrainConfig(augmentation="ssd").augment(network)
    assert augmented == dataclasses.replace(AUGMENTATIONS["ssd"], fill=network.architecture.pixel_mean)
    assert augmented.fill == ((127.5,) * 3 if "mobilenet" in network.name else (123, 117, 104))
