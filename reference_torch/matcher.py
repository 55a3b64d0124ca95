"""Matching: which ground truth each default box of one image is trained on. Nothing here has a gradient."""

from typing import NamedTuple

import torch
from torch import Tensor

from reference_torch.boxes import area, iou, to_xyxy
from reference_torch.coder import encode

IGNORED = -100  # a label of ground truth and of default boxes that are not trained on, as torch's `ignore_index`


class Targets(NamedTuple):
    """What the network should answer for one image."""

    offsets: Tensor  # (K, 4) of the matched ground truth, 0 for background
    labels: Tensor  # (K,) int64, 0 = background, IGNORED = neither


@torch.no_grad()
def match(
    gt_boxes: Tensor, gt_labels: Tensor, default_boxes: Tensor, *, threshold: float = 0.5, strategy: str = "bipartite"
) -> Tensor:
    """Ground-truth row of each default box, (K,) int64, -1 = background; G may be 0.

    gt_boxes (G, 4) xyxy, gt_labels (G,) integer, default_boxes (K, 4) cxcywh. A row with label <= 0 (padding; but for IGNORED) or
    without area never matches. First ground truths that are not IGNORED claim default boxes, by the strategy:
    "bipartite" (paper, section 2.2; Caffe SSD): again and again the best pair of those left, while its IoU > 1e-6;
    "argmax" (torchvision): each takes its best default box, however small the overlap; the last row wins a collision.
    Then every default box nobody claimed takes its best ground truth if IoU >= threshold, ties to the lowest row.
    """
    if strategy not in ("bipartite", "argmax"):
        raise ValueError(f"strategy is {strategy!r}; use 'bipartite' or 'argmax'")
    rows = torch.nonzero(((gt_labels > 0) | (gt_labels == IGNORED)) & (area(gt_boxes) > 0)).flatten().tolist()
    objects = [row for row in rows if gt_labels[row] > 0]
    overlaps = iou(gt_boxes, to_xyxy(default_boxes))  # [G,K]
    claims = _claim_bipartite(overlaps, objects) if strategy == "bipartite" else _claim_argmax(overlaps, objects)
    return torch.where(claims >= 0, claims, _above_threshold(overlaps, rows, threshold))


def _claim_bipartite(overlaps: Tensor, rows: list[int]) -> Tensor:
    claims = overlaps.new_full((overlaps.shape[1],), -1, dtype=torch.int64)  # [K]
    remaining = overlaps[rows]  # [len(rows),K]
    for _ in range(min(remaining.shape)):
        # argmax gives the first of equals, row by row: the lowest row, then the lowest default box.
        row, box = divmod(int(remaining.argmax()), overlaps.shape[1])
        if not remaining[row, box] > 1e-6:
            break
        claims[box] = rows[row]
        remaining[row, :] = 0
        remaining[:, box] = 0
    return claims


def _claim_argmax(overlaps: Tensor, rows: list[int]) -> Tensor:
    claims = overlaps.new_full((overlaps.shape[1],), -1, dtype=torch.int64)  # [K]
    for row in rows:
        claims[overlaps[row].argmax()] = row
    return claims


def _above_threshold(overlaps: Tensor, rows: list[int], threshold: float) -> Tensor:
    best_row = overlaps.new_full((overlaps.shape[1],), -1, dtype=torch.int64)  # [K]
    best_overlap = overlaps.new_full((overlaps.shape[1],), -1)  # [K]
    for row in rows:
        better = overlaps[row] > best_overlap  # strictly: an equal one stays with the lower row
        best_row[better] = row
        best_overlap[better] = overlaps[row][better]
    return torch.where(best_overlap >= threshold, best_row, -1)


@torch.no_grad()
def targets(
    gt_boxes: Tensor,
    gt_labels: Tensor,
    default_boxes: Tensor,
    *,
    variances: tuple[float, float] = (0.1, 0.2),
    threshold: float = 0.5,
    strategy: str = "bipartite",
) -> Targets:
    """Offsets (K, 4), dtype of gt_boxes, and labels (K,) int64: the ground truth of each default box, encoded.

    Arguments and source as in `match`; offsets as in `coder.encode`. Background has offsets 0 and label 0, IGNORED offsets 0.
    """
    gt_index = match(gt_boxes, gt_labels, default_boxes, threshold=threshold, strategy=strategy)  # [K]
    matched = gt_index >= 0
    offsets = torch.zeros_like(default_boxes, dtype=gt_boxes.dtype)  # [K,4]
    labels = torch.zeros_like(gt_index)  # [K]
    labels[matched] = gt_labels[gt_index[matched]].long()
    positive = labels > 0
    offsets[positive] = encode(gt_boxes[gt_index[positive]], default_boxes[positive], variances=variances).to(gt_boxes.dtype)
    return Targets(offsets, labels)
