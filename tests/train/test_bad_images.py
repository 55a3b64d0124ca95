"""`--on-bad-image skip` holds for every layout, also where only the header of an image says its size."""

import json
import re
from pathlib import Path

import pytest
import tensorflow as tf
from PIL import Image

from tf_ssd.data.images.decode import read_image
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.detect import Detections
from tf_ssd.train import __main__ as train

PICTURES, BAD = 4, 2
SHORT = ["--steps", "2", "--eval-every", "1", "--batch-size", "2", "--width", "0.0625"]


def rows(index: int) -> list[tuple[str, list[int]]]:
    """Class and corners of each object of a picture."""
    record = SyntheticDataset(PICTURES, seed=1)[index]
    names = [SyntheticDataset.class_names[label - 1] for label in record.labels]
    return list(zip(names, record.boxes_px.astype(int).tolist(), strict=True))


def voc(root: Path) -> None:
    """Without <size>."""
    for folder in ("Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for index in range(PICTURES):
        objects = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{xmin + 1}</xmin><ymin>{ymin + 1}</ymin>"
            f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
            for name, (xmin, ymin, xmax, ymax) in rows(index)
        )
        (root / f"Annotations/{index}.xml").write_text(f"<annotation>{objects}</annotation>")
    (root / "ImageSets/Main/train.txt").write_text("\n".join(map(str, range(PICTURES))))


def coco(root: Path) -> None:
    """Without width and height."""
    objects = [(index, *row) for index in range(PICTURES) for row in rows(index)]
    annotations = [
        {
            "id": number,
            "image_id": index,
            "category_id": SyntheticDataset.class_names.index(name),
            "bbox": [x, y, xmax - x, ymax - y],
        }
        for number, (index, name, (x, y, xmax, ymax)) in enumerate(objects)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(SyntheticDataset.class_names)]
    images = [{"id": index, "file_name": f"{index}.jpg"} for index in range(PICTURES)]
    (root / "train.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def csv(root: Path) -> None:
    lines = [f"{index}.jpg,{name},{','.join(map(str, box))}\n" for index in range(PICTURES) for name, box in rows(index)]
    (root / "train.csv").write_text("".join(lines))


def texts(root: Path) -> None:
    (root / "train").mkdir()
    for index in range(PICTURES):
        lines = [f"{name},0,{','.join(map(str, box))}\n" for name, box in rows(index)]
        (root / f"train/{index}.txt").write_text("".join(lines))


LAYOUTS = {
    "voc": (voc, "voc", "JPEGImages"),
    "coco": (coco, "coco", "images"),
    "csv": (csv, "csv", "images"),
    "texts": (texts, "csv", "train"),
}


def finds_nothing(_, settings):
    """In place of `detection_function`."""
    return lambda images: Detections(*(tf.zeros((len(images), *shape), tf.int32) for shape in ((1, 4), (1,), (1,), ())))


@pytest.fixture
def eagerly(monkeypatch):
    """A compilation would take far longer than two steps, and what is detected does not matter here."""
    monkeypatch.setattr("tf_ssd.evaluate.over_dataset.detection_function", finds_nothing)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.filterwarnings(
    "ignore:Even though the .tf.config.experimental_run_functions_eagerly:UserWarning"
)  # pipelines are graphs
@pytest.mark.usefixtures("eagerly", "small_network")
@pytest.mark.parametrize(("write", "kind", "images"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_run_goes_round_an_empty_image_and_counts_it_once(write, kind, images, tmp_path, capsys):
    """Of the fingerprint, of both steps, of the evaluations after each, and of the picture at the end."""
    write(tmp_path)
    (tmp_path / images).mkdir(exist_ok=True)
    for index in range(PICTURES):
        Image.fromarray(read_image(SyntheticDataset(PICTURES, seed=1)[index])).save(tmp_path / images / f"{index}.jpg")
    (tmp_path / images / f"{BAD}.jpg").write_bytes(b"")
    flags = ["--dataset", kind, "--data", str(tmp_path), "--eval-split", "train", "--output", str(tmp_path / "run")]
    assert train.main([*SHORT, *flags, "--on-bad-image", "skip"]) == 0
    notes = re.findall(r"note: (.*)", capsys.readouterr().out)
    assert len(notes) == 1
    assert notes[0].startswith(f"images that cannot be decoded, skipped: 1: {tmp_path / images / f'{BAD}.jpg'}")
    assert (tmp_path / "run" / "held_out.png").exists()
