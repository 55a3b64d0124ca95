"""The twelve numbers of COCO, computed by faster-coco-eval, whose results equal those of pycocotools."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf_ssd.boxes_px import area, to_xywh
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth
from tf_ssd.metrics.scores import AveragePrecision, Curve

NAMES = ("AP", "AP50", "AP75", "AP small", "AP medium", "AP large", "AR1", "AR10", "AR100", "AR small", "AR medium", "AR large")
RECALLS = np.linspace(0, 1, 101)
# Indices into the evaluator's arrays.
ALL_AREAS, AT_MOST_100 = 0, -1
NO_SIZE = -1.0  # an area outside every range of sizes, also outside that of all of them
IOU50, IOU75 = 0, 5


def coco(detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], *, num_classes: int) -> AveragePrecision:
    """Average precision over IoU 0.50, 0.55, ... 0.95, at most 100 detections per image and class, and COCO's other numbers.

    Crowds count as COCO's `iscrowd`: any number of detections may lie in them. Other ground truth that is left out, which COCO does
    not have, counts as an object of a size that is not asked for: it is not missed, and the detection that matches it by the
    ordinary IoU is left out too, after all objects that count; a second one is a false positive. `per_class` is AP, `details` has
    AP50, AP75 and AR100.

    Args:
        detections: one entry per image; equal scores are taken in their order.
        ground_truth: one entry per image, in the same order.
        num_classes: C, background included.

    Source: Lin et al. 2014; cocodataset/cocoapi.
    """
    from faster_coco_eval import COCO, COCOeval_faster  # compiled code that only this metric needs

    frame = {
        "images": [{"id": number} for number in range(1, len(ground_truth) + 1)],
        "categories": [{"id": label} for label in range(1, num_classes)],
    }
    evaluator = COCOeval_faster(
        COCO({**frame, "annotations": list(_ground_truth_rows(ground_truth))}),
        COCO({**frame, "annotations": list(_detection_rows(detections))}),
        "bbox",
    )
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    precision = np.asarray(evaluator.eval["precision"])[..., ALL_AREAS, AT_MOST_100]  # (T, 101, C - 1)
    recall = np.asarray(evaluator.eval["recall"])[..., ALL_AREAS, AT_MOST_100]  # (T, C - 1)
    summary = {name: _defined(value) for name, value in zip(NAMES, evaluator.stats[: len(NAMES)], strict=True)}
    per_class = _means(precision)
    labels = np.concatenate([np.zeros(0, int), *(truth.labels[~truth.left_out] for truth in ground_truth)])
    details = {"AP50": _means(precision[IOU50]), "AP75": _means(precision[IOU75]), "AR100": _means(recall)}
    counts = np.bincount(labels, minlength=num_classes)[1:]
    return AveragePrecision(per_class, counts, summary["AP"], _curves(precision[IOU50]), details, summary)


def _ground_truth_rows(ground_truth: Sequence[ImageGroundTruth]) -> Iterator[dict[str, Any]]:
    number = 0
    for image, truth in enumerate(ground_truth, start=1):
        areas_px = np.where(truth.left_out & ~truth.crowd, NO_SIZE, truth.areas_px)
        columns = (truth.labels, to_xywh(truth.boxes_px), areas_px, truth.crowd)
        for label, bbox, surface, crowd in zip(*(column.tolist() for column in columns), strict=True):
            number += 1  # from 1: the evaluator takes 0 for "no ground truth"
            yield {"id": number, "image_id": image, "category_id": label, "bbox": bbox, "area": surface, "iscrowd": int(crowd)}


def _detection_rows(detections: Sequence[ImageDetections]) -> Iterator[dict[str, Any]]:
    number = 0
    for image, found in enumerate(detections, start=1):
        columns = (found.labels, to_xywh(found.boxes_px), area(found.boxes_px), found.scores)
        for label, bbox, surface, score in zip(*(column.tolist() for column in columns), strict=True):
            number += 1
            yield {"id": number, "image_id": image, "category_id": label, "bbox": bbox, "area": surface, "score": score}


def _curves(precision: np.ndarray) -> tuple[Curve, ...]:
    """The curve of each class from precisions (101, C - 1), which are -1 where a class has no ground truth."""
    empty = np.zeros(0)
    return tuple(Curve(RECALLS, column) if column.min() >= 0 else Curve(empty, empty) for column in precision.T)


def _means(values: np.ndarray) -> np.ndarray:
    """Means (C - 1,) of (..., C - 1); NaN where a class has no ground truth, which the evaluator marks by -1."""
    columns = values.reshape(-1, values.shape[-1])
    return np.where(columns.min(axis=0) >= 0, columns.mean(axis=0), np.nan)


def _defined(value: float) -> float:
    return float(value) if value >= 0 else np.nan
