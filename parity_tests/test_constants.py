"""What lies just below and just above each constant and each limit that the contract of the core names."""

import numpy as np
import pytest
import tensorflow as tf
import torch
from torch.nn.functional import smooth_l1_loss
from torchvision import ops

import reference_torch.default_boxes
from parity_tests.adapters import EAGER, REFERENCE, Implementation
from parity_tests.parametrize import DTYPES, SIDES_AND_DTYPES, _name
from parity_tests.pins import pins
from parity_tests.test_boxes import check_gradient, check_iou, check_operation
from parity_tests.test_loss import small_problem
from parity_tests.test_options import EAGERLY, LIMITS, NEAR, THRESHOLDS, at_the_thresholds, many, sizes_at_the_clamp
from parity_tests.torchvision_adapter import TORCHVISION
from tf_ssd import detect, matcher
from tf_ssd.config import boxes

EAGER_AND_REFERENCE = pytest.mark.parametrize("side", [EAGER, REFERENCE], ids=_name)
PRESETS = ("VOC300", "COCO300", "PAPER300", "VOC512", "COCO512", "LITE320", "OD300", "OD320")
WHOLE = (0.5, 0.5, 1.0, 1.0)


# Boxes


@SIDES_AND_DTYPES
def test_iou_of_tiny_boxes_has_no_epsilon(side: Implementation, dtype: type) -> None:
    """Sides so short that any epsilon beside their area, however small, would show; torchvision has none either."""
    for length in {np.float32: (2.0**-60, 2.0**-33), np.float64: (2.0**-500, 2.0**-40)}[dtype]:
        a = np.array([(0, 0, length, length), (0, 0, length / 2, length)], dtype)
        check_iou(side, a, a)
        np.testing.assert_array_equal(side.call("boxes.iou", a, a)[0], [[1, 0.5], [0.5, 1]])
        np.testing.assert_array_equal(TORCHVISION.call("boxes.iou", a, a)[0], [[1, 0.5], [0.5, 1]])


@SIDES_AND_DTYPES
def test_the_smallest_width_that_is_an_area(side: Implementation, dtype: type) -> None:
    """From no width on, and not from some small one."""
    for width, overlap in ((0, 0), (np.finfo(dtype).eps, 1), (-np.finfo(dtype).eps, 0)):
        box = np.array([(1, 0, 1 + width, 1)], dtype)
        assert check_operation(side, "boxes.iou", box, box) == overlap


@SIDES_AND_DTYPES
def test_coordinates_are_clipped_at_the_image(side: Implementation, dtype: type) -> None:
    boxes = np.array([(-NEAR, 0, 1, 1 + NEAR), (NEAR, 1 - NEAR, 1 - NEAR, 1)], dtype)
    clipped = check_operation(side, "boxes.clip", boxes)
    np.testing.assert_array_equal(clipped, np.array([(0, 0, 1, 1), (NEAR, 1 - NEAR, 1 - NEAR, 1)], dtype))
    np.testing.assert_array_equal(clipped, TORCHVISION.call("boxes.clip", boxes)[0])


@pins("config.boxes", *PRESETS, "PRESETS", "SSD300_RULE", "SSD512_RULE", "LITE_RULE", "OD_API_RULE")
def test_presets_are_the_references() -> None:
    """Number by number, and by the rule of its networks; `test_default_boxes` compares the boxes that follow."""
    for preset in PRESETS:
        expected, ours = getattr(reference_torch.default_boxes, preset), getattr(boxes, preset)
        assert vars(boxes.PRESETS[preset]) == vars(ours)
        for name in ("image_size", "feature_maps", "steps", "offset", "clip"):
            assert getattr(ours, name) == getattr(expected, name)
        rule = {"VOC512": "SSD512", "COCO512": "SSD512", "LITE320": "LITE", "OD300": "OD_API", "OD320": "OD_API"}.get(
            preset, "SSD300"
        )
        assert getattr(boxes, f"{rule}_RULE") == boxes.BoxRule(expected.aspect_ratios, expected.order)
        shapes = [reference_torch.default_boxes._sizes(expected, level) for level in range(len(expected.feature_maps))]
        for actual, fractions in zip(ours.shapes, shapes, strict=True):
            np.testing.assert_allclose(actual, np.array(fractions) * expected.image_size, rtol=1e-14)


# Coder


@DTYPES
def test_torchvision_clamps_at_the_same_size(dtype: type) -> None:
    """Just below the limit nothing is changed, just above it is, there as in the reference."""
    offsets, defaults = sizes_at_the_clamp(dtype)
    offsets = offsets * np.array([1, 1, 1, 0], dtype)
    expected = REFERENCE.call("coder.decode", offsets[:4], defaults[:4])[0]
    epsilons = 64 * np.finfo(dtype).eps
    np.testing.assert_allclose(TORCHVISION.call("coder.decode", offsets[:4], defaults[:4])[0], expected, atol=epsilons)


# Matching


@EAGERLY
@pins("matcher", "MIN_OVERLAP")
def test_a_claim_needs_more_than_the_least_overlap(side: Implementation, dtype: type) -> None:
    """An object 1 wide in a default box 10^6 + 1 wide, or 10^6, or 10^6 - 1; alone, and beside an object with a box of its own.

    "argmax" has no bound.
    """
    for width, matched in ((10**6 + 1, -1), (10**6, -1), (10**6 - 1, 0)):
        defaults = np.array([(width / 2, 0.5, width, 1), (-1.5, 0.5, 1, 1)], dtype)
        truth = np.array([[(0, 0, 1, 1), (-2, 0, -1, 1)]], dtype)
        for implementation in (side, REFERENCE):
            for labels, expected in (([1, 0], [matched, -1]), ([1, 1], [matched, 1])):
                inputs = truth, np.array([labels], np.int32), defaults
                assert implementation.call("matcher.match", *inputs)[0].tolist() == [expected]
                assert implementation.call("matcher.match", *inputs, strategy="argmax")[0].tolist() == [[0, expected[1]]]


@EAGERLY
def test_who_loses_a_box_looks_again_however_little_it_overlaps(side: Implementation, dtype: type) -> None:
    """Two objects that overlap the one default box alike, by just more than the least overlap: it stays with the first."""
    truth = np.array([[(0, 0, 1, 1)] * 2], dtype), np.array([[1, 1]], np.int32)
    default = np.array([(499_999.5, 0.5, 999_999, 1)], dtype)
    for implementation in (side, REFERENCE):
        assert implementation.call("matcher.match", *truth, default)[0].tolist() == [[0]]


@EAGER_AND_REFERENCE
@pins("matcher", "BACKGROUND")
@pins("matcher.targets")
def test_background_is_minus_one(side: Implementation) -> None:
    truth, default = (np.array([[(2.0, 2, 3, 3)]]), np.array([[1]], np.int32)), np.array([WHOLE])
    assert side.call("matcher.match", *truth, default)[0] == -1 == matcher.BACKGROUND
    assert side.call("matcher.targets", *truth, default)[1] == 0


@EAGERLY
def test_the_threshold_is_reached_by_what_equals_it(side: Implementation, dtype: type) -> None:
    """IoU just below 1/2, 1/2 and just above, of default boxes that the object does not claim."""
    widths = [1.0, 0.5 * (1 - NEAR), 0.5, 0.5 * (1 + NEAR)]
    defaults = np.array([(width / 2, 0.5, width, 1) for width in widths], dtype)
    truth = np.array([[(0, 0, 1, 1)]], dtype), np.array([[1]], np.int32)
    for implementation in (side, REFERENCE, TORCHVISION):
        assert implementation.call("matcher.match", *truth, defaults)[0].tolist() == [[0, -1, 0, 0]]


# Loss


@SIDES_AND_DTYPES
def test_smooth_l1_bends_at_one(side: Implementation, dtype: type) -> None:
    """Below 1 it is x^2 / 2, from there on |x| - 1/2: value and slope, in torch with beta = 1 as well."""
    step = 1e-2 if dtype == np.float32 else 1e-6  # half its square is what the two pieces differ by
    x = np.array([0, 1 - step, 1, 1 + step, step - 1, -1, -1 - step], dtype)
    actual = check_operation(side, "loss.smooth_l1", x)
    check_gradient(side, "loss.smooth_l1", x)
    by_hand = [0, (1 - step) ** 2 / 2, 0.5, 0.5 + step, (1 - step) ** 2 / 2, 0.5, 0.5 + step]
    expected = smooth_l1_loss(torch.from_numpy(x), torch.zeros(len(x), dtype=torch.from_numpy(x).dtype), reduction="none", beta=1.0)
    for values in (by_hand, expected):
        np.testing.assert_allclose(actual, values, rtol=0, atol=4 * np.finfo(dtype).eps)


@EAGER_AND_REFERENCE
@pytest.mark.parametrize("normalizer", ["batch", "image"])
@pytest.mark.parametrize("positives", [0, 1, 2])
def test_n_is_the_positives_but_at_least_one(side: Implementation, normalizer: str, positives: int) -> None:
    """Of one image, whose hardest negatives are trained where it has none."""
    problem = small_problem([[1] * positives + [0] * (10 - positives)], dtype=np.float64)
    labels = problem.target_labels
    (entropy,) = REFERENCE.call("scores.cross_entropy", problem.logits, labels)
    (mask,) = REFERENCE.call("loss.hard_negative_mask", problem.logits, labels, min_negatives=4)
    (errors,) = REFERENCE.call("loss.smooth_l1", problem.offsets - problem.target_offsets)
    _, localization, confidence, count = side.call("loss.multibox_loss", *problem, min_negatives=4, normalizer=normalizer)
    assert count == positives
    assert localization == pytest.approx(errors[labels > 0].sum() / max(1, positives), rel=1e-12)
    assert confidence == pytest.approx(entropy[mask | (labels > 0)].sum() / max(1, positives), rel=1e-12)


# Detection


@DTYPES
def test_torchvision_has_the_same_thresholds_and_limits(dtype: type) -> None:
    """By default and at the other values: what is just below and just above a limit falls on the same side."""
    for inputs, choices in ((at_the_thresholds(dtype), THRESHOLDS), (many(dtype), LIMITS)):
        for options in choices:
            expected, actual = (witness.call("detect.detect", *inputs, **options) for witness in (REFERENCE, TORCHVISION))
            for name, ours, theirs in zip(detect.Detections._fields, expected, actual, strict=True):
                np.testing.assert_allclose(theirs, ours, rtol=0, atol=8 * np.finfo(dtype).eps, err_msg=f"{name}, {options}")


@DTYPES
@pytest.mark.parametrize("more", [-1, 0, 1])
@pins("detect", "AT_ONCE")
def test_suppression_half_by_half_is_suppression(dtype: type, more: int) -> None:
    """Up to so many boxes all overlaps are looked at together, beyond it half by half."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 0.8, (200 + more, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.05, 0.2, corner.shape)], axis=1).astype(dtype)
    kept = detect.nms(tf.constant(boxes), tf.fill(len(boxes), True), iou_threshold=0.45).numpy()
    expected = ops.nms(torch.from_numpy(boxes), torch.linspace(1, 0, len(boxes), dtype=torch.from_numpy(boxes).dtype), 0.45)
    assert np.flatnonzero(kept).tolist() == expected.tolist()
