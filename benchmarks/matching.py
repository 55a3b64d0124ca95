"""Default boxes, and matching at batch 32, 8732 default boxes.

Default boxes are timed as one call that makes them; neither side keeps them between calls. torchvision makes this call in every
forward pass, tf_ssd once, when a function is compiled. Matching goes from ground truth to what the loss compares with: offsets and
labels. torchvision encodes the offsets of positives only. In torchvision each row claims its best default box, as with "argmax";
"bipartite" is more work.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
from torchvision.ops import box_iou

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip  after torchvision: the process aborts otherwise

from benchmarks.problems import Size, draw_problem
from benchmarks.report import Candidates, Sections
from tf_ssd import boxes, matcher
from tf_ssd.config import COCO300, DefaultBoxesConfig
from tf_ssd.default_boxes import default_boxes

IMAGE_SIZE = COCO300.image_size
OF_TORCHVISION = replace(COCO300, clip="size")  # its settings of the default boxes


def torchvision_ssd(classes: int = 21) -> SSD:
    """The SSD300 of torchvision, with random weights."""
    return ssd300_vgg16(weights=None, weights_backbone=None, num_classes=classes)


def default_box_candidates() -> Candidates:
    """Default boxes (8732, 4) of one image, as corners."""
    generator = torchvision_ssd().anchor_generator
    image = ImageList(torch.empty(1, 3, IMAGE_SIZE, IMAGE_SIZE), [(IMAGE_SIZE, IMAGE_SIZE)])
    feature_maps = [torch.empty(1, 1, cells, cells) for cells in OF_TORCHVISION.feature_maps]
    return {
        "torchvision": lambda: generator(image, feature_maps)[0],
        "tf_ssd": lambda: boxes.to_xyxy(default_boxes(OF_TORCHVISION)).numpy(),
    }


def tensorflow_targets(
    problem: dict[str, np.ndarray], strategy: matcher.Strategy, config: DefaultBoxesConfig = COCO300
) -> Callable[[], matcher.Targets]:
    """tf_ssd's matching, compiled by XLA as in training."""
    anchors = default_boxes(config)
    truth = tf.constant(problem["gt_boxes"]), tf.constant(problem["gt_labels"])
    find = tf.function(partial(matcher.targets, strategy=strategy), jit_compile=True)

    def run() -> matcher.Targets:
        targets = find(*truth, anchors)
        targets.labels.numpy()  # waits for the result
        return targets

    return run


def torchvision_truth(problem: dict[str, np.ndarray]) -> tuple[list[dict[str, Tensor]], list[Tensor]]:
    """What `SSD.forward` works with: boxes and labels of each image, and the default boxes of each, in pixels."""
    anchors_px = torch.from_numpy(boxes.to_xyxy(default_boxes(COCO300)).numpy()) * IMAGE_SIZE
    truth = [
        {"boxes": torch.from_numpy(image_boxes) * IMAGE_SIZE, "labels": torch.from_numpy(labels).long()}
        for image_boxes, labels in zip(problem["gt_boxes"], problem["gt_labels"], strict=True)
    ]
    return truth, [anchors_px] * len(truth)


def torchvision_matches(model: SSD, truth: list[dict[str, Tensor]], anchors: list[Tensor]) -> list[Tensor]:
    """Matches of torchvision, found image by image as in `SSD.forward`."""
    return [
        model.proposal_matcher(box_iou(image["boxes"], image_anchors)) for image, image_anchors in zip(truth, anchors, strict=True)
    ]


def torchvision_targets(problem: dict[str, np.ndarray], model: SSD) -> Callable[[], list[tuple[Tensor, Tensor]]]:
    """For each image the offsets of its positives, and the labels (K,), as `SSD.compute_loss` finds them."""
    truth, anchors = torchvision_truth(problem)

    def of_image(image: dict[str, Tensor], image_anchors: Tensor, match: Tensor) -> tuple[Tensor, Tensor]:
        (positive,) = torch.where(match >= 0)
        rows = match[positive]
        labels = torch.zeros(len(match), dtype=torch.int64)
        labels[positive] = image["labels"][rows]
        return model.box_coder.encode_single(image["boxes"][rows], image_anchors[positive]), labels

    return lambda: [of_image(*each) for each in zip(truth, anchors, torchvision_matches(model, truth, anchors), strict=True)]


def matching_candidates(rows: int, strategy: matcher.Strategy) -> Candidates:
    """Both ways of matching, for images with `rows` ground-truth boxes each."""
    problem = draw_problem(Size(rows=rows), seed=rows)
    return {"torchvision": torchvision_targets(problem, torchvision_ssd()), "tf_ssd": tensorflow_targets(problem, strategy)}


SECTIONS: Sections = {
    "default boxes": default_box_candidates,
    **{
        f"matching, {rows} rows, {strategy}": partial(matching_candidates, rows, strategy)
        for rows in (8, 100)
        for strategy in ("bipartite", "argmax")
    },
}
