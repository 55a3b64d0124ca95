"""The ground truth of a COCO annotation file as COCO's own tools take it: boxes and areas as they are written, nothing clipped."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_ssd.boxes_px import area, from_xywh
from tf_ssd.data.classes import require_class_names
from tf_ssd.data.fractions import are_fractions, fractions_error
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.coco_ids import Id, order, places
from tf_ssd.data.readers.coco_json import Annotation, Category, CocoFile, read_coco, unique
from tf_ssd.errors import DatasetError, Place
from tf_ssd.evaluate.ground_truth import DatasetGroundTruth
from tf_ssd.metrics.images import ImageGroundTruth


def read_coco_ground_truth(path: Path, *, class_names: Sequence[str] | None = None) -> DatasetGroundTruth:
    """Images in the order of their ids, as COCO's tools take them; `iscrowd` rows are left out.

    Args:
        path: the annotation file.
        class_names: the classes in the order of their labels, which categories are looked up in by name; None takes all
            categories in the order of their ids. Of categories of one name, one without boxes does not count.

    Raises:
        DatasetError: the file is not COCO JSON; an id or a name is repeated; an annotation is of an unknown image, of an unknown
            category or of one that is not among `class_names`; or all boxes are fractions.
    """
    notes = Notes()
    file = read_coco(path, notes)
    image_ids = sorted((image.id for image in unique(file.images, Place(path, "images"), notes)), key=order)
    categories = _told_apart(unique(file.categories, Place(path, "categories"), notes), file.annotations)
    categories = sorted(categories, key=lambda category: order(category.id))
    names = [category.name_text for category in categories]
    class_names = require_class_names(names if class_names is None else class_names, Place(path))
    id_of = {name: category.id for name, category in zip(names, categories, strict=True)}
    category_ids = tuple(id_of.get(name) for name in class_names)
    images, file_of = _images(file, path, image_ids, category_ids), {image.id: image.file_name or "" for image in file.images}
    boxes_px = from_xywh(np.array([row.bbox for row in file.annotations], np.float64).reshape(-1, 4))  # (M, 4)
    if are_fractions(boxes_px):
        raise fractions_error(Place(path), f"in image {file.annotations[0].image_id!r}", boxes_px[0])
    return DatasetGroundTruth(class_names, category_ids, tuple(image_ids), images, tuple(file_of[number] for number in image_ids))


def _told_apart(categories: Sequence[Category], rows: Sequence[Annotation]) -> list[Category]:
    """Without those that have no boxes and the name of another, as parents of a group often do."""
    place_of, counts = places([category.id for category in categories]), Counter(category.name_text for category in categories)
    used = {place_of.get(row.category_id) for row in rows}
    return [category for place, category in enumerate(categories) if counts[category.name_text] == 1 or place in used]


def _images(file: CocoFile, path: Path, image_ids: Sequence[Id], category_ids: Sequence[Id | None]) -> tuple[ImageGroundTruth, ...]:
    """One entry for each of `image_ids`, rows in the order of the file."""
    position_of, label_of = places(image_ids), label_of_categories(category_ids)
    rows: list[list[tuple[Annotation, int, float | None]]] = [[] for _ in image_ids]
    for number, row in enumerate(file.annotations):
        where = Place(path, f"annotations[{number}]")
        if row.image_id not in position_of:
            what = f"there is no image with the id {row.image_id!r}; add it"
            raise DatasetError.at(where, what, kind="boxes of unknown images")
        if row.category_id not in label_of:
            what = f"category {row.category_id!r} is none of the classes; add it to them"
            raise DatasetError.at(where, what, kind="unknown classes")
        rows[position_of[row.image_id]].append((row, label_of[row.category_id], _area(row, where)))
    return tuple(map(_image, rows))


def label_of_categories(category_ids: Sequence[Id | None]) -> dict[Id, int]:
    """The label of each category id, by every spelling of it."""
    known = [(label, number) for label, number in enumerate(category_ids, start=1) if number is not None]
    return {spelling: known[place][0] for spelling, place in places([number for _, number in known]).items()}


def _area(row: Annotation, where: Place) -> float | None:
    """The area that an annotation states."""
    if row.area is None or (isinstance(row.area, int | float) and math.isfinite(row.area)):
        return row.area
    raise DatasetError.at(where, f"area is {row.area!r}; write a number, or leave it out")


def _image(rows: Sequence[tuple[Annotation, int, float | None]]) -> ImageGroundTruth:
    boxes_px = from_xywh(np.array([row.bbox for row, *_ in rows], np.float64).reshape(-1, 4))  # (G, 4)
    areas = [inside if stated is None else stated for (*_, stated), inside in zip(rows, area(boxes_px).tolist(), strict=True)]
    labels = np.array([label for _, label, _ in rows], np.int32)
    crowd = np.array([row.iscrowd for row, *_ in rows], bool)
    return ImageGroundTruth(boxes_px, labels, crowd, crowd, np.array(areas, np.float64))
