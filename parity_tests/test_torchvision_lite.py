"""torchvision as third witness: ssdlite320_mobilenet_v3_large whole, its drawn weights imported as published ones would be."""

import copy
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch import nn
from torchvision.models import mobilenet_v3_large
from torchvision.models.detection import ssdlite, ssdlite320_mobilenet_v3_large

from parity_tests import gradients, published
from parity_tests.network import photos
from parity_tests.torchvision_adapter import annotations, ssd
from tf_ssd import detect
from tf_ssd.boxes import to_xyxy
from tf_ssd.config import NETWORKS
from tf_ssd.config.boxes import LITE320
from tf_ssd.data.images.resize import resize_window
from tf_ssd.data.images.source import decoded
from tf_ssd.default_boxes import default_boxes
from tf_ssd.model import SSD
from tf_ssd.weights.published import Imported
from tf_ssd.weights.tables.table import Table

CLASSES, SIDE = 6, 320
OPERATION = "ssdlite320_mobilenet_v3_large"
# (3, 3, 4) xyxy and labels (3, 3); the third image has none.
GT_BOXES = np.array(
    [
        [(0.1, 0.1, 0.5, 0.6), (0.4, 0.5, 0.9, 0.9), (0.6, 0.1, 0.8, 0.3)],
        [(0.2, 0.3, 0.9, 0.95), (0.05, 0.05, 0.25, 0.3), (0, 0, 0, 0)],
        [(0, 0, 0, 0)] * 3,
    ]
)
GT_LABELS = np.array([[1, 2, 5], [3, 4, 0], [0, 0, 0]])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


class Pair(NamedTuple):
    """The same network on both sides."""

    theirs: nn.Module
    ours: SSD


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Imported]:
    theirs = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=CLASSES)
    published.randomise(theirs, seed=1)
    with torch.no_grad():  # so that no box leaves the image, which torchvision would keep without an area
        for parameter in theirs.head.regression_head.parameters():
            parameter.mul_(0.3)
    return theirs, published.import_from_torchvision(theirs, tmp_path_factory.mktemp("ssdlite"))


@pytest.fixture(scope="module")
def pairs(imported: tuple[nn.Module, Imported]) -> dict[type, Pair]:
    theirs, (ours, *_) = imported
    return {np.float32: Pair(theirs, ours), np.float64: Pair(copy.deepcopy(theirs).double(), published.in_float64(ours))}


def heads(network: nn.Module, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Its own scaling of pixels, body and heads: offsets (B, K, 4) and logits (B, K, C)."""
    images, _ = network.transform(list(published.as_torch(pixels / pixels.dtype.type(255))))
    outputs = network.head(list(network.backbone(images.tensors).values()))
    return {"offsets": outputs["bbox_regression"], "logits": outputs["cls_logits"]}


def test_the_account(imported: tuple[nn.Module, Imported]) -> None:
    """Nothing is new, and nothing is left but counters."""
    account = imported[1]
    assert account.model.config == replace(NETWORKS[OPERATION], num_classes=CLASSES)
    assert account.new == ()
    assert len(account.copied) == 406
    assert len(account.unused) == 70
    assert all(name.endswith("num_batches_tracked") for name in account.unused)


@DTYPES
def test_every_layer(dtype: type, pairs: dict[type, Pair], imported: tuple[nn.Module, Imported]) -> None:
    """All convolutions, those of squeeze and excitation and of heads among them, and offsets and logits."""
    theirs, ours = pairs[dtype]
    pixels, outputs = photos(3, 1, dtype, side=SIDE), {}
    expected = published.layers_in_torch(theirs, lambda: outputs.update(heads(theirs, pixels)), imported[1])
    assert len(expected) == 98
    expected |= {name: output.numpy() for name, output in outputs.items()}
    published.assert_close(published.layers_of(ours, expected, pixels), expected, operation=f"model.{OPERATION}")


def test_the_full_tail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What torchvision builds on a body trained on ImageNet, which the file does not say but by its shapes."""
    monkeypatch.setattr(ssdlite, "mobilenet_v3_large", lambda *, norm_layer, **_: mobilenet_v3_large(norm_layer=norm_layer))
    theirs = published.randomise(ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3), seed=2)
    ours = published.import_from_torchvision(theirs, tmp_path).model
    assert ours.config == replace(NETWORKS["ssdlite320_mobilenet_v3_large_full_tail"], num_classes=3)
    pixels = photos(4, 1, np.float32, side=SIDE)
    with torch.no_grad():
        expected = {name: output.numpy() for name, output in heads(theirs, pixels).items()}
    actual = {name: output.numpy() for name, output in ours(pixels).items()}
    published.assert_close(actual, expected, operation=f"model.{OPERATION}")


@pytest.mark.parametrize("shape", [(240, 427), (500, 333), (64, 64)])
def test_its_transform(shape: tuple[int, int], pairs: dict[type, Pair]) -> None:
    """It scales pixels first and resizes them then, bilinearly without antialiasing and without keeping proportions.

    Here the image is resized first, which is the same, as the weights of four pixels add up to 1: but for rounding, of positions
    above all, which are float32 and lie 2^-15 px beside their place at 427 px, where neighbours differ by up to 2.
    """
    theirs, ours = pairs[np.float32]
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    images, _ = theirs.transform([published.as_torch(image[None] / np.float32(255))[0]])
    resized = resize_window(decoded(tf.constant(image)), tf.constant([0, 0, *shape[::-1]]), image_size=SIDE)
    scaled = ours.get_layer("scale_pixels")(resized[None])
    expected = images.tensors.permute(0, 2, 3, 1).numpy()
    assert expected.std() > 0.2
    np.testing.assert_allclose(scaled, expected, rtol=0, atol=4 * 2**-15)


def test_default_boxes_are_equal_to_the_bit(pairs: dict[type, Pair]) -> None:
    """Six in each cell of all six maps, as wide and as high as the image at most."""
    generator = pairs[np.float32].theirs.anchor_generator
    cells = [[side, side] for side in LITE320.feature_maps]
    expected = generator._grid_default_boxes(cells, [SIDE, SIDE]).numpy()
    assert expected.shape == (3234, 4)
    np.testing.assert_array_equal(default_boxes(pairs[np.float32].ours.config.boxes), expected)


def test_a_training_step(imported: tuple[nn.Module, Imported]) -> None:
    """Batch normalisation by the batch, matching, loss, the gradient of every weight, and the moving statistics, in float64.

    A smaller image serves as well: its maps have 6, 3, 2, 1, 1 and 1 cells a side. Torchvision encodes with corners of float32; it
    is given the default boxes in float64. The slope of its hard sigmoid is replaced (see the next test).
    """
    boxes = replace(LITE320, image_size=96, feature_maps=(6, 3, 2, 1, 1, 1), steps=(16, 32, 48, 96, 96, 96))
    theirs, ours = gradients.with_exact_slopes(copy.deepcopy(imported[0])), published.in_float64(imported[1].model, boxes=boxes)
    pixels = np.random.default_rng(5).uniform(0, 255, (len(GT_BOXES), 96, 96, 3))
    before = {name: value.clone() for name, value in theirs.state_dict().items()}
    outputs = theirs.head(list(theirs.backbone(published.as_torch(pixels / 127.5 - 1)).values()))
    anchors = torch.from_numpy(to_xyxy(default_boxes(boxes, dtype="float64")).numpy())
    witness = ssd(outputs["bbox_regression"], outputs["cls_logits"], anchors).train()
    losses = witness([torch.zeros(3, 1, 1)] * len(pixels), annotations(torch.from_numpy(GT_BOXES), torch.from_numpy(GT_LABELS)))
    (losses["bbox_regression"] + losses["classification"]).backward()

    with tf.GradientTape() as tape:
        result = ours.multibox_loss(tf.constant(GT_BOXES), tf.constant(GT_LABELS), ours(pixels, training=True))
    slopes = tape.gradient(result.total, ours.trainable_variables)
    actual = {gradients.path_of(variable): slope.numpy() for variable, slope in zip(ours.trainable_variables, slopes, strict=True)}
    assert result.num_positives > 10
    np.testing.assert_allclose(result.localization, losses["bbox_regression"].item(), rtol=1e-11)
    np.testing.assert_allclose(result.confidence, losses["classification"].item(), rtol=1e-11)
    expected = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    gradients.assert_close(actual, expected, imported[1].table)
    check_moving_statistics(theirs, before, ours, imported[1].table)


def test_torchs_hard_sigmoid_has_a_slope_of_float32() -> None:
    """A sixth rounded to float32 whatever the dtype, 3e-8 too much; all weights before the last excitation get gradients of it."""
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    (theirs,) = torch.autograd.grad(nn.functional.hardsigmoid(x).sum(), x)
    (exact,) = torch.autograd.grad(gradients.HardSigmoid()(x).sum(), x)
    with tf.GradientTape() as tape:
        tape.watch(ours := tf.zeros(1, tf.float64))
        result = keras.activations.hard_sigmoid(ours)
    assert theirs == np.float32(1 / 6) != exact == tape.gradient(result, ours) == 1 / 6


def check_moving_statistics(theirs: nn.Module, before: dict[str, torch.Tensor], ours: SSD, table: Table) -> None:
    """97 % of what was and 3 % of the batch's, whose variance torch divides by one value less than Keras does."""
    for name, value in theirs.state_dict().items():
        target = table.targets[name]
        if target is None or not target.variable.endswith(("moving_mean", "moving_variance")):
            continue
        layer, variable = target.variable.split(".")
        actual, was = getattr(ours.get_layer(layer), variable).numpy(), before[name].numpy()
        of_batch = (value.numpy() - 0.97 * was) / 0.03
        if variable == "moving_variance":
            count = np.prod(ours.get_layer(layer).output.shape[1:3]) * len(GT_BOXES)
            of_batch *= (count - 1) / count
        np.testing.assert_allclose(actual, 0.97 * was + 0.03 * of_batch, rtol=1e-9, atol=1e-9, err_msg=name)


def test_detections(pairs: dict[type, Pair]) -> None:
    """Its whole forward on one image, in float64, where rounding decides neither order nor overlap.

    Its default boxes are float32 even then, in pixels, which moves corners by up to 2^-15 px, times the growth of a box.
    """
    theirs, ours = pairs[np.float64]
    pixels = photos(6, 1, np.float64, side=SIDE)
    with torch.no_grad():
        (expected,) = theirs([published.as_torch(pixels / 255)[0]])
    predictions, config = ours(pixels), ours.config
    boxes = default_boxes(config.boxes, dtype="float64")
    found = detect.detect(predictions["offsets"], predictions["logits"], boxes, **asdict(config.detection))
    assert found.count[0] == len(expected["labels"]) == 300
    assert len(set(expected["labels"].tolist())) > 3
    np.testing.assert_array_equal(found.labels[0], expected["labels"])
    np.testing.assert_allclose(found.scores[0], expected["scores"], rtol=1e-9)
    np.testing.assert_allclose(SIDE * found.boxes[0], expected["boxes"], rtol=0, atol=1e-3)
