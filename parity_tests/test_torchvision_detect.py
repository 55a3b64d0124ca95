"""torchvision as third witness: `SSD.forward` in evaluation, that is `SSD.postprocess_detections`."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import reference_torch.coder
import reference_torch.detect
import reference_torch.matcher
import tf_ssd.coder
import tf_ssd.detect
import tf_ssd.matcher
from parity_tests import strategies
from parity_tests import test_detect as our_tests
from parity_tests.adapters import Arrays, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import ALL, DTYPES, third
from parity_tests.test_torchvision_boxes import SIDES
from parity_tests.torchvision_adapter import SSD300, TORCHVISION, default_boxes_px, ssd
from tf_ssd.boxes import to_cxcywh

BOX = (0.5, 0.5, 0.5, 0.5)


def check_detect(side: Implementation, *inputs: np.ndarray, **options: Any) -> None:
    """Labels, number and order are equal, boxes and scores agree; of torchvision's those that have an area, which ours all have."""
    actual, expected = (
        side.call("detect.detect", *inputs, **options),
        with_area(TORCHVISION.call("detect.detect", *inputs, **options)),
    )
    context: dict[str, Any] = {"operation": "detect.detect", "inputs": inputs, "options": options}
    for name, ours, theirs in zip(("boxes", "labels", "scores", "count"), actual, expected, strict=True):
        dtype = np.int32 if name in ("labels", "count") else ours.dtype
        # Default boxes are corners there, whose difference has the rounding of 1 before `decode` multiplies it.
        scale = np.exp(0.2 * np.abs(inputs[0][..., 2:])).max() if name == "boxes" else 1.0
        assert_agree(actual=ours.astype(dtype), expected=theirs, scale=float(scale), what=name, **context)


def with_area(detections: Arrays) -> Arrays:
    """Without the boxes that have none, of which fewer than `max_detections` must be left."""
    boxes, labels, scores, count = detections
    keep = (boxes[..., 2:] > boxes[..., :2]).all(-1)  # (B, D)
    assert keep.all() or (count < boxes.shape[1]).all()
    order = np.argsort(~keep, axis=1, kind="stable")
    moved = (np.where(keep[..., None], boxes, 0), np.where(keep, labels, 0), np.where(keep, scores, 0))
    ranked = [np.take_along_axis(part, order[..., None] if part.ndim == 3 else order, axis=1) for part in moved]
    return ranked[0], ranked[1], ranked[2], keep.sum(axis=1).astype(count.dtype)


def of_two_classes(scores: Any) -> np.ndarray:
    """Logits (1, K, 2) for the probabilities (K,) of class 1."""
    scores = np.array(scores, np.float64)
    return np.log(np.stack([1 - scores, scores], axis=-1))[None]


def test_defaults_are_the_same() -> None:
    """Of detection, matching and encoding; ssd300_vgg16 leaves those of `SSD` as they are."""
    theirs = {
        "score_threshold": SSD300.score_thresh,
        "iou_threshold": SSD300.nms_thresh,
        "top_k": SSD300.topk_candidates,
        "max_detections": SSD300.detections_per_img,
        "max_log_scale": SSD300.box_coder.bbox_xform_clip,
        "variances": (1 / SSD300.box_coder.weights[0], 1 / SSD300.box_coder.weights[2]),
    }
    assert theirs["variances"] == (1 / SSD300.box_coder.weights[1], 1 / SSD300.box_coder.weights[3])
    for package in (tf_ssd, reference_torch):
        ours = {name: value.default for name, value in inspect.signature(package.detect.detect).parameters.items()}
        assert theirs == {name: ours[name] for name in theirs}
        assert inspect.signature(package.matcher.match).parameters["threshold"].default == SSD300.proposal_matcher.high_threshold


@SIDES
@DTYPES
@third
@given(seed=strategies.seeds, limits=st.sampled_from([(400, 200), (5, 200), (400, 7)]))
def test_on_the_grid(side: Implementation, dtype: type, seed: int, limits: tuple[int, int]) -> None:
    """Boxes on the grid, where every overlap is exact."""
    check_detect(side, *our_tests.undisturbed(seed, dtype), top_k=limits[0], max_detections=limits[1])


@SIDES
@third
@given(seed=strategies.seeds)
def test_arbitrary_predictions(side: Implementation, seed: int) -> None:
    """In float64, where rounding decides no overlap; some boxes reach out of the image and are clipped."""
    check_detect(side, *our_tests.arbitrary(seed), score_threshold=0.05)


@SIDES
def test_all_default_boxes_in_pixels(side: Implementation) -> None:
    """The default boxes of ssd300_vgg16 in an image of 300 px; 1600 candidates, so that suppression loops over the classes."""
    rng = np.random.default_rng(5)
    offsets, logits, pixels = rng.normal(size=(1, 8732, 4)), 2 * rng.normal(size=(1, 8732, 5)), default_boxes_px().double()
    model = ssd(torch.from_numpy(offsets), torch.from_numpy(logits), pixels, size=300).eval()
    (found,) = model([torch.zeros(3, 300, 300)])
    boxes, labels, scores, count = side.call("detect.detect", offsets, logits, to_cxcywh(pixels.numpy() / 300).numpy())
    assert count == [200]
    np.testing.assert_array_equal(labels[0], found["labels"])
    np.testing.assert_allclose(scores[0], found["scores"], rtol=1e-14)
    np.testing.assert_allclose(boxes[0] * 300, found["boxes"], rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    "test",
    [
        our_tests.test_a_suppressed_box_does_not_suppress,
        our_tests.test_overlap_equal_to_the_threshold_stays,
        our_tests.test_classes_do_not_suppress_each_other,
        our_tests.test_score_equal_to_the_threshold_is_not_enough,
        our_tests.test_top_k_applies_per_class_before_suppression,
        our_tests.test_boxes_are_clipped_before_suppression,
        our_tests.test_nothing_found_is_padding,
    ],
    ids=lambda test: test.__name__,
)
def test_torchvision_passes_our_own(test: Callable[..., None]) -> None:
    test(side=TORCHVISION)


@SIDES
def test_equal_scores_of_one_box_go_to_the_lowest_class(side: Implementation) -> None:
    """Torchvision joins the candidates class by class, and its suppression sorts them stably on a CPU."""
    for implementation in (side, TORCHVISION):
        _, labels, scores, count = implementation.call("detect.detect", np.zeros((1, 1, 4)), np.zeros((1, 1, 4)), np.array([BOX]))
        assert count == [3]
        assert labels[0, :3].tolist() == [1, 2, 3]
        assert scores[0, :3].tolist() == [0.25] * 3


@SIDES
def test_ties_at_top_k_go_anywhere(side: Implementation) -> None:
    """Of 64 equal scores for boxes that do not overlap, the lowest 5 here, any 5 there: `Tensor.topk` is not stable."""
    defaults = np.array([((column + 0.5) / 8, (row + 0.5) / 8, 1 / 16, 1 / 16) for row in range(8) for column in range(8)])
    inputs = np.zeros((1, 64, 4)), np.zeros((1, 64, 2)), defaults
    ours, theirs = (witness.call("detect.detect", *inputs, top_k=5, max_detections=5) for witness in (side, TORCHVISION))
    assert ours[3] == theirs[3] == [5]
    assert (ours[0][0, :, 0] + 1 / 32).tolist() == defaults[:5, 0].tolist()
    assert len(np.unique(theirs[0][0], axis=0)) == 5
    np.testing.assert_array_equal(theirs[2], ours[2])


@SIDES
def test_nan_in_one_box_switches_suppression_off_in_torchvision(side: Implementation) -> None:
    """Three equal boxes of one class, the last with NaN in its offsets, which is no detection here.

    Up to 1000 candidates torchvision adds a multiple of the largest coordinate of all to each, and that is NaN.
    """
    offsets = np.zeros((1, 3, 4))
    offsets[0, 2] = np.nan
    inputs = offsets, of_two_classes([0.9, 0.8, 0.7]), np.array([BOX] * 3)
    ours, theirs = (witness.call("detect.detect", *inputs) for witness in (side, TORCHVISION))
    assert theirs[3] == [3]
    assert ours[3] == [1]
    np.testing.assert_allclose(ours[2][0, 0], 0.9)


@SIDES
def test_boxes_without_area_take_places_in_torchvision(side: Implementation) -> None:
    """Two better boxes lie beside the image, where clipping leaves nothing of them: of two detections both are such there."""
    inputs = (
        np.zeros((1, 4, 4)),
        of_two_classes([0.9, 0.8, 0.7, 0.6]),
        np.array([(2, 0.5, 0.5, 0.5), (-2, 0.5, 0.5, 0.5), BOX, BOX]),
    )
    ours, theirs = (witness.call("detect.detect", *inputs, max_detections=2) for witness in (side, TORCHVISION))
    assert theirs[3] == [2]
    assert theirs[0][0].tolist() == [[1, 0.25, 1, 0.75], [0, 0.25, 0, 0.75]]
    assert ours[3] == [1]
    assert ours[0][0, 0].tolist() == [0.25, 0.25, 0.75, 0.75]


@SIDES
def test_half_precision_moves_torchvisions_boxes_and_stops_its_suppression(side: Implementation) -> None:
    """Default boxes in pixels are rounded to float16, in steps of 1/4 px from 256 px on, and `ops.nms` has none on a CPU.

    Here everything is computed in float32, and the boxes move by less than 2^-14 px.
    """
    pixels, half = default_boxes_px(), torch.zeros(1, 8732, 4, dtype=torch.float16)
    moved = (SSD300.box_coder.decode_single(half[0], pixels).float() - pixels).abs().max()
    assert 0.25 < moved < 0.5
    with pytest.raises(RuntimeError, match="not implemented for 'Half'"):
        ssd(half, half, pixels, size=300).eval()([torch.zeros(3, 300, 300)])
    defaults = to_cxcywh(pixels.numpy() / 300).numpy()
    boxes, *_, count = side.call("detect.detect", half[:, :8].numpy(), half[:, :8].numpy(), defaults[:8], iou_threshold=1.0)
    assert count == [24]
    expected = np.clip(np.tile(pixels[:8].numpy(), (3, 1)), 0, 300)
    np.testing.assert_allclose(boxes[0, :24] * 300, expected, rtol=0, atol=2**-14)


@ALL
def test_nan_scores_take_no_place_among_the_top_k(side: Implementation) -> None:
    """A quarter of 100 boxes, each in a place of its own, has NaN in its logits; the best 5 of the others are found."""
    rng = np.random.default_rng(0)
    defaults = np.array([(0.05 + column / 10, 0.05 + row / 10, 0.05, 0.05) for row in range(10) for column in range(10)])
    logits = of_two_classes(rng.permutation(100) / 200 + 0.25)
    logits[0, rng.choice(100, 25, replace=False), 0] = np.nan
    check_detect(side, np.zeros((1, 100, 4)), logits, defaults, top_k=5, max_detections=5)
