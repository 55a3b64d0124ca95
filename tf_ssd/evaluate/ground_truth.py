"""The ground truth of a whole dataset, with the ids that files of results name images and classes by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from tf_ssd.boxes_px import area
from tf_ssd.data.readers.coco_ids import Id
from tf_ssd.data.records import Dataset, Record
from tf_ssd.errors import DatasetError, Place
from tf_ssd.metrics.images import ImageGroundTruth

Value = TypeVar("Value", int, str)


@dataclass(frozen=True)
class DatasetGroundTruth:
    """What detections are compared with.

    Attributes:
        class_names: the C - 1 classes, without background.
        category_ids: (C - 1) ids of the classes in files of results; None for a class that the annotation file does not know.
        image_ids: of the images in files of results, in the order of `images`: those of COCO's file, else the ids of the records.
        images: ground truth of each image.
        files: the image files, in the order of `images`, as paths or as the annotation file has them; none if there are no files.
    """

    class_names: tuple[str, ...]
    category_ids: tuple[Id | None, ...]
    image_ids: tuple[Id, ...]
    images: tuple[ImageGroundTruth, ...]
    files: tuple[str, ...] = ()

    @cached_property
    def position_of(self) -> dict[str, int]:
        """Places in `images` by image id, which is a text here: a record of COCO calls its image "139", the file 139."""
        return {str(image_id): position for position, image_id in enumerate(self.image_ids)}


def dataset_ground_truth(dataset: Dataset) -> DatasetGroundTruth:
    """The ground truth of every record, in order; `difficult` rows and crowds are left out. Classes go by their labels.

    No image is looked at: boxes whose image's size no annotation says are as annotated.

    Raises:
        DatasetError: a record cannot be used, or two have one id.
    """
    return ground_truth_of((dataset[index] for index in range(len(dataset))), dataset.class_names)


def ground_truth_of(records: Iterable[Record], class_names: Sequence[str]) -> DatasetGroundTruth:
    """The ground truth of some records, each looked at once; otherwise as `dataset_ground_truth`."""
    images, ids, files = [], [], []
    for record in records:
        images.append(image_ground_truth(record))
        ids.append(record.id)
        files += [str(record.image)] if isinstance(record.image, Path) else []
    labels = tuple(range(1, len(class_names) + 1))
    in_files = tuple(files) if len(files) == len(ids) else ()
    return DatasetGroundTruth(tuple(class_names), labels, tuple(distinct(ids, Place("records"))), tuple(images), in_files)


def image_ground_truth(record: Record) -> ImageGroundTruth:
    """The ground truth of a record, in pixels."""
    left_out = record.difficult | record.crowd
    return ImageGroundTruth(record.boxes_px, record.labels, left_out, record.crowd, area(record.boxes_px))


def distinct(ids: Iterable[Value], where: Place) -> list[Value]:
    """The ids as a list; raises DatasetError, which begins with `where`, if one is repeated."""
    seen: dict[Value, None] = {}
    for image_id in ids:
        if image_id in seen:
            raise DatasetError.at(where, f"the id {image_id!r} is given twice; make the ids unique", kind="repeated ids")
        seen[image_id] = None
    return list(seen)
