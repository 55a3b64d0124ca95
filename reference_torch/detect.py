"""Detections of one image: scores, decode, and per-class non-maximum suppression."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from reference_torch.boxes import area, clip, iou
from reference_torch.coder import MAX_LOG_SCALE, decode
from reference_torch.scores import probabilities


class Detections(NamedTuple):
    """What was found in one image, D rows without padding."""

    boxes: Tensor  # (D, 4) xyxy, clipped to the image
    labels: Tensor  # (D,) int64, 1..C-1
    scores: Tensor  # (D,) highest first


@torch.no_grad()
def nms(boxes: Tensor, scores: Tensor, *, iou_threshold: float) -> Tensor:
    """Greedy non-maximum suppression: boxes xyxy (N, 4), scores (N,) -> int64 indices of the kept, best score first.

    A box is removed if its IoU with a better box that is kept is > iou_threshold; of equal scores the lowest index is
    better. A box without area is not removed and removes no other. Source: paper, section 2.2; torchvision.
    """
    order = scores.argsort(descending=True, stable=True)  # [N]
    removes = (iou(boxes[order], boxes[order]) > iou_threshold).tolist()  # [N][N]
    kept: list[int] = []
    for box in range(len(order)):
        if not any(removes[better][box] for better in kept):
            kept.append(box)
    return order[kept]


def detect(
    offsets: Tensor,
    logits: Tensor,
    default_boxes: Tensor,
    *,
    variances: tuple[float, float] = (0.1, 0.2),
    max_log_scale: float | None = MAX_LOG_SCALE,
    score_threshold: float = 0.01,
    iou_threshold: float = 0.45,
    top_k: int = 400,
    max_detections: int = 200,
    class_agnostic: bool = False,
    scores: str = "softmax",
) -> Detections:
    """Find at most max_detections from offsets (K, 4), logits (K, C), default_boxes (K, 4) cxcywh; best score first.

    A box clipped to the image must have area > 0, which NaN has not. For each class but 0, which is background: take scores >
    score_threshold, of these the top_k best, and apply `nms` to their boxes. Then take the best of all classes. Of equal scores the
    lowest class is better, then the lowest default box. class_agnostic: each box has its best class only, all are one set. scores:
    "softmax" or "sigmoid". Dtype of the predictions, at least float32. Source: paper, 3.1; Caffe SSD; clip: torchvision.
    """
    offsets, logits = (x.float() if x.dtype in (torch.float16, torch.bfloat16) else x for x in (offsets, logits))
    boxes = clip(decode(offsets, default_boxes, variances=variances, max_log_scale=max_log_scale))  # [K,4]
    class_scores = probabilities(logits, scores=scores)  # [K,C]
    eligible = (class_scores > score_threshold) & (area(boxes) > 0)[:, None]  # [K,C]
    eligible[:, 0] = False  # background
    if class_agnostic:
        eligible &= one_hot(class_scores[:, 1:].argmax(dim=1) + 1, class_scores.shape[1]).bool()  # of equal scores the first
    pairs = torch.nonzero(eligible)  # [pairs,2] default box and class
    found = []
    for candidates in [pairs] if class_agnostic else [pairs[pairs[:, 1] == c] for c in range(1, class_scores.shape[1])]:
        best = class_scores[tuple(candidates.T)].argsort(descending=True, stable=True)[:top_k]
        index, labels = candidates[best].unbind(1)  # [candidates] [candidates]
        found.append(candidates[best][nms(boxes[index], class_scores[index, labels], iou_threshold=iou_threshold)])
    index, labels = torch.cat(found).unbind(1)  # [found] [found]
    best = class_scores[index, labels].argsort(descending=True, stable=True)[:max_detections]  # stable: lowest class first
    return Detections(boxes[index[best]], labels[best], class_scores[index[best], labels[best]])
