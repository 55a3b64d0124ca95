"""Every option of the core's operations, at its default and on both sides of it: tf_ssd and reference_torch do the same.

The inputs lie just below and just above each limit, so that a default which moves a little shows as well.
"""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import torch

import reference_torch.default_boxes
import tf_ssd.config
import tf_ssd.default_boxes
import tf_ssd.loss
from parity_tests.adapters import EAGER, REFERENCE, Implementation
from parity_tests.asserts import assert_agree
from parity_tests.parametrize import DTYPES, _name
from parity_tests.pins import pins
from parity_tests.shallow import GRID
from parity_tests.strategies import IGNORED, GroundTruth
from parity_tests.test_coder import check_decode, check_encode
from parity_tests.test_default_boxes import check_default_boxes
from parity_tests.test_detect import check_detect
from parity_tests.test_loss import Problem, check_loss, small_problem
from parity_tests.test_matcher import check_targets
from tf_ssd.config.boxes import BoxRule, DefaultBoxesConfig, od_api_shapes
from tf_ssd.config.network import Architecture
from tf_ssd.detect import AT_ONCE

# Eagerly: graphs and XLA, whose rounding the other tests compare, are given the same options.
EAGERLY = pytest.mark.parametrize(("side", "dtype"), [(EAGER, np.float32), (EAGER, np.float64)], ids=_name)
NEAR = 1e-4  # how far from a limit the inputs lie, as a share of it
OTHER_VARIANCES = (0.3, 0.15)
Options = dict[str, Any]


def around(limit: float) -> list[float]:
    return [limit * (1 - NEAR), limit * (1 + NEAR)]


# Coder


def sizes_at_the_clamp(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (8, 4) with log scales around torchvision's limit and around 1, for default boxes of a hundredth of the image."""
    log_scales = [*around(np.log(1000 / 16)), *around(1.0)] * 2
    offsets = np.array([(0.5, -0.5, scale / 0.2, -1) for scale in log_scales[:4]] + [(1, 2, 3, s / 0.15) for s in log_scales[4:]])
    centres = np.linspace(0.2, 0.8, 8)
    return offsets.astype(dtype), np.stack([centres, centres, np.full(8, 0.01), np.full(8, 0.01)], axis=1).astype(dtype)


CODINGS: list[Options] = [{}, {"variances": OTHER_VARIANCES, "max_log_scale": 1.0}, {"max_log_scale": None}]


@EAGERLY
@pins("coder.encode", "variances")
@pins("coder", "VARIANCES")
def test_encode(side: Implementation, dtype: type) -> None:
    boxes, defaults = np.array([(0.1, 0.2, 0.4, 0.8)], dtype), np.array([(0.3, 0.4, 0.2, 0.3)], dtype)
    for options in ({}, {"variances": OTHER_VARIANCES}):
        check_encode(side, boxes, defaults, **options)


@EAGERLY
@pins("coder.decode", "variances", "max_log_scale")
@pins("coder", "MAX_LOG_SCALE")
def test_decode(side: Implementation, dtype: type) -> None:
    for options in CODINGS:
        check_decode(side, *sizes_at_the_clamp(dtype), **options)


# Default boxes


@DTYPES
@pins("default_boxes.default_boxes", "dtype")
def test_the_dtype_of_default_boxes(dtype: type) -> None:
    """float32 unless another one is asked for, and rounded once."""
    expected = reference_torch.default_boxes.default_boxes(reference_torch.default_boxes.DefaultBoxesConfig(**GRID))
    ours = tf_ssd.config.caffe_boxes(**GRID)
    unasked = tf_ssd.default_boxes.default_boxes(ours).numpy()
    assert unasked.dtype == np.float32
    np.testing.assert_array_max_ulp(unasked, expected.numpy(), maxulp=1)
    assert tf_ssd.default_boxes.default_boxes(ours, dtype=np.dtype(dtype).name).dtype == dtype


SIZES = {"min_sizes": (30, 60, 111, 162, 213, 264), "max_sizes": (60, 111, 162, 213, 264, 315)}
OTHER_GRIDS: list[Options] = [
    GRID,
    {**GRID, "image_size": 320},
    {**GRID, "clip": "size", "max_sizes": (400, 500)},
    {**GRID, "clip": "none", "max_sizes": (400, 500)},
]


@pytest.mark.parametrize("settings", [*OTHER_GRIDS, SIZES], ids=" ".join)
@pins("config.boxes.DefaultBoxesConfig", "shapes", "image_size", "feature_maps", "steps", "offset", "clip")
@pins("config.boxes.DefaultBoxesConfig.from_dict")
@pins("config.boxes.caffe_boxes", "aspect_ratios")
def test_settings_of_default_boxes(settings: Options) -> None:
    """All of them other than by default, and all but the sizes by default; also as older versions wrote them."""
    theirs = reference_torch.default_boxes.DefaultBoxesConfig(**settings)
    for ours in (tf_ssd.config.caffe_boxes(**settings), tf_ssd.config.DefaultBoxesConfig.from_dict(settings)):
        boxes = check_default_boxes(DefaultBoxesConfig(**vars(ours)), theirs)
        assert len(boxes) == ours.num_boxes


@pins("config.boxes.BoxRule", "aspect_ratios", "order")
@pins("config.boxes.BoxRule.shapes")
@pins("config.boxes.od_api_shapes", "first")
@pins("config.network.Architecture", "box_rule")
def test_rules_of_default_boxes() -> None:
    """By default Caffe SSD300's; that of a network makes boxes of other sizes."""
    caffe, od_api = reference_torch.default_boxes.VOC300, reference_torch.default_boxes.OD300
    rules = [
        (BoxRule(), caffe),
        (BoxRule(caffe.aspect_ratios, order="caffe"), caffe),
        (BoxRule(od_api.aspect_ratios, order="od_api"), od_api),
    ]
    for rule, theirs in rules:
        shapes = [reference_torch.default_boxes._sizes(theirs, level) for level in range(6)]
        model = tf_ssd.config.ModelConfig(architecture=Architecture("vgg16", ("fc7",), (), box_rule=rule))
        resized = model.with_box_sizes((*theirs.min_sizes, theirs.max_sizes[-1]))
        for actual, fractions in zip(resized.boxes.shapes, shapes, strict=True):
            np.testing.assert_allclose(actual, np.array(fractions) * 300, rtol=1e-12)
    for level, first in ((0, True), (1, False)):
        sizes = od_api.min_sizes[level], od_api.max_sizes[level], od_api.aspect_ratios[level]
        np.testing.assert_allclose(od_api_shapes(*sizes, first=first), np.array(shapes[level]) * 300, rtol=1e-12)


# Matching


def truth_at_the_threshold(dtype: type) -> tuple[GroundTruth, np.ndarray]:
    """Two objects that both want the whole image, and default boxes that overlap the first by just less and more than a limit."""
    widths = [1.0, 0.99, *around(0.7), *around(0.5), *around(0.3)]
    defaults = np.array([(width / 2, 0.5, width, 1) for width in widths])
    boxes = np.array([[(0, 0, 1, 1), (0, 0, 1, 0.995)]])
    return GroundTruth(boxes, np.array([[1, 2]], np.int32)), defaults


@EAGERLY
@pins("matcher.match", "threshold", "strategy")
@pins("matcher.targets", "threshold", "strategy")
@pins("matcher", "IGNORED")
def test_matching(side: Implementation, dtype: type) -> None:
    """With an object that is not to be trained on as well."""
    truth, defaults = truth_at_the_threshold(dtype)
    for options in ({}, {"threshold": 0.3, "strategy": "argmax"}, {"threshold": 0.7}):
        for labels in (truth.labels, np.array([[IGNORED, 2]], np.int32)):
            check_targets(side, GroundTruth(truth.boxes, labels), defaults, dtype, **options)


@EAGERLY
@pins("matcher.targets", "variances")
def test_variances_of_targets(side: Implementation, dtype: type) -> None:
    (boxes, labels), defaults = truth_at_the_threshold(dtype)
    inputs = boxes.astype(dtype), labels, defaults.astype(dtype)
    for options in ({}, {"variances": OTHER_VARIANCES}):
        actual, expected = (witness.call("matcher.targets", *inputs, **options)[0] for witness in (side, REFERENCE))
        assert_agree(operation="matcher.targets", actual=actual, expected=expected, inputs=inputs, options=options, scale=30.0)


# Loss


def problem(dtype: type) -> Problem:
    """Images with three positives, one and none, and more background than is mined."""
    positives = {0: (0, 3, 13), 1: (6,), 2: ()}
    return small_problem([[int(box in positives[image]) for box in range(14)] for image in positives], dtype=dtype)


MINING = {"negative_ratio": 1, "min_negatives": 2}
MORE_MINING = {"negative_ratio": 4, "min_negatives": 1, "scores": "sigmoid"}
DIVISION = {"alpha": 0.25, "normalizer": "image"}
WEIGHTED = {"class_weights": (0.5, 3.0, 1.0)}


@EAGERLY
@pins("loss.hard_negative_mask", "negative_ratio", "min_negatives", "scores")
def test_mining(side: Implementation, dtype: type) -> None:
    _, logits, _, labels = problem(dtype)
    for options in ({}, MINING, MORE_MINING):
        (actual,) = side.call("loss.hard_negative_mask", logits, labels, **options)
        (expected,) = REFERENCE.call("loss.hard_negative_mask", logits, labels, **options)
        context = {"operation": "loss.hard_negative_mask", "inputs": (logits, labels), "options": options}
        assert_agree(actual=actual, expected=expected, **context)


@EAGERLY
@pins("loss.multibox_loss", "negative_ratio", "min_negatives", "alpha", "normalizer", "scores", "class_weights")
def test_multibox_loss(side: Implementation, dtype: type) -> None:
    for options in ({}, {**MINING, **DIVISION}, {**MORE_MINING, **WEIGHTED, "alpha": 4.0}):
        check_loss(side, problem(dtype), **options)


@EAGERLY
@pins("loss.multibox_sums", "negative_ratio", "min_negatives", "scores", "class_weights")
def test_multibox_sums(side: Implementation, dtype: type) -> None:
    """Those of an image are its own loss before it is divided by its positives; the mined boxes are counted too."""
    both = problem(dtype)
    for mining, weights in (({}, {}), (MINING, WEIGHTED), (MORE_MINING, {})):
        options: Options = {**mining, **weights}
        localization, confidence, positives, negatives = side.call("loss.multibox_sums", *both, **options)
        for image in range(3):
            expected = REFERENCE.call("loss.multibox_loss", *both.images([image]), **options)
            np.testing.assert_allclose(localization[image], expected[1] * max(1, expected[3]), rtol=64 * np.finfo(dtype).eps)
            np.testing.assert_allclose(confidence[image], expected[2] * max(1, expected[3]), rtol=64 * np.finfo(dtype).eps)
            assert positives[image] == expected[3]
        (mask,) = REFERENCE.call("loss.hard_negative_mask", both.logits, both.target_labels, **mining)
        assert negatives.tolist() == mask.sum(axis=1).tolist()


@DTYPES
@pins("loss.normalized", "alpha", "normalizer")
def test_normalized(dtype: type) -> None:
    sums = tf_ssd.loss.multibox_sums(*map(tf.constant, problem(dtype)))
    for options in ({}, DIVISION, {"alpha": 4.0}):
        expected = REFERENCE.call("loss.multibox_loss", *problem(dtype), **options)
        np.testing.assert_allclose(tf_ssd.loss.normalized(sums, **options), expected, rtol=64 * np.finfo(dtype).eps)


# Detection


def in_two_classes(scores: Any, dtype: type) -> np.ndarray:
    """Logits (1, K, 2) of these scores (K,) for class 1, of either kind: background has 0."""
    log_odds = np.log(scores) - np.log1p(-np.array(scores))
    return np.stack([np.zeros_like(log_odds), log_odds], axis=-1)[None].astype(dtype)


def at_the_thresholds(dtype: type) -> tuple[np.ndarray, ...]:
    """Pairs of boxes that overlap by just less and more than three limits, each in a row of its own, and scores likewise."""
    overlaps = [near for limit in (0.3, 0.45, 0.6) for near in around(limit)]
    scores = [near for limit in (0.001, 0.01, 0.2) for near in around(limit)]
    outer = [(0.25, (row + 0.5) / 16, 0.5, 1 / 16) for row in range(6)]
    inner = [(0.25 * share, y, 0.5 * share, height) for (_, y, _, height), share in zip(outer, overlaps, strict=True)]
    lone = [(0.75, (row + 0.5) / 16, 1 / 16, 1 / 16) for row in range(6)]
    defaults = np.array([*outer, *inner, *lone], dtype)
    return np.zeros((1, 18, 4), dtype), in_two_classes([*np.linspace(0.9, 0.3, 12), *scores], dtype), defaults


def many(dtype: type) -> tuple[np.ndarray, ...]:
    """402 boxes of one class that do not overlap, each with a score of its own."""
    places = [((column + 0.5) / 24, (row + 0.5) / 24, 1 / 32, 1 / 32) for row in range(24) for column in range(24)][:402]
    scores = 0.1 + 0.8 * np.random.default_rng(0).permutation(402) / 402
    return np.zeros((1, 402, 4), dtype), in_two_classes(scores, dtype), np.array(places, dtype)


THRESHOLDS: list[Options] = [{}, {"score_threshold": 0.2, "iou_threshold": 0.3}, {"score_threshold": 0.001, "iou_threshold": 0.6}]
LIMITS: list[Options] = [{}, {"max_detections": 450}, {"top_k": 7}, {"top_k": 401, "max_detections": 450}]


def check_select(side: Implementation, *inputs: np.ndarray, **options: Any) -> None:
    """`select` from boxes and scores as they are: what the reference detects when it is given them as default boxes."""
    offsets, logits, defaults = inputs
    expected = REFERENCE.call("detect.detect", *inputs, **options)
    scores = torch.from_numpy(logits[0]).softmax(dim=-1)[:, 1:].T.numpy()
    actual = side.call("detect.select", *REFERENCE.call("boxes.to_xyxy", defaults), scores, **options)
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs[0], rtol=8 * np.finfo(offsets.dtype).eps, atol=8 * np.finfo(offsets.dtype).eps)


@EAGERLY
@pins("detect", "SCORE_THRESHOLD", "IOU_THRESHOLD")
@pins("detect.detect", "score_threshold", "iou_threshold")
def test_thresholds(side: Implementation, dtype: type) -> None:
    for options in THRESHOLDS:
        check_detect(side, *at_the_thresholds(dtype), **options)


@EAGERLY
@pins("detect", "TOP_K", "MAX_DETECTIONS")
@pins("detect.detect", "top_k", "max_detections")
def test_limits(side: Implementation, dtype: type) -> None:
    for options in LIMITS:
        check_detect(side, *many(dtype), **options)


@EAGERLY
@pins("detect.select", "score_threshold", "iou_threshold")
def test_thresholds_of_select(side: Implementation, dtype: type) -> None:
    for options in THRESHOLDS:
        check_select(side, *at_the_thresholds(dtype), **options)


KINDS: list[Options] = [{}, {"scores": "sigmoid"}]


@EAGERLY
@pins("detect.detect", "scores")
@pins("detect.candidates", "scores")
def test_kinds_of_scores(side: Implementation, dtype: type) -> None:
    """Of several likely classes, and a slot 0 that is likelier still."""
    offsets, logits, defaults = several_classes(dtype)
    logits[..., 0] = 3
    for options in KINDS:
        check_detect(side, offsets, logits, defaults, **options)
        _, scores = side.call("detect.candidates", offsets, logits, defaults, **options)
        (expected,) = REFERENCE.call("scores.probabilities", logits, **options)
        np.testing.assert_allclose(scores, np.moveaxis(expected[..., 1:], -1, 1), rtol=8 * np.finfo(dtype).eps)


@EAGERLY
@pins("scores.probabilities", "scores")
@pins("scores.cross_entropy", "scores")
def test_kinds_of_cross_entropy(side: Implementation, dtype: type) -> None:
    _, logits, _, labels = problem(dtype)
    for options in KINDS:
        for operation, inputs in (("scores.probabilities", (logits,)), ("scores.cross_entropy", (logits, labels))):
            actual, expected = (witness.call(operation, *inputs, **options)[0] for witness in (side, REFERENCE))
            assert_agree(operation=operation, actual=actual, expected=expected, inputs=inputs, options=options)


def several_classes(dtype: type) -> tuple[np.ndarray, ...]:
    """Boxes of three classes on a grid, many of them in one place."""
    rng = np.random.default_rng(2)
    places = np.array([(x, y, 0.25, 0.25) for x in (0.25, 0.3125, 0.75) for y in (0.25, 0.75)] * 4, dtype)
    return np.zeros((1, 24, 4), dtype), rng.normal(size=(1, 24, 4)).astype(dtype), places


AGNOSTIC: list[Options] = [{}, {"class_agnostic": True}, {"class_agnostic": True, "top_k": 3}]


@EAGERLY
@pins("detect.detect", "class_agnostic")
@pins("detect.select", "class_agnostic")
def test_class_agnostic_suppression(side: Implementation, dtype: type) -> None:
    for options in AGNOSTIC:
        check_detect(side, *several_classes(dtype), **options)
        check_select(side, *several_classes(dtype), **options)


@DTYPES
@pins("detect.ranked", "score_threshold", "top_k", "class_agnostic")
def test_what_suppression_chooses_from(dtype: type) -> None:
    """With suppression switched off, everything that is ranked is detected."""
    inputs = at_the_thresholds(dtype), many(dtype), several_classes(dtype)
    for options in (*THRESHOLDS[1:], *LIMITS, *AGNOSTIC):
        chosen = {name: value for name, value in options.items() if name in ("score_threshold", "top_k", "class_agnostic")}
        for _, logits, defaults in inputs:
            (boxes,) = REFERENCE.call("boxes.to_xyxy", defaults)
            scores = torch.from_numpy(logits[0]).softmax(dim=-1)[:, 1:].T.numpy()
            ranked = tf_ssd.detect.ranked(tf.constant(boxes), tf.constant(scores), **chosen)
            expected = REFERENCE.call(
                "detect.detect",
                np.zeros((1, *boxes.shape), dtype),
                logits,
                defaults,
                iou_threshold=1.0,
                max_detections=2000,
                **chosen,
            )
            (count,) = expected[3]
            candidates = (ranked.scores >= 0).numpy()
            assert candidates.sum() == count
            order = np.argsort(-ranked.scores.numpy()[candidates], kind="stable")
            assert ranked.labels.numpy()[candidates][order].tolist() == expected[1][0, :count].tolist()
            np.testing.assert_allclose(ranked.boxes.numpy()[candidates][order], expected[0][0, :count], atol=1e-6)


@EAGERLY
@pins("detect.select", "top_k", "max_detections")
def test_limits_of_select(side: Implementation, dtype: type) -> None:
    for options in LIMITS:
        check_select(side, *many(dtype), **options)


@EAGERLY
@pins("detect.detect", "variances", "max_log_scale")
@pins("detect.candidates", "variances", "max_log_scale")
def test_decoding_of_detections(side: Implementation, dtype: type) -> None:
    offsets, defaults = sizes_at_the_clamp(dtype)
    logits = in_two_classes(np.linspace(0.5, 0.9, 8), dtype)
    for options in CODINGS:
        check_detect(side, offsets[None], logits, defaults, **options)
        boxes, scores = side.call("detect.candidates", offsets[None], logits, defaults, **options)
        decoded = REFERENCE.call("boxes.clip", *REFERENCE.call("coder.decode", offsets, defaults, **options))[0]
        np.testing.assert_allclose(boxes[0], decoded, atol=64 * np.finfo(dtype).eps)
        np.testing.assert_allclose(scores[0, 0], np.linspace(0.5, 0.9, 8), rtol=8 * np.finfo(dtype).eps)


@EAGERLY
@pytest.mark.parametrize("places", [1, 20])
@pins("detect.nms", "iou_threshold")
def test_suppression(side: Implementation, dtype: type, places: int) -> None:
    """Of few boxes, and of so many that they are settled half by half: pairs around the limit in each half, and across them."""
    (pairs,) = REFERENCE.call("boxes.to_xyxy", at_the_thresholds(dtype)[2][:12])
    boxes = np.concatenate([pairs + np.array([place, 0, place, 0], dtype) for place in range(places)])
    boxes = np.concatenate([boxes, pairs]) if places > 1 else boxes
    scores = np.linspace(1, 0.5, len(boxes)).astype(dtype)
    for iou_threshold in (0.3, 0.45, 0.6):
        (actual,) = side.call("detect.nms", boxes, np.ones(len(boxes), bool), iou_threshold=iou_threshold)
        (expected,) = REFERENCE.call("detect.nms", boxes, scores, iou_threshold=iou_threshold)
        assert np.flatnonzero(actual).tolist() == expected.tolist()


@EAGERLY
def test_overlap_equal_to_the_threshold_stays_across_the_halves(side: Implementation, dtype: type) -> None:
    """The best of many boxes and the worst of them overlap by 1/2 exactly; the others lie apart."""
    apart = [(2 * place, 2, 2 * place + 1, 3) for place in range(AT_ONCE)]
    boxes = np.array([(0, 0, 1, 1), *apart, (0, 0, 0.5, 1)], dtype)
    for iou_threshold, survives in ((0.5, True), (0.5 * (1 - NEAR), False)):
        (kept,) = side.call("detect.nms", boxes, np.ones(len(boxes), bool), iou_threshold=iou_threshold)
        assert kept[:-1].all()
        assert kept[-1] == survives
