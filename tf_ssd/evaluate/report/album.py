"""The pictures of a page: each part of an image once, with the boxes in it, and a bound on their number."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from tf_ssd.boxes_px import to_xywh
from tf_ssd.config import Exif
from tf_ssd.data.records import Dataset
from tf_ssd.errors import DatasetError
from tf_ssd.evaluate.report.thumbnails import Part, Picture, part_around, placed, read_picture, thumbnail
from tf_ssd.metrics.errors import Judged, JudgedDetections, JudgedGroundTruth, Kind
from tf_ssd.system.names import printable

MOST_PICTURES = 150
MOST_BOXES = 400  # detections drawn in a picture, those of the best scores, and objects, those that are missed first
STYLES = ("right", "wrong", "left")  # how a detection is drawn: a hit, a false alarm, what the metric leaves out

Side = Literal["found", "truth"]
SIDES: tuple[Side, ...] = ("found", "truth")


class Images(NamedTuple):
    """The images that were evaluated: a dataset, the place of each in it, and whether they are turned."""

    dataset: Dataset
    places: Sequence[int]
    exif: Exif

    def name(self, image: int) -> str:
        """What an image is called: its file without folders, or its record."""
        record = self.dataset[self.places[image]]
        return printable(record.image.name if isinstance(record.image, Path) else record.id)


class Card(NamedTuple):
    """A picture about one of its boxes: which, whether about a detection or an object, in which row, and a remark."""

    picture: int
    side: Side
    row: int
    words: str


class Album:
    """Pictures, made as they are asked for.

    Args:
        images: that were evaluated.
        judged: what was found in them.
        class_names: the C - 1 classes.
        passes: how many of the page's thresholds each detection exceeds (N,), and that which finds each object (M,).

    Attributes:
        images, judged, class_names: as given.
        pictures: for the page, in the order in which they were asked for.
        unreadable: names of the images that cannot be read, by their numbers.
    """

    def __init__(self, images: Images, judged: Judged, class_names: Sequence[str], passes: dict[Side, np.ndarray]) -> None:
        self.images, self.judged, self.class_names, self._passes = images, judged, class_names, passes
        self.pictures: list[dict[str, Any]] = []
        self.unreadable: dict[int, str] = {}
        self._places: dict[tuple[int, Part], int] = {}
        self._rows: list[dict[Side, dict[int, int]]] = []  # of each picture the place of each detection and object in it

    @property
    def full(self) -> bool:
        """Whether no picture can be added."""
        return len(self.pictures) >= MOST_PICTURES

    def card(self, side: Side, number: int, words: str) -> Card | None:
        """A card about a detection or an object, by its number; None if its picture cannot be read, or there are too many."""
        judged = self._of(side)
        place = self._picture(int(judged.images[number]), judged.boxes_px[number])
        if place is None or number not in self._rows[place][side]:
            return None
        return Card(place, side, self._rows[place][side][number], words)

    def _picture(self, image: int, box_px: np.ndarray) -> int | None:
        """The place in `pictures` of the part of an image around a box; it is made if it is not there yet."""
        if image in self.unreadable:
            return None
        try:
            picture = read_picture(self.images.dataset[self.images.places[image]], exif=self.images.exif)
            part = part_around(box_px, picture)
            if (image, part) not in self._places:
                if self.full:
                    return None
                self._add(image, picture, part)
        except DatasetError:
            self.unreadable[image] = self.images.name(image)
            return None
        return self._places[image, part]

    def _add(self, image: int, picture: Picture, part: Part) -> None:
        copy = thumbnail(picture, part)
        rows: dict[Side, dict[int, int]] = {}
        drawn: dict[str, list[list[float]]] = {}
        for side, numbers in self._numbers(image).items():
            boxes = placed(self._of(side).boxes_px[numbers], picture, part, copy)  # (R, 4)
            inside = np.flatnonzero(np.all((boxes[:, 2:] > 0) & (boxes[:, :2] < copy.size), axis=1))[:MOST_BOXES]
            rows[side] = {number: row for row, number in enumerate(numbers[inside].tolist())}
            drawn[side] = self._described(side, numbers[inside], to_xywh(boxes[inside]))
        self._places[image, part] = len(self.pictures)
        self._rows.append(rows)
        width, height = copy.size
        self.pictures.append({"name": self.images.name(image), "src": copy.src, "width": width, "height": height, **drawn})

    def _of(self, side: Side) -> JudgedDetections | JudgedGroundTruth:
        return self.judged.detections if side == "found" else self.judged.ground_truth

    def _numbers(self, image: int) -> dict[Side, np.ndarray]:
        """Numbers of the detections of an image, by falling score, and of its objects, by the rising score that finds them."""
        keys = {"found": -self.judged.detections.scores, "truth": self.judged.ground_truth.found_scores}
        numbers: dict[Side, np.ndarray] = {}
        for side in SIDES:
            first, stop = np.searchsorted(self._of(side).images, [image, image + 1])
            numbers[side] = first + np.argsort(keys[side][first:stop], kind="stable")
        return numbers

    def _described(self, side: Side, numbers: np.ndarray, bboxes: np.ndarray) -> list[list[float]]:
        """Of each: x, y, width, height; label; thresholds exceeded; its style, or if it is left out; the score of a detection."""
        judged = self._of(side)
        columns = [*np.round(bboxes, 1).T, judged.labels[numbers], self._passes[side][numbers]]
        if isinstance(judged, JudgedDetections):
            styles = np.select([judged.kinds == kind for kind in (Kind.HIT, Kind.LEFT_OUT)], [0, 2], 1)
            columns += [styles[numbers], np.round(judged.scores[numbers].astype(float), 3)]
        else:
            columns += [judged.left_out[numbers].astype(int)]
        return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
