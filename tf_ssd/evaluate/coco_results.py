"""Files of COCO results against the ground truth that they belong to."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tf_ssd.boxes_px import from_xywh
from tf_ssd.data.fractions import are_fractions, fractions_error
from tf_ssd.data.readers.coco_ids import Id
from tf_ssd.errors import DatasetError, Place
from tf_ssd.evaluate.coco_ground_truth import label_of_categories
from tf_ssd.evaluate.ground_truth import DatasetGroundTruth
from tf_ssd.evaluate.image_names import ImageNames
from tf_ssd.metrics.images import ImageDetections
from tf_ssd.predict.coco_results import CocoResult, encoded, read_rows, results
from tf_ssd.system.files import write_new
from tf_ssd.system.words import counted


def read_results(path: Path, ground_truth: DatasetGroundTruth) -> list[ImageDetections]:
    """The detections in a file, one entry for each image of `ground_truth`, in the order of the file.

    An `image_id` is one of `ground_truth.image_ids`, or the name of an image file, as `ImageNames` has it. A `category_id` is one
    of its `category_ids`; where a row names its `class`, as predict writes it, that name counts instead.

    Raises:
        DatasetError: the file cannot be read or has another form, or a row names an image or a category that is unknown
            or not the only one, or all boxes are fractions.
    """
    rows = read_rows(path)
    images = np.fromiter(_positions(rows, path, ground_truth), np.int64, len(rows))  # (N,)
    labels = np.fromiter(_labels(rows, path, ground_truth), np.int32, len(rows))  # (N,)
    boxes_px = from_xywh(np.array([row.bbox for row in rows], np.float64).reshape(-1, 4))  # (N, 4)
    if are_fractions(boxes_px):
        raise fractions_error(Place(path), f"in image {rows[0].image_id!r}", boxes_px[0])
    scores = np.array([row.score for row in rows], np.float64)  # (N,)
    order = np.argsort(images, kind="stable")
    ends = np.cumsum(np.bincount(images, minlength=len(ground_truth.images)))[:-1]
    columns = (np.split(column[order], ends) for column in (boxes_px, labels, scores))
    return [ImageDetections(*parts) for parts in zip(*columns, strict=True)]


def write_results(path: Path, detections: Sequence[ImageDetections], ground_truth: DatasetGroundTruth) -> int:
    """Write detections, one entry for each image of `ground_truth`, for `read_results` and for COCO's own tools.

    Returns:
        How many were left out because their class has no id in the annotation file.

    Raises:
        ConfigError: the file cannot be written.
    """
    rows = [
        row for position, image in enumerate(detections) for row in _results(image, ground_truth.image_ids[position], ground_truth)
    ]
    write_new(path, b"[\n" + b",\n".join(map(encoded, rows)) + b"\n]\n")
    return sum(len(image.labels) for image in detections) - len(rows)


def _positions(rows: Sequence[CocoResult], path: Path, ground_truth: DatasetGroundTruth) -> Iterator[int]:
    names = ImageNames(ground_truth.image_ids, ground_truth.files)
    found = {image_id: names.find(image_id) for image_id in {row.image_id for row in rows}}
    for number, row in enumerate(rows):
        image_id, positions = row.image_id, found[row.image_id]
        if len(positions) > 1:
            first, second = (ground_truth.files[position] for position in positions[:2])
            what = f"{image_id!r} may be {first} or {second}; write the image's id, or more of its path"
            raise DatasetError.at(Place(path, f"[{number}]"), what, kind="boxes of unknown images")
        if not positions:
            known = f"{counted(len(ground_truth.image_ids), 'image')}, the first is {ground_truth.image_ids[0]!r}"
            what = (
                f"there is no image with the id {image_id!r} in the dataset ({known}), nor one of this name; is it the same split?"
            )
            raise DatasetError.at(Place(path, f"[{number}]"), what, kind="boxes of unknown images")
        yield positions[0]


def _labels(rows: Sequence[CocoResult], path: Path, ground_truth: DatasetGroundTruth) -> Iterator[int]:
    label_of = label_of_categories(ground_truth.category_ids)
    label_named = {name: label for label, name in enumerate(ground_truth.class_names, start=1)}
    for number, row in enumerate(rows):
        named = row.class_name is not None
        label = label_named.get(row.class_name) if named else label_of.get(row.category_id)  # type: ignore[arg-type]  # 1.0 is 1
        if label is None:
            ids = zip(ground_truth.category_ids, ground_truth.class_names, strict=True)
            known = ", ".join(f"{key} ({name})" for key, name in ids if key is not None)
            which = f"class {row.class_name!r}" if named else f"category with the id {row.category_id!r}"
            what = f"there is no {which}; there are {known}" + (
                "; give --classes the class map of the detector, classes.txt in the folder of its run" if named else ""
            )
            raise DatasetError.at(Place(path, f"[{number}]"), what, kind="unknown classes")
        yield label


def _results(detections: ImageDetections, image_id: Id, ground_truth: DatasetGroundTruth) -> Iterator[CocoResult]:
    """The rows of one image, without those whose class has no id."""
    ids = [ground_truth.category_ids[label - 1] for label in detections.labels.tolist()]
    known = np.array([number is not None for number in ids], bool)
    return results(image_id, detections.boxes_px[known], [number for number in ids if number is not None], detections.scores[known])
