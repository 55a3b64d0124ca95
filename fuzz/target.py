"""What the fuzzers share: a folder to write into, and the rule that a reader gives records or a DatasetError."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import atheris
import numpy as np
from PIL import Image

from tf_ssd.data.ground_truth import fit_record
from tf_ssd.data.notes import Notes
from tf_ssd.data.records import Dataset
from tf_ssd.errors import DatasetError

CLASS_NAMES = ("cat", "dog")
SIZE = (200, 100)


@contextmanager
def dataset_folder() -> Iterator[Path]:
    """A temporary folder with one image of 200 x 100 px, JPEGImages/a.png, and the split train of a VOC dataset."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (root / folder).mkdir(parents=True)
        Image.new("RGB", SIZE).save(root / "JPEGImages" / "a.png")
        (root / "ImageSets/Main/train.txt").write_text("a\n")
        yield root


def fuzz(path: Path, read: Callable[[], Dataset]) -> None:
    """Write whatever atheris comes up with to `path` and read it, until an exception or the limit of the command line."""

    def one_input(content: bytes) -> None:
        path.write_bytes(content)
        try:
            dataset = read()
        except DatasetError:
            return
        for index in range(len(dataset)):
            _check(dataset, index)

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


def _check(dataset: Dataset, index: int) -> None:
    try:
        record, _ = fit_record(dataset[index], SIZE, Notes())
    except DatasetError:
        return
    boxes, labels = record.boxes_px, record.labels
    assert boxes.shape == (len(labels), 4)
    assert np.all((boxes >= 0) & (boxes <= np.tile(record.size, 2))), boxes
    assert np.all(boxes[:, :2] < boxes[:, 2:]), boxes
    assert np.all((labels >= 1) & (labels <= len(dataset.class_names))), labels
