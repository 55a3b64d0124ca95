"""Whoever calls an operation of the core hands its settings on: models, detectors, exports and training runs."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import reference_torch.default_boxes
import reference_torch.detect
import reference_torch.loss
import reference_torch.matcher
import reference_torch.model
import reference_torch.scores
from parity_tests import shallow
from parity_tests.adapters import REFERENCE
from parity_tests.pins import pins
from parity_tests.shallow import CLASSES, LOSS, SCORES, VARIANCES, shallow_network
from parity_tests.test_constants_of_network import eagerly
from parity_tests.test_default_boxes import check_default_boxes
from parity_tests.test_options import at_the_thresholds
from parity_tests.test_options_of_training import batch
from tf_ssd.config import DetectionConfig, DetectionFlags, ExportConfig, LossConfig, ModelConfig
from tf_ssd.config.recipes import RECIPES, OptimizerName, Recipe
from tf_ssd.export import inference, serving
from tf_ssd.model import SSD300, ssd300
from tf_ssd.network.serving import detections_of
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.predict import compiled, explain
from tf_ssd.train.run import Run
from tf_ssd.train.stretches import Stretch
from tf_ssd.train.trainer import diagnosis
from tf_ssd.train.trainer.scale import LossScale

MINING = {**{name: LOSS[name] for name in ("negative_ratio", "min_negatives", "class_weights")}, "scores": SCORES}


def assert_close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=1e-5)


# Models


def default_of(function: Callable[..., Any], option: str) -> Any:
    return inspect.signature(function).parameters[option].default


@pins("config.network.LossConfig", *("match_threshold", "match_strategy", *LOSS))
@pins("config.network.ModelConfig", "num_classes", "boxes", "width", "batch_norm", "variances", "loss", "scores")
def test_the_settings_of_a_model_are_the_references_by_default() -> None:
    loss, matching, network = reference_torch.loss.multibox_loss, reference_torch.matcher.targets, reference_torch.model.SSD
    model = ModelConfig()
    assert vars(model.loss) == vars(LossConfig())
    assert (model.loss.match_threshold, model.loss.match_strategy) == tuple(
        default_of(matching, name) for name in ("threshold", "strategy")
    )
    for option in LOSS:
        assert getattr(model.loss, option) == default_of(loss, option)
    assert model.variances == default_of(matching, "variances")
    assert model.num_classes == default_of(network, "num_classes")
    assert model.width == default_of(network, "width")
    assert model.scores == default_of(loss, "scores") == default_of(reference_torch.detect.detect, "scores")
    check_default_boxes(model.boxes, reference_torch.default_boxes.VOC300)
    assert not model.batch_norm  # as in the paper


@pins("model._sources")
def test_the_scale_of_a_model_reaches_its_normalisation() -> None:
    narrow = ModelConfig(boxes=shallow.settings().boxes, architecture=replace(shallow.settings().architecture, l2_norm=3.0))
    with shallow.means_as_body():
        model = ssd300(narrow)
    assert model.get_layer("quarters_norm").scale.numpy().tolist() == [3] * 3


def truth_and_predictions(model: SSD300) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, torch.Tensor]]:
    """Ground truth in float64, which default boxes must follow, and what the network predicts."""
    predicted = {head: values.detach() for head, values in shallow.predictions(model, batch().images.numpy()).items()}
    return (batch().boxes.numpy().astype(np.float64), batch().labels.numpy()), predicted


@pins("model.SSD.targets")
@pins("config.network.LossConfig", "match_threshold", "match_strategy")
@pins("config.network.ModelConfig", "boxes", "variances", "loss")
def test_targets_of_a_model() -> None:
    model = shallow_network()
    truth, _ = truth_and_predictions(model)
    actual = model.targets(*map(tf.constant, truth))
    assert actual.offsets.dtype == tf.float64
    for ours, theirs in zip(actual, shallow.reference_targets(*truth), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pins("model.SSD.multibox_loss")
@pins("model.SSD.multibox_sums")
@pins("config.network.LossConfig", "negative_ratio", "min_negatives", "alpha", "normalizer", "class_weights")
@pins("config.network.ModelConfig", "scores")
def test_loss_of_a_model() -> None:
    model = shallow_network()
    truth, predicted = truth_and_predictions(model)
    expected = reference_torch.loss.multibox_loss(*predicted.values(), *shallow.reference_targets(*truth), **LOSS, scores=SCORES)
    ours = [tf.constant(array) for array in truth], {head: tf.constant(values.numpy()) for head, values in predicted.items()}
    assert_close(model.multibox_loss(*ours[0], ours[1]), expected)
    assert_close(model.compute_loss(None, dict(zip(("boxes", "labels"), ours[0], strict=True)), ours[1]), expected.total)
    sums = model.multibox_sums(*ours[0], ours[1])
    for image in range(shallow.IMAGES):
        parts = (part[image : image + 1] for part in (*predicted.values(), *shallow.reference_targets(*truth)))
        alone = reference_torch.loss.multibox_loss(*parts, **MINING)
        assert_close(sums.localization[image], alone.localization * max(1, alone.num_positives))
        assert_close(sums.confidence[image], alone.confidence * max(1, alone.num_positives))


# Detectors and exports


PREDICTED: dict[str, Any] = {"variances": VARIANCES, "scores": SCORES}  # what predictions stand for


def detections(**options: Any) -> list[np.ndarray]:
    """The reference's of the pictures, from what the shallow network predicts in them; boxes in fractions."""
    predicted = [values.detach().numpy() for values in shallow.predictions(shallow_network(), shallow.pictures()).values()]
    return list(REFERENCE.call("detect.detect", *predicted, shallow.reference_boxes().numpy(), **PREDICTED, **options))


@pins("predict.compiled.selection")
@pins("config.network.ModelConfig", "num_classes", "scores")
def test_detections_of_a_model() -> None:
    for settings in ({}, *CHOSEN):
        with eagerly():
            found = compiled.detection_function(shallow_network(), DetectionConfig(**settings))(
                tf.constant(shallow.pictures(), tf.float32)
            )
        for actual, expected in zip(found, detections(**settings), strict=True):
            assert_close(actual, expected)


def test_the_settings_of_detection_are_the_references_by_default() -> None:
    assert vars(DetectionConfig()) == {name: default_of(reference_torch.detect.detect, name) for name in vars(DetectionConfig())}


CHOSEN: list[dict[str, Any]] = [
    {"score_threshold": 0.4, "iou_threshold": 0.2, "max_detections": 13},
    {"score_threshold": 0.3, "iou_threshold": 0.6, "top_k": 4, "class_agnostic": True},
    {"score_threshold": 0.881},  # which nothing else outdoes
]


def export_config(**settings: Any) -> ExportConfig:
    return ExportConfig(Path("best.keras"), "saved_model", Path("exported"), **settings)


def assert_exported(actual: dict[str, Any], expected: dict[str, np.ndarray]) -> None:
    assert actual.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(actual[name], values, rtol=2e-5, atol=3e-3 if name == "boxes_px" else 1e-5)


def expected_exports() -> list[tuple[ExportConfig, dict[str, np.ndarray]]]:
    """Settings of an export and what it detects with them, and what leaves it as raw heads."""
    found = []
    for settings in CHOSEN:
        boxes, labels, scores, count = detections(**settings)
        expected = {"boxes_px": boxes * 300, "labels": labels, "scores": scores, "count": count}
        found.append((export_config(detection=DetectionFlags(**settings)), expected))
    offsets, logits = (values.detach() for values in shallow.predictions(shallow_network(), shallow.pictures()).values())
    options = {"variances": VARIANCES}
    decoded = [REFERENCE.call("coder.decode", image.numpy(), shallow.reference_boxes().numpy(), **options)[0] for image in offsets]
    raw = {"boxes_px": np.clip(decoded, 0, 1) * 300, "scores": logits.sigmoid()[..., 1:].numpy()}
    return [*found, (export_config(raw_heads=True), raw)]


@pins("export.serving.serving_function")
def test_detections_of_an_export() -> None:
    for config, expected in expected_exports():
        with eagerly():
            assert_exported(serving.serving_function(shallow_network(), config)(tf.constant(shallow.pictures())), expected)


@pins("export.inference.by_tensorflow")
def test_detections_that_an_export_is_compared_with() -> None:
    """A picture at a time."""
    for config, expected in expected_exports():
        with eagerly():
            found = inference.by_tensorflow(shallow_network(), config)(shallow.pictures()[0])
        assert_exported(found, {name: values[0] for name, values in expected.items()})


@pins("network.serving.detections_of")
def test_detections_of_a_model_that_exports_itself() -> None:
    """As the network has it said: whose settings are none of the defaults here."""
    for settings in CHOSEN:
        model, pictures = shallow_network(), tf.constant(shallow.pictures(), tf.float32)
        with eagerly():
            found = detections_of(model, replace(model.config, detection=DetectionConfig(**settings)))(pictures)
        for actual, expected in zip(found.values(), detections(**settings), strict=True):
            assert_close(actual, expected)


@pins("predict.explain.matches")
def test_matches_that_are_explained() -> None:
    boxes, labels = batch().boxes.numpy()[0].astype(np.float64), batch().labels.numpy()[0]
    matched = explain.matches(boxes, labels, shallow.settings())
    defaults = shallow.reference_boxes(torch.float64)
    expected = reference_torch.matcher.match(*map(torch.from_numpy, (boxes, labels)), defaults, **shallow.MATCHING)
    assert matched.gt_index.tolist() == expected.tolist()


@pins("predict.explain.cell_scores")
def test_cells_that_are_explained() -> None:
    """The best score in each, of any box and class."""
    logits = shallow.predictions(shallow_network(), shallow.pictures())["logits"][0].detach().numpy()
    scores = REFERENCE.call("scores.probabilities", logits, scores=SCORES)[0][:, 1:].max(axis=1)
    actual = explain.cell_scores(tf.constant(logits), shallow.settings())
    assert_close(np.concatenate([cells.ravel() for cells in actual]), scores.reshape(5, 4).max(axis=1))


@pins("predict.explain.suppression")
def test_suppression_that_is_explained() -> None:
    """Of boxes that overlap by just less and more than the thresholds, and of a network's own."""
    defaults = shallow.reference_boxes(torch.float64).numpy()
    _, pairs, boxes = at_the_thresholds(np.float64)
    filled = np.concatenate([boxes, defaults[len(boxes) :]])
    encoded = REFERENCE.call("coder.encode", *REFERENCE.call("boxes.to_xyxy", filled), defaults, variances=VARIANCES)[0]
    logits = np.full((len(defaults), CLASSES), -20.0)
    logits[:, 0] = 0
    logits[: len(boxes), 1] = pairs[0, :, 1]
    logits[len(boxes), 1:3] = 1.0, 0.5  # two classes for one box
    scene = encoded.astype(np.float32), logits.astype(np.float32)
    batch_of_one = (*(part[None] for part in scene), defaults.astype(np.float32))
    for settings in ({}, *CHOSEN):
        options = {**PREDICTED, "max_log_scale": None, **settings}
        expected = REFERENCE.call("detect.detect", *batch_of_one, **options)
        kept = explain.suppression(*map(tf.constant, scene), shallow.settings(), DetectionConfig(**settings)).kept
        for actual, theirs in zip(kept, expected, strict=False):
            assert_close(actual, theirs[0][: expected[3][0]])


# Training runs


@pins("train.trainer.diagnosis._terms")
def test_the_loss_that_a_diagnosis_names() -> None:
    """Background is certain everywhere: sigmoids cost the positives an infinity and nothing else, a softmax is NaN."""
    model = shallow_network()
    for level in range(2):
        bias = model.get_layer(f"logits_{level}").bias
        bias.assign(np.where(np.arange(bias.shape[0]) % CLASSES == 0, np.inf, bias))
    faults = [fault for fault in diagnosis.diagnose(model, batch(), ("a", "b")) if fault.startswith("confidence loss")]
    assert faults
    logits = shallow.predictions(model, batch().images.numpy())["logits"].detach()
    _, labels = shallow.reference_targets(batch().boxes.numpy().astype(np.float64), batch().labels.numpy())
    costs = reference_torch.scores.cross_entropy(logits, labels, scores=SCORES)
    assert {fault.rpartition(" ")[2] for fault in faults} == {str(cost) for cost in costs[~costs.isfinite()].tolist()} == {"inf"}


def run_with(recipe: Recipe, **settings: Any) -> Any:
    """As much of a run as its optimizer and its trainer are made of."""
    workers, console = SimpleNamespace(is_first=True), SimpleNamespace(print=lambda *_, **__: None)
    given = {"ema": None, "precision": "float32", "micro_batches": 1, "clip_norm": None, **settings}
    run = SimpleNamespace(recipe=recipe, config=SimpleNamespace(**given), training=(), held_out=(), workers=workers)
    run.console, run.folder, run.stretches = console, Path("nowhere"), (Stretch(0, recipe.steps),)
    run._optimizer = lambda model: Run._optimizer(run, model)
    return run


def optimizer_of(recipe: Recipe) -> keras.optimizers.Optimizer:
    return Run._optimizer(run_with(recipe), shallow_network())


def rates(recipe: Recipe, steps: list[int]) -> list[float]:
    optimizer, found = optimizer_of(recipe), []
    for step in steps:
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return found


@pins("train.rates.schedule_of")
@pins("train.run.Run._optimizer")
def test_the_recipes_reach_the_optimizer() -> None:
    """Caffe SSD's: 1e-3 after a warm-up of 500 steps, a tenth after 80 000 and 100 000 (VOC), 280 000 and 360 000 (COCO)."""
    for name, drops in (("voc", (80_000, 100_000)), ("coco", (280_000, 360_000))):
        recipe = RECIPES[name]
        optimizer = optimizer_of(recipe)
        assert isinstance(optimizer, CaffeSGD)
        assert (recipe.batch_size, optimizer.momentum, optimizer.decay) == (32, 0.9, 5e-4)
        steps = [0, 498, 499, *(drop + near for drop in drops for near in (-1, 0))]
        assert rates(recipe, steps) == pytest.approx([2e-6, 0.998e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5], rel=1e-6)


@pins("train.rates.schedule_of")
@pins("train.run.Run._optimizer")
def test_other_settings_reach_the_optimizer() -> None:
    """Sixty steps: a warm-up of six, then drops after two thirds, or half a cosine."""
    recipe = Recipe(steps=60, batch_size=1, optimizer="sgd", learning_rate=0.25, drops=(2 / 3,), weight_decay=0.125)
    assert optimizer_of(recipe).decay == 0.125
    assert rates(recipe, [0, 4, 5, 39, 40]) == pytest.approx([0.25 / 6, 0.25 * 5 / 6, 0.25, 0.25, 0.025])
    cosine = Recipe(steps=60, batch_size=1, optimizer="adam", learning_rate=0.25)
    assert isinstance(optimizer_of(cosine), keras.optimizers.Adam)
    assert rates(cosine, [0, 5, 6, 33, 60]) == pytest.approx([0.25 / 6, 0.25, 0.25, 0.125, 0])


@pins("train.rates.rate_of")
def test_an_extension_reaches_the_optimizer() -> None:
    """Sixty steps, of which thirty were made; then twenty, a warm-up of two and half a cosine."""
    run = run_with(Recipe(steps=60, batch_size=1, optimizer="adam", learning_rate=0.25))
    run.stretches = (Stretch(0, 60), Stretch(30, 20))
    optimizer = Run._optimizer(run, shallow_network())
    found = []
    for step in (6, 29, 30, 31, 32, 41, 50):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    before = 0.125 * (1 + np.cos(np.pi * 23 / 54))
    assert found == pytest.approx([0.25, before, 0.125, 0.25, 0.25, 0.125, 0], abs=1e-7)


@pins("train.run.Run._optimizer")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_rate_of_the_body_reaches_the_optimizer(optimizer: OptimizerName) -> None:
    recipe = Recipe(steps=60, batch_size=1, optimizer=optimizer, learning_rate=0.25, base_rate=0.5)
    layers = [SimpleNamespace(name=name, weights=[0]) for name in ("conv1_1", "fc7", "conv4_3_norm", "conv8_1", "offsets_0")]
    network = SimpleNamespace(layers=layers, config=ModelConfig())
    assert Run._optimizer(run_with(recipe), network).rates == {"conv1_1": 0.5, "fc7": 0.5}


@pins("train.run.Run._trainer")
def test_the_settings_reach_the_trainer() -> None:
    recipe = Recipe(steps=60, batch_size=2, optimizer="sgd", learning_rate=0.25)
    run = run_with(recipe, ema=0.75, precision="float16", micro_batches=2, clip_norm=0.5)
    trainer = Run._trainer(run, shallow_network())
    assert trainer.average.decay == 0.75
    step = vars(trainer._training_step)
    assert (step["_micro_batches"], step["_clip_norm"], step["_average"]) == (2, 0.5, trainer.average)
    assert isinstance(trainer._scale, LossScale)
    plain = Run._trainer(run_with(recipe), shallow_network())
    assert plain.average is plain._scale is None
