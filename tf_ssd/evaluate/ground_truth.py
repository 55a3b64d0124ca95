"""The ground truth of a whole dataset, with the ids that files of results name images and classes by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from tf_ssd.boxes_px import Size, area
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
        sizes: of the images to which the boxes belong, None where it is not known; none at all if nobody asked the records.
    """

    class_names: tuple[str, ...]
    category_ids: tuple[Id | None, ...]
    image_ids: tuple[Id, ...]
    images: tuple[ImageGroundTruth, ...]
    files: tuple[str, ...] = ()
    sizes: tuple[Size | None, ...] = ()

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
    images, ids, files, sizes = [], [], [], []
    for record in records:
        images.append(image_ground_truth(record))
        ids.append(record.id)
        sizes.append(record.size)
        files += [str(record.image)] if isinstance(record.image, Path) else []
    labels = tuple(range(1, len(class_names) + 1))
    in_files = tuple(files) if len(files) == len(ids) else ()
    unique = tuple(distinct(ids, Place("records")))
    return DatasetGroundTruth(tuple(class_names), labels, unique, tuple(images), in_files, tuple(sizes))


def anything_counts(dataset: Dataset) -> bool:
    """Whether there is a box that is not left out; records are read until one has such a box. Raises DatasetError as they do."""
    return any((~(record.difficult | record.crowd)).any() for record in (dataset[index] for index in range(len(dataset))))


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
