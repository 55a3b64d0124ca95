"""Corners that are fractions of their image, where pixels are expected."""

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from tf_ssd.data.images.decode import name_of
from tf_ssd.data.records import Dataset, Record
from tf_ssd.errors import DatasetError, Place


def require_pixels(dataset: Dataset, where: Place) -> None:
    """Raise DatasetError, which begins with `where`, if there are boxes and no corner of any is greater than 1.

    Annotations that are to give fractions are let pass. Records are read up to the first box that has such a corner: the first
    record, as a rule. What is wrong with a record is for whoever uses it to report.
    """
    first: Record | None = None
    for record in _with_boxes(dataset):
        if record.fractions or not are_fractions(record.boxes_px):
            return
        first = first or record
    if first is not None:
        raise fractions_error(where, f"in {name_of(first)}", first.boxes_px[0])


def are_fractions(boxes_px: np.ndarray) -> bool:
    """Whether there are boxes (N, 4), and no corner of any is greater than 1."""
    return len(boxes_px) > 0 and not (boxes_px > 1).any()


def fractions_error(where: Place, place: str, box: np.ndarray) -> DatasetError:
    """That the boxes of `where` are fractions, as their first one (4,), xyxy, shows; `place` says where that is."""
    what = f"no corner of any box is greater than 1 px; {place} the first box ends at x={box[2]:.6g}, y={box[3]:.6g}"
    advice = "these are fractions of the image: multiply x by its width in pixels, and y by its height"
    return DatasetError.at(where, f"{what}; {advice}", kind="fractions instead of pixels")


def _with_boxes(dataset: Dataset) -> Iterator[Record]:
    for index in range(len(dataset)):
        with suppress(DatasetError):
            record = dataset[index]
            if len(record.boxes_px):
                yield record
