"""The ground truth of a COCO annotation file as COCO's own tools take it: boxes and areas as they are written, nothing clipped."""

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

import numpy as np

from tf_ssd.boxes_px import area, from_xywh
from tf_ssd.data.classes import require_class_names
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.coco_json import Annotation, CocoFile, read_coco
from tf_ssd.errors import DatasetError, Place
from tf_ssd.evaluate.ground_truth import DatasetGroundTruth, distinct
from tf_ssd.metrics.images import ImageGroundTruth


def read_coco_ground_truth(path: Path, *, class_names: Sequence[str] | None = None) -> DatasetGroundTruth:
    """Images in the order of their ids, as COCO's tools take them; `iscrowd` rows are left out.

    Args:
        path: the annotation file.
        class_names: the classes in the order of their labels, which categories are looked up in by name; None takes all
            categories in the order of their ids.

    Raises:
        DatasetError: the file is not COCO JSON; an id or a name is repeated; an annotation is of an unknown image, of an unknown
            category or of one that is not among `class_names`.
    """
    file = read_coco(path, Notes())
    image_ids = sorted(distinct([image.id for image in file.images], Place(path, "images")))
    distinct([category.id for category in file.categories], Place(path, "categories"))
    categories = sorted(file.categories, key=attrgetter("id"))
    names = [category.name.strip() for category in categories]
    class_names = require_class_names(names if class_names is None else class_names, Place(path))
    id_of = {name: category.id for name, category in zip(names, categories, strict=True)}
    category_ids = tuple(id_of.get(name) for name in class_names)
    return DatasetGroundTruth(class_names, category_ids, tuple(image_ids), _images(file, path, image_ids, category_ids))


def _images(
    file: CocoFile, path: Path, image_ids: Sequence[int], category_ids: Sequence[int | None]
) -> tuple[ImageGroundTruth, ...]:
    """One entry for each of `image_ids`, rows in the order of the file."""
    position_of = {number: position for position, number in enumerate(image_ids)}
    label_of = {number: label for label, number in enumerate(category_ids, start=1) if number is not None}
    rows: list[list[Annotation]] = [[] for _ in image_ids]
    for number, row in enumerate(file.annotations):
        if row.image_id not in position_of:
            what = f"there is no image with the id {row.image_id}; add it"
            raise DatasetError.at(Place(path, f"annotations[{number}]"), what, kind="boxes of unknown images")
        if row.category_id not in label_of:
            what = f"category {row.category_id} is none of the classes; add it to them"
            raise DatasetError.at(Place(path, f"annotations[{number}]"), what, kind="unknown classes")
        rows[position_of[row.image_id]].append(row)
    return tuple(_image(members, label_of) for members in rows)


def _image(rows: Sequence[Annotation], label_of: dict[int, int]) -> ImageGroundTruth:
    boxes_px = from_xywh(np.array([row.bbox for row in rows], np.float64).reshape(-1, 4))  # (G, 4)
    areas = [inside if row.area is None else row.area for row, inside in zip(rows, area(boxes_px).tolist(), strict=True)]
    labels = np.array([label_of[row.category_id] for row in rows], np.int32)
    return ImageGroundTruth(boxes_px, labels, np.array([row.iscrowd for row in rows], bool), np.array(areas, np.float64))
