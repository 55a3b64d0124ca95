"""Matching + loss + gradient at batch 32, 8732 boxes, 21 classes.

torchvision runs its own matcher, box coder and `SSD.compute_loss`, unchanged.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf
import torch
from torchvision.models.detection.ssd import SSD

from benchmarks.matching import torchvision_matches, torchvision_ssd, torchvision_truth
from benchmarks.problems import Size, draw_problem
from benchmarks.report import Candidates, Sections
from tf_ssd import loss, matcher
from tf_ssd.config import COCO300, DefaultBoxesConfig
from tf_ssd.default_boxes import default_boxes


def tensorflow_step(
    problem: dict[str, np.ndarray], strategy: matcher.Strategy, config: DefaultBoxesConfig = COCO300
) -> Callable[[], object]:
    """One XLA-compiled function from ground truth and predictions to loss and gradients."""
    anchors = default_boxes(config)
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
    truth, anchors = torchvision_truth(problem)
    offsets, logits = (torch.from_numpy(problem[name]).requires_grad_() for name in ("offsets", "logits"))

    def step() -> object:
        matches = torchvision_matches(model, truth, anchors)
        losses = model.compute_loss(truth, {"bbox_regression": offsets, "cls_logits": logits}, anchors, matches)
        return torch.autograd.grad(sum(losses.values()), [offsets, logits])

    return step


def candidates(rows: int, strategy: matcher.Strategy) -> Candidates:
    """Both steps, for images with `rows` ground-truth boxes each."""
    problem = draw_problem(Size(rows=rows), seed=rows)
    return {"torchvision": torchvision_step(problem, torchvision_ssd()), "tf_ssd": tensorflow_step(problem, strategy)}


SECTIONS: Sections = {
    f"matching, loss, gradient, {rows} rows, {strategy}": partial(candidates, rows, strategy)
    for rows in (8, 100)
    for strategy in ("bipartite", "argmax")
}
