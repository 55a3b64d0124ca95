from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tf_ssd.config import COCO300, VOC300, ModelConfig, TrainConfig
from tf_ssd.data.classes import write_class_names
from tf_ssd.errors import ConfigError
from tf_ssd.model import ssd300
from tf_ssd.train.start import starting_network
from tf_ssd.weights import save_model

CLASSES, OTHERS = ("cat", "dog"), ("cow", "pig")
SIZES = (10.0, 20, 40, 80, 120, 160, 200)
FITTED = ModelConfig().with_box_sizes(SIZES).boxes


@pytest.fixture(scope="module")
def body(tmp_path_factory) -> Path:
    """Weights without a class map, clipped as torchvision does."""
    folder = tmp_path_factory.mktemp("body")
    save_model(ssd300(ModelConfig(num_classes=3, width=0.0625, boxes=replace(VOC300, clip="size"))), folder / "body.keras")
    return folder / "body.keras"


@pytest.fixture(scope="module")
def trained(body, tmp_path_factory) -> Path:
    """The same with its classes."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "model.keras").write_bytes(body.read_bytes())
    write_class_names(folder / "classes.txt", CLASSES)
    return folder


def started(weights, class_names=CLASSES, **settings):
    return starting_network(TrainConfig(weights=weights, **settings), class_names)


@pytest.mark.usefixtures("loaded_once")
@pytest.mark.parametrize(
    ("settings", "sizes", "heads"),
    [
        ({}, VOC300, "its heads"),
        ({"recipe": "finetune"}, VOC300, "its heads"),
        ({"recipe": "voc"}, VOC300, "its heads"),
        ({"recipe": "coco"}, COCO300, "new heads for 3 classes"),
        ({"recipe": "coco", "default_boxes": "VOC300"}, VOC300, "its heads"),
        ({"default_boxes": "COCO300"}, COCO300, "new heads for 3 classes"),
        ({"box_sizes": SIZES}, FITTED, "new heads for 3 classes"),
    ],
)
def test_new_heads_have_the_default_boxes_that_flags_and_recipe_ask_for(body, settings, sizes, heads):
    """In all but their sizes they are those of the weights."""
    start = started(body, **settings)
    assert start.model.config.boxes == replace(sizes, clip="size")
    assert start.told == f"starting from {body}: its body, {heads}"


def test_heads_for_other_classes_are_new(trained):
    start = started(trained, OTHERS, recipe="coco")
    assert start.model.config.boxes == replace(COCO300, clip="size")
    assert start.told.endswith("new heads for 3 classes")


@pytest.mark.usefixtures("loaded_once")
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"recipe": "coco"}, "--recipe coco asks for default boxes of 21 45 99 153 207 261 315 px"),
        ({"default_boxes": "COCO300"}, "--default-boxes asks for default boxes of 21 45"),
        ({"box_sizes": SIZES}, "--box-sizes asks for default boxes of 10 20 40 80 120 160 200 px"),
    ],
)
def test_heads_that_are_kept_cannot_have_other_default_boxes(trained, settings, named):
    with pytest.raises(ConfigError, match=f"{named}.*, but the heads of --weights {trained} are for 30 60 111 162 213 264 315 px"):
        started(trained, **settings)
    assert started(trained, box_sizes=(30, 60, 111, 162, 213, 264, 315)).told.endswith("its heads")


def test_the_weights_are_told_apart_by_their_values_and_not_by_their_place(body, trained):
    start = started(body)
    assert start.fingerprint == started(trained).fingerprint
    layer = start.model.get_layer("fc7")
    layer.bias.assign(np.ones(layer.bias.shape))
    save_model(start.model, body.with_name("other.keras"))
    assert started(body.with_name("other.keras")).fingerprint != start.fingerprint


def test_without_weights_nothing_is_told():
    start = starting_network(TrainConfig(width=0.0625), CLASSES)
    assert (start.told, start.fingerprint, start.model.config.num_classes) == ("", "", 3)
