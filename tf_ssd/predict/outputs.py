"""What was detected, as JSON and CSV."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO

from tf_ssd.predict.coco_results import encoded
from tf_ssd.predict.detections import PictureDetections
from tf_ssd.predict.inputs import CSV, JSON
from tf_ssd.system.files import written_beside
from tf_ssd.system.names import printable


class DetectionFiles:
    """Detections in the format of COCO results, with the label as category_id and its class, and as CSV; written as they come.

    Attributes:
        pictures, detections: how many have been added.
    """

    def __init__(self, json_file: BinaryIO, csv_file: TextIO) -> None:
        self._json = json_file
        self._files: tuple[IO[Any], ...] = (json_file, csv_file)
        self._csv = csv.writer(csv_file)
        self._csv.writerow(("image", "class", "score", "xmin", "ymin", "xmax", "ymax"))
        self.pictures = self.detections = 0
        json_file.write(b"[")

    def add(self, name: str, detections: PictureDetections) -> None:
        """Write what was found in one picture, which the files call `name`, as `printable`."""
        for row in detections.coco_results(name):
            self._json.write((b",\n" if self.detections else b"\n") + encoded(row))
            self.detections += 1
        for class_name, score, box in zip(detections.names, detections.scores, detections.boxes_px, strict=True):
            self._csv.writerow((printable(name), class_name, f"{score:.4f}", *(f"{corner:.2f}" for corner in box)))
        self.pictures += 1

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Take back what was added inside if it ends with an error."""
        before, ends = (self.pictures, self.detections), [file.tell() for file in self._files]
        try:
            yield
        except BaseException:
            self.pictures, self.detections = before
            for file, end in zip(self._files, ends, strict=True):
                file.seek(end)
                file.truncate()
            raise


@contextmanager
def detection_files(folder: Path, *, overwrite: bool = False) -> Iterator[DetectionFiles]:
    """detections.json and detections.csv in `folder`, which are there when everything has been added.

    Raises:
        OSError: a file cannot be written, or is there already and not to be overwritten.
    """
    with (
        written_beside(folder / JSON, new=not overwrite) as unfinished_json,
        written_beside(folder / CSV, new=not overwrite) as unfinished_csv,
        unfinished_json.open("wb") as json_file,
        unfinished_csv.open("w", newline="", encoding="utf-8") as csv_file,
    ):
        yield DetectionFiles(json_file, csv_file)
        json_file.write(b"\n]\n")


def as_json(detections: PictureDetections) -> str:
    """One picture's detections, with the names of their classes."""
    rows = [
        {"class": name, "category_id": row.category_id, "bbox": row.bbox, "score": row.score}
        for name, row in zip(detections.names, detections.coco_results(""), strict=True)
    ]
    return json.dumps({"width": detections.size[0], "height": detections.size[1], "detections": rows})
