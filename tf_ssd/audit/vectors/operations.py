"""What each operation of the core gives for drawn inputs, in float64, as plain data."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
import numpy as np
import tensorflow as tf

from tf_ssd import boxes, coder, detect, loss, matcher
from tf_ssd.audit.vectors.numbers import Array, to_array
from tf_ssd.config import PRESETS
from tf_ssd.default_boxes import default_boxes

CLASSES, IMAGES = 4, 3
# Six boxes that touch, cross, lie in each other or are equal, and five without a proper area.
BOXES = np.array(
    [
        (0, 0, 0.5, 0.5),
        (0.5, 0, 1, 0.5),
        (0.25, 0.25, 0.75, 0.75),
        (0, 0, 1, 1),
        (0, 0, 0.5, 0.5),
        (-0.25, 0.125, 0.375, 1.5),
        (0.5, 0.5, 0.5, 0.75),
        (0.5, 0.5, 0.5, 0.5),
        (0.75, 0.5, 0.25, 0.75),
        (0, 0, np.nan, 1),
        (0, 0, np.inf, 1),
    ]
)


class OperationVector(msgspec.Struct, frozen=True, tag="operation"):
    """One call of an operation: its arrays and settings by name, and what it gives. Integers and truth values are numbers too."""

    name: str
    rules: tuple[str, ...]
    operation: str
    inputs: dict[str, Array]
    settings: dict[str, Any]
    outputs: Annotated[dict[str, Array], msgspec.Meta(min_length=1)]


def operation_vectors() -> Iterator[OperationVector]:
    """All of them; the drawn numbers are the same each time."""
    rng = np.random.default_rng(0)
    yield from _of_boxes()
    yield from _of_default_boxes()
    yield from _of_offsets(rng)
    yield from _of_matching(rng)
    yield from _of_loss(rng)
    yield from _of_detection(rng)


def _vector(
    name: str, rules: str, operation: str, inputs: dict[str, Any], outputs: dict[str, Any], **settings: Any
) -> OperationVector:
    arrays = ({key: to_array(np.asarray(value)) for key, value in each.items()} for each in (inputs, outputs))
    given, found = arrays
    return OperationVector(name, tuple(rules.split()), operation, given, settings, found)


def _of_boxes() -> Iterator[OperationVector]:
    rules = "R-IOU-1 R-IOU-2 R-IOU-3 R-IOU-4 R-IOU-5 R-IOU-7"
    yield _vector("iou", rules, "boxes.iou", {"a": BOXES, "b": BOXES}, {"overlap": boxes.iou(BOXES, BOXES)})
    regular = BOXES[:6]
    yield _vector("area", "R-BOX-2", "boxes.area", {"boxes": BOXES[:9]}, {"area": boxes.area(BOXES[:9])})
    yield _vector("to-cxcywh", "R-BOX-1", "boxes.to_cxcywh", {"boxes": regular}, {"boxes": boxes.to_cxcywh(regular)})
    yield _vector("to-xyxy", "R-BOX-1", "boxes.to_xyxy", {"boxes": regular}, {"boxes": boxes.to_xyxy(regular)})


def _of_default_boxes() -> Iterator[OperationVector]:
    for name, preset in PRESETS.items():
        made = default_boxes(preset, dtype="float64")
        rules = "R-DEF-1 R-DEF-2 R-DEF-3 R-DEF-4 R-DEF-5"
        yield _vector(f"default-boxes-{name}", rules, "default_boxes.default_boxes", {}, {"default_boxes": made}, **asdict(preset))


def drawn_boxes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Boxes (*shape, 4) xyxy in the image, 0.05 to 0.6 a side."""
    size = rng.uniform(0.05, 0.6, (*shape, 2))
    corner = rng.uniform(0, 1 - size)
    return np.concatenate([corner, corner + size], axis=-1)


def _of_offsets(rng: np.random.Generator) -> Iterator[OperationVector]:
    default, values = boxes.to_cxcywh(drawn_boxes(rng, 8)).numpy(), drawn_boxes(rng, 8)
    encoded = coder.encode(values, default)
    yield _vector(
        "encode", "R-COD-1 R-COD-2 R-COD-3", "coder.encode", {"boxes": values, "default_boxes": default}, {"offsets": encoded}
    )
    offsets = rng.normal(0, 10, (8, 4))
    for name, limit in (("limited", coder.MAX_LOG_SCALE), ("unlimited", None)):
        decoded = coder.decode(offsets, default, max_log_scale=limit)
        inputs = {"offsets": offsets, "default_boxes": default}
        yield _vector(f"decode-{name}", "R-COD-4 R-COD-5", "coder.decode", inputs, {"boxes": decoded}, max_log_scale=limit)


def _grid() -> np.ndarray:
    """44 default boxes cxcywh: 4 x 4 cells of two, 2 x 2 of three."""
    centres = [[(np.arange(cells) + 0.5) / cells] * 2 for cells in (4, 2)]
    sizes = [[(0.25, 0.25), (0.4, 0.2)], [(0.5, 0.5), (0.7, 0.35), (0.35, 0.7)]]
    rows = [(x, y, *size) for (xs, ys), shapes in zip(centres, sizes, strict=True) for y in ys for x in xs for size in shapes]
    return np.array(rows)


def _of_matching(rng: np.random.Generator) -> Iterator[OperationVector]:
    truth, labels = drawn_boxes(rng, IMAGES, 6), rng.integers(0, CLASSES, (IMAGES, 6))
    truth[0, 1], truth[1, 2] = truth[0, 0], (0.4, 0.4, 0.4, 0.6)  # two objects of one place, and one without width
    labels[0, :2], labels[1, 2], labels[2, 3:] = (1, 2), 1, matcher.IGNORED
    inputs = {"gt_boxes": truth, "gt_labels": labels, "default_boxes": _grid()}
    for strategy in ("bipartite", "argmax"):
        for threshold in (0.5, 0.25):
            found = matcher.match(truth, labels, _grid(), strategy=strategy, threshold=threshold)
            rules = "R-MAT-1 R-MAT-2 R-MAT-3 R-MAT-4 R-MAT-5 R-MAT-6 R-MAT-7 R-MAT-8 R-MAT-11 R-MAT-13"
            settings = {"strategy": strategy, "threshold": threshold}
            yield _vector(f"match-{strategy}-{threshold}", rules, "matcher.match", inputs, {"rows": found}, **settings)


def _of_loss(rng: np.random.Generator) -> Iterator[OperationVector]:
    count = 30
    labels = np.where(rng.uniform(size=(IMAGES, count)) < 0.15, rng.integers(1, CLASSES, (IMAGES, count)), 0)
    labels[2] = 0
    labels[1, -4:] = matcher.IGNORED
    logits, offsets, targets = rng.normal(0, 4, (IMAGES, count, CLASSES)), *rng.normal(0, 1, (2, IMAGES, count, 4))
    logits[0, 10:20] = 0  # ties
    inputs = {"offsets": offsets, "logits": logits, "target_offsets": targets, "target_labels": labels}
    for scores in ("softmax", "sigmoid"):
        for least in (0, 4):
            settings: dict[str, Any] = {"negative_ratio": 2, "min_negatives": least, "scores": scores}
            mined = loss.hard_negative_mask(tf.constant(logits), tf.constant(labels), **settings)
            masks = {"logits": logits, "target_labels": labels}
            rules = "R-MIN-1 R-MIN-2 R-MIN-3 R-MIN-4 R-MIN-5"
            yield _vector(f"mine-{scores}-{least}", rules, "loss.hard_negative_mask", masks, {"mined": mined}, **settings)
        for normalizer in ("batch", "image"):
            yield _loss(inputs, scores=scores, normalizer=normalizer, alpha=0.5)
    yield _loss(inputs, scores="softmax", normalizer="batch", class_weights=(0.5, 1.0, 2.0, 3.0))


def _loss(inputs: dict[str, np.ndarray], **settings: Any) -> OperationVector:
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    predicted = [tensors["offsets"], tensors["logits"]]
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        found = loss.multibox_loss(**tensors, **settings)
    gradients = tape.gradient(found.total, predicted)
    outputs = {**found._asdict(), "offsets_gradient": gradients[0], "logits_gradient": gradients[1]}
    name = f"loss-{settings['scores']}-{settings['normalizer']}{'-weighted' if 'class_weights' in settings else ''}"
    rules = "R-LOSS-1 R-LOSS-2 R-LOSS-3 R-LOSS-4 R-LOSS-5 R-LOSS-6 R-LOSS-12 R-LOSS-13 R-LOSS-14 R-SCO-1 R-SCO-3"
    return _vector(name, rules, "loss.multibox_loss", inputs, outputs, **settings)


def _of_detection(rng: np.random.Generator) -> Iterator[OperationVector]:
    count = len(_grid())
    inputs = {"offsets": rng.normal(0, 2, (2, count, 4)), "logits": rng.normal(0, 2, (2, count, CLASSES)), "default_boxes": _grid()}
    for scores in ("softmax", "sigmoid"):
        for agnostic in (False, True):
            name = f"detect-{scores}{'-class-agnostic' if agnostic else ''}"
            options = {"score_threshold": 0.2, "iou_threshold": 0.45, "top_k": 12, "max_detections": 20}
            yield _detection(name, inputs, scores=scores, class_agnostic=agnostic, **options)
    # The better half of the image overlaps all of it by exactly 1/2; the best score has no area inside.
    default = np.array(
        [(0.25, 0.5, 0.5, 1), (0.5, 0.5, 1, 1), (1.5, 0.5, 0.5, 0.5), (0.75, 0.25, 0.25, 0.25), (0.75, 0.75, 0.25, 0.25)]
    )
    logits = np.array([[(0, 3, 0), (0, 2, 0), (0, 9, 0), (0, 1, 0), (0, 0.5, 0)]], float)
    edges = {"offsets": np.zeros((1, 5, 4)), "logits": logits, "default_boxes": default}
    yield _detection("detect-at-the-edges", edges, score_threshold=0.01, iou_threshold=0.5, top_k=3, max_detections=4)


def _detection(name: str, inputs: dict[str, np.ndarray], **settings: Any) -> OperationVector:
    found = detect.detect(*map(tf.constant, inputs.values()), **settings)
    rules = "R-DET-1 R-DET-2 R-DET-3 R-DET-4 R-DET-5 R-DET-6 R-DET-7 R-DET-8"
    return _vector(name, rules, "detect.detect", inputs, found._asdict(), **settings)
