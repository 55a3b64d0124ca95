"""The same content gives the same batches to the bit, whatever layout it is in, and each layout is recognised."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.every_layout import LAYOUTS, Picture, digest, pictures_of
from tf_ssd.config import DatasetKind
from tf_ssd.data.recognise import recognise
from tf_ssd.data.sources import open_dataset

NAMES = ("Platelets", "RBC", "WBC")


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    """Photos of odd sizes like those of blood cells: many boxes, boxes at the edges, of half pixels, and no boxes."""
    random = np.random.default_rng(0)
    found = []
    for number in range(9):
        width, height = random.integers(50, 200, 2).tolist()
        file = BytesIO()
        Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8)).save(file, "JPEG")
        low = random.integers(0, 40, (number * 2, 2))
        corners = np.concatenate([low, low + random.integers(2, 10, low.shape) + 0.5 * random.integers(0, 2, low.shape)], axis=1)
        boxes = [(NAMES[random.integers(3)], row) for row in corners.tolist()]
        found.append(Picture(f"BloodImage_{number:05d}.jpg", file.getvalue(), (width, height), boxes))
    found[3].boxes.append(("RBC", [0.0, 0.0, *map(float, found[3].size)]))
    return found


def batches_of(kind: DatasetKind, root: Path, *, augmented: bool) -> str:
    return digest(open_dataset(kind, [root], ["train"]), batches=4 if augmented else 0, batch_size=4, image_size=60)


@pytest.fixture(scope="module")
def expected(pictures, tmp_path_factory) -> dict[bool, str]:
    """Of VOC, with and without augmented batches, which take seconds to trace."""
    root = tmp_path_factory.mktemp("voc")
    LAYOUTS["voc"](root, "train", pictures)
    return {augmented: batches_of("voc", root, augmented=augmented) for augmented in (True, False)}


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "voc"])
def test_every_layout_is_recognised_and_gives_the_same_batches(tmp_path, pictures, expected, name):
    LAYOUTS[name](tmp_path, "train", pictures)
    kind = recognise([(tmp_path, "train")])
    assert kind == name.split("_", maxsplit=1)[0]
    augmented = name == kind
    assert batches_of(kind, tmp_path, augmented=augmented) == expected[augmented]


def test_what_is_written_is_the_content(tmp_path, pictures):
    LAYOUTS["coco"](tmp_path, "train", pictures)
    assert pictures_of(open_dataset("coco", [tmp_path], ["train"])) == pictures


def test_another_pixel_is_another_digest(tmp_path, pictures, expected):
    moved = pictures[8]._replace(boxes=[(name, [corner + 1e-4 for corner in corners]) for name, corners in pictures[8].boxes])
    LAYOUTS["voc"](tmp_path, "train", [*pictures[:8], moved])
    assert recognise([(tmp_path, "train")]) == "voc"
    assert batches_of("voc", tmp_path, augmented=False) != expected[False]
