"""torchvision as third witness: `SSD.forward` in training, from ground truth and predictions to the loss and its gradient."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torchvision import ops

from parity_tests import strategies
from parity_tests.adapters import Arrays, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import tenth
from parity_tests.test_matcher import QUARTERS
from parity_tests.test_torchvision_boxes import SIDES
from parity_tests.torchvision_adapter import TORCHVISION, Torchvision, default_boxes_px, ssd
from tf_ssd.boxes import to_cxcywh

FIRST_QUARTER = (0, 0, 0.5, 0.5)
# Four quarters of the image, each three times: enough background for every positive.
DEFAULTS = np.tile(QUARTERS, (3, 1))


def losses(side: Implementation | Torchvision, *inputs: np.ndarray, strategy: str = "argmax") -> Arrays:
    """(total, localization, confidence) from offsets, logits, ground-truth boxes and labels, and default boxes."""
    if side is TORCHVISION:
        return TORCHVISION.call("loss.training", *inputs)
    offsets, logits, *truth = inputs
    target = side.call("matcher.targets", *truth, strategy=strategy)
    return side.call("loss.multibox_loss", offsets, logits, *target)[:3]


def gradients(side: Implementation | Torchvision, *inputs: np.ndarray) -> Arrays:
    """Gradients of the total for offsets and logits."""
    if side is TORCHVISION:
        return TORCHVISION.gradients("loss.training", *inputs, wrt=(0, 1))
    offsets, logits, *truth = inputs
    target = side.call("matcher.targets", *truth, strategy="argmax")
    return side.gradients("loss.multibox_loss", offsets, logits, *target, wrt=(0, 1))


def check_training(side: Implementation, *inputs: np.ndarray) -> None:
    """Losses and gradients agree; offsets, hence the box loss, have the rounding of coordinates over the smallest side."""
    context: dict[str, Any] = {"operation": "loss.multibox_loss", "inputs": inputs}
    for name, ours, theirs in zip(
        ("total", "localization", "confidence"), losses(side, *inputs), losses(TORCHVISION, *inputs), strict=True
    ):
        assert_agree(actual=ours, expected=theirs, what=name, **context)
    for name, ours, theirs in zip(("offsets", "logits"), gradients(side, *inputs), gradients(TORCHVISION, *inputs), strict=True):
        assert_agree(actual=ours, expected=theirs, what=f"gradient for {name}", **context)


def one_image(boxes: Any, labels: Any, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Inputs of `losses` for one image of the default boxes `DEFAULTS`, with predictions drawn from a seed."""
    rng = np.random.default_rng(seed)
    predictions = rng.normal(size=(1, len(DEFAULTS), 4)), rng.normal(size=(1, len(DEFAULTS), 3))
    return *predictions, np.array([boxes], np.float64).reshape(1, -1, 4), np.array([labels], np.int32), DEFAULTS


@SIDES
@tenth
@given(seed=strategies.seeds)
def test_all_default_boxes(side: Implementation, seed: int) -> None:
    """The default boxes of ssd300_vgg16, two images with up to 20 objects each, in float64."""
    defaults = to_cxcywh(default_boxes_px().double().numpy() / 300).numpy()
    rng = np.random.default_rng(seed)
    boxes = strategies.random_boxes(seed, 2, 20, smallest=0.02)
    labels = rng.integers(0, 5, (2, 20)).astype(np.int32)
    check_training(side, rng.normal(size=(2, 8732, 4)), rng.normal(size=(2, 8732, 5)), boxes, labels, defaults)


@SIDES
def test_an_image_without_labels(side: Implementation) -> None:
    """Alone it costs nothing, in both; beside a labelled image it changes neither loss nor gradient, in both."""
    labelled, empty = one_image([FIRST_QUARTER], [1]), one_image([(0, 0, 0, 0)], [0], seed=1)
    both = [np.concatenate(pair) for pair in zip(labelled[:4], empty[:4], strict=True)]
    for implementation in (side, TORCHVISION):
        assert not any(losses(implementation, *empty))
        assert not any(gradient.any() for gradient in gradients(implementation, *empty))
        np.testing.assert_allclose(losses(implementation, *both, DEFAULTS), losses(implementation, *labelled), rtol=1e-14)
        for whole, alone in zip(gradients(implementation, *both, DEFAULTS), gradients(implementation, *labelled), strict=True):
            np.testing.assert_allclose(whole[0], alone[0], rtol=1e-14)
            assert not whole[1].any()


@SIDES
@pytest.mark.parametrize("flat", [(0.25, 0, 0.25, 0.5), (0, 0.25, 0.5, 0.25), (0.5, 0.5, 0.25, 0.25)])
def test_torchvision_refuses_an_object_without_area(side: Implementation, flat: tuple[float, ...]) -> None:
    """No width, no height, inverted. Here it is as if it were not there; our readers report it."""
    inputs = one_image([FIRST_QUARTER, flat], [1, 2])
    with pytest.raises(AssertionError, match="positive height and width"):
        losses(TORCHVISION, *inputs)
    np.testing.assert_array_equal(losses(side, *inputs), losses(side, *one_image([FIRST_QUARTER], [1])))


@SIDES
def test_its_check_left_out_the_loss_would_be_infinite(side: Implementation) -> None:
    """The object without width evicts a good match, and its target is 5 ln 0: a box loss of infinity. The class loss is finite."""
    inputs = one_image([FIRST_QUARTER, (0.25, 0, 0.25, 0.5)], [1, 2])
    matched = TORCHVISION.call("matcher.match", *inputs[2:])[0]
    assert matched[0].tolist() == [1, -1, -1, -1, 0, -1, -1, -1, 0, -1, -1, -1]
    target = TORCHVISION.call("coder.encode", inputs[2][0][np.maximum(matched[0], 0)], DEFAULTS)[0]
    assert target[0].tolist() == [0, 0, -np.inf, 0]
    labels = np.where(matched >= 0, inputs[3][0][np.maximum(matched[0], 0)], 0).astype(np.int32)
    _, localization, confidence = TORCHVISION.call("loss.multibox_loss", *inputs[:2], target[None], labels)
    assert localization == np.inf
    assert np.isfinite(confidence)
    assert np.isfinite(losses(side, *inputs)).all()


@SIDES
def test_one_nan_in_the_ground_truth_makes_torchvisions_loss_nan(side: Implementation) -> None:
    """Its check lets NaN pass, which then takes all default boxes. Here it is an object without area, and costs nothing."""
    inputs = one_image([FIRST_QUARTER, (np.nan, 0, 0.5, 0.5)], [1, 2])
    assert np.isnan(losses(TORCHVISION, *inputs)[1])
    np.testing.assert_array_equal(losses(side, *inputs), losses(side, *one_image([FIRST_QUARTER], [1])))


@SIDES
def test_an_object_that_overlaps_nothing_ruins_the_box_loss(side: Implementation) -> None:
    """At (2, 2, 3, 3) it claims default box 0, whose centre is 2.25 away in x and y: 2.25 / 0.5 / 0.1 = 45, a loss of 44.5 each.

    Its sides are twice those of the default box: ln 2 / 0.2 = 3.47, a loss of 2.97 each. By three positives: 31.6 instead of 0.
    """
    _, logits, *truth = one_image([FIRST_QUARTER, (2, 2, 3, 3)], [1, 1])
    inputs = np.zeros((1, len(DEFAULTS), 4)), logits, *truth
    by_hand = 2 * (44.5 + np.log(2) / 0.2 - 0.5) / 3
    assert losses(TORCHVISION, *inputs)[1] == pytest.approx(by_hand)
    assert losses(side, *inputs)[1] == pytest.approx(by_hand)
    assert losses(side, *inputs, strategy="bipartite")[1] == 0


@SIDES
def test_label_0_is_an_object_to_torchvision(side: Implementation) -> None:
    """It is matched, counts in N and has a box loss, but no class loss. Here label 0 is padding.

    The default boxes of the second quarter are three positives more: N = 6 instead of 3, and the class loss is halved.
    """
    inputs = one_image([FIRST_QUARTER, (0.5, 0, 1, 0.5)], [1, 0])
    offsets, logits, boxes, labels = map(torch.from_numpy, inputs[:4])
    anchors = ops.box_convert(torch.from_numpy(DEFAULTS), "cxcywh", "xyxy")
    model = ssd(offsets, logits, anchors).train()
    theirs = model([torch.zeros(3, 1, 1)], [{"boxes": boxes[0], "labels": labels[0].long()}])
    _, localization, confidence = losses(side, *inputs)
    assert theirs["classification"].item() == pytest.approx(confidence / 2)
    unlabelled = side.call("loss.smooth_l1", inputs[0][0, 1::4])[0].sum()  # their targets are 0: the object is the default box
    assert theirs["bbox_regression"].item() == pytest.approx((3 * localization + unlabelled) / 6)
