"""Matching + loss + gradient at batch 32, 8732 boxes, 21 classes.

torchvision runs its own matcher, box coder and `SSD.compute_loss`, unchanged.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf
import torch
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection.ssd import SSD
from torchvision.ops import box_iou

from benchmarks.report import Candidates, Sections
from tf_ssd import boxes, loss, matcher
from tf_ssd.config import COCO300
from tf_ssd.default_boxes import default_boxes

BATCH, CLASSES = 32, 21


def draw_problem(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Random predictions and `rows` ground-truth boxes per image, of all sizes, fully inside the image."""
    rng = np.random.default_rng(seed)
    gt_boxes = draw_boxes(rng, BATCH, rows, sides=(0.04, 0.7))
    return {
        "offsets": rng.normal(size=(BATCH, COCO300.num_boxes, 4)).astype("float32"),
        "logits": rng.normal(size=(BATCH, COCO300.num_boxes, CLASSES)).astype("float32"),
        "gt_boxes": gt_boxes,
        "gt_labels": rng.integers(1, CLASSES, (BATCH, rows)).astype("int32"),
    }


def draw_boxes(rng: np.random.Generator, images: int, rows: int, *, sides: tuple[float, float]) -> np.ndarray:
    """(B, G, 4) float32, xyxy fractions inside the image; sides are log-uniform."""
    low, high = np.log(sides)
    size = np.exp(rng.uniform(low, high, (images, rows, 2)))
    corner = rng.uniform(0, 1, (images, rows, 2)) * (1 - size)
    return np.concatenate([corner, corner + size], axis=-1).astype("float32")


def tensorflow_step(problem: dict[str, np.ndarray], strategy: matcher.Strategy) -> Callable[[], object]:
    """One XLA-compiled function from ground truth and predictions to loss and gradients."""
    anchors = default_boxes(COCO300)
    tensors = {name: tf.constant(value) for name, value in problem.items()}

    @tf.function(jit_compile=True)
    def step(offsets: tf.Tensor, logits: tf.Tensor, gt_boxes: tf.Tensor, gt_labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
        target = matcher.targets(gt_boxes, gt_labels, anchors, strategy=strategy)
        with tf.GradientTape() as tape:
            tape.watch([offsets, logits])
            total = loss.multibox_loss(offsets, logits, *target).total
        return total, *tape.gradient(total, [offsets, logits])

    def run() -> float:
        return float(step(**tensors)[0])  # waits for the result

    return run


def torchvision_step(problem: dict[str, np.ndarray], model: SSD) -> Callable[[], object]:
    """The same through torchvision's own code, as `SSD.forward` calls it: matching image by image, then `compute_loss`."""
    tensors = {name: torch.from_numpy(value) for name, value in problem.items()}
    anchors_px = torch.from_numpy(boxes.to_xyxy(default_boxes(COCO300)).numpy()) * 300
    anchors = [anchors_px] * BATCH
    offsets, logits = tensors["offsets"].requires_grad_(), tensors["logits"].requires_grad_()
    targets = [
        {"boxes": image_boxes * 300, "labels": labels.long()}
        for image_boxes, labels in zip(tensors["gt_boxes"], tensors["gt_labels"], strict=True)
    ]

    def step() -> object:
        matches = [
            model.proposal_matcher(box_iou(target["boxes"], image_anchors))
            for image_anchors, target in zip(anchors, targets, strict=True)
        ]
        losses = model.compute_loss(targets, {"bbox_regression": offsets, "cls_logits": logits}, anchors, matches)
        return torch.autograd.grad(sum(losses.values()), [offsets, logits])

    return step


def candidates(rows: int, strategy: matcher.Strategy) -> Candidates:
    """`rows` ground-truth boxes an image."""
    problem = draw_problem(rows, seed=rows)
    model = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=CLASSES)
    return {"torchvision": torchvision_step(problem, model), "tf_ssd": tensorflow_step(problem, strategy)}


SECTIONS: Sections = {
    f"matching, loss, gradient, {rows} rows, {strategy}": partial(candidates, rows, strategy)
    for rows in (8, 100)
    for strategy in ("bipartite", "argmax")
}
