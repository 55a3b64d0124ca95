import gzip
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from tf_ssd.check.findings import Findings
from tf_ssd.data.classes import read_class_names
from tf_ssd.data.fingerprint import fingerprint
from tf_ssd.data.images.decode import read_encoded
from tf_ssd.data.recognise import recognise
from tf_ssd.data.sources import listed_classes, open_dataset
from tf_ssd.data.subset import labelled
from tf_ssd.errors import DatasetError, ImageError


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (200, 100)).save(path)


def voc(root: Path, split: str, class_name="dog") -> None:
    image(root / "JPEGImages" / f"{split}.png")
    for folder in ("Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    (root / f"Annotations/{split}.xml").write_text(f"<annotation><object><name>{class_name}</name>{box}</object></annotation>")
    (root / f"ImageSets/Main/{split}.txt").write_text(split)


def coco(annotation_file: Path, images: Path, class_name="dog") -> None:
    image(images / "a.png")
    annotation_file.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [0, 0, 9, 9]}],
        "categories": [{"id": 3, "name": class_name}],
    }
    annotation_file.write_text(json.dumps(content))


def test_voc(tmp_path):
    voc(tmp_path, "train")
    dataset = open_dataset("voc", [tmp_path], ["train"])
    assert (len(dataset), dataset.class_names, dataset[0].id) == (1, ("dog",), "train")


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("annotations/instances_val.json", "val"),
        ("annotations/instances_val.json", "images/val"),
        ("annotations/instances_val.json", "images"),
        ("val/_annotations.coco.json", "val"),
        ("val.json", "images"),
        ("val.json", "."),
    ],
)
def test_coco_as_published_as_exported_and_beside_its_images(tmp_path, annotations, images):
    coco(tmp_path / annotations, tmp_path / images)
    dataset = open_dataset("coco", [tmp_path], ["val"])
    assert dataset[0].image == tmp_path / images / "a.png"


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("val.csv", "images"),
        ("val.csv", "."),
        ("val.txt", "images"),
        ("val.txt", "."),
        ("val/_annotations.csv", "val"),
        ("val/a.txt", "val"),
    ],
)
def test_csv_as_one_file_or_one_for_each_image(tmp_path, file, images):
    image(tmp_path / images / "a.png")
    (tmp_path / file).write_text("a.png,dog,1,2,30,40")
    dataset = open_dataset("csv", [tmp_path], ["val"])
    assert dataset[0].image == tmp_path / images / "a.png"
    assert dataset[0].labels.tolist() == [1]


@pytest.mark.parametrize("kind", ["voc", "coco", "csv", "text"])
def test_no_image_is_opened_for_its_size(tmp_path, kind):
    voc(tmp_path, "val")
    coco(tmp_path / "val.json", tmp_path / "images")
    (tmp_path / "val.json").write_text((tmp_path / "val.json").read_text().replace('"width": 200, ', ""))
    if kind == "csv":
        (tmp_path / "val.csv").write_text("a.png,dog,1,2,30,40")
    if kind == "text":
        image(tmp_path / "val/a.png")
        (tmp_path / "val/a.txt").write_text("dog,0,1,2,30,40")
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(b"")
    dataset = open_dataset("csv" if kind == "text" else kind, [tmp_path], ["val"])
    assert dataset[0].size is None
    assert len(labelled(dataset)) == 1
    assert fingerprint(dataset)


def test_the_published_layout_goes_first(tmp_path):
    coco(tmp_path / "annotations/instances_val.json", tmp_path / "val", "dog")
    coco(tmp_path / "val.json", tmp_path, "cat")
    assert open_dataset("coco", [tmp_path], ["val"]).class_names == ("dog",)


def test_splits_and_folders_are_joined_in_order(tmp_path):
    for year in ("VOC2007", "VOC2012"):
        for split in ("train", "val"):
            voc(tmp_path / year, split)
    dataset = open_dataset("voc", [tmp_path / "VOC2007", tmp_path / "VOC2012"], ["train", "val"])
    expected = [f"{year}/{split}/{split}" for year in ("VOC2007", "VOC2012") for split in ("train", "val")]
    assert [dataset[index].id for index in range(4)] == expected


def test_folders_of_one_name_are_told_apart_by_their_path(tmp_path):
    folders = [tmp_path / "a" / "data", tmp_path / "b" / "data"]
    for folder in folders:
        voc(folder, "train")
    dataset = open_dataset("voc", folders, ["train"])
    assert [dataset[index].id for index in range(2)] == [f"{folder}/train/train" for folder in folders]


def test_parts_of_other_classes_are_joined_with_all_of_them(tmp_path):
    voc(tmp_path, "train", "dog")
    voc(tmp_path, "val", "cat")
    dataset = open_dataset("voc", [tmp_path], ["train", "val"])
    assert dataset.class_names == ("cat", "dog")
    assert [dataset[index].labels.tolist() for index in range(2)] == [[2], [1]]


def test_given_class_names_are_those_of_all_parts(tmp_path):
    voc(tmp_path, "train", "dog")
    voc(tmp_path, "val", "cat")
    dataset = open_dataset("voc", [tmp_path], ["train", "val"], class_names=["dog", "cow", "cat"])
    assert [dataset[index].labels.tolist() for index in range(2)] == [[1], [3]]


@pytest.mark.parametrize("kind", ["coco", "csv"])
def test_what_was_looked_for_is_named(tmp_path, kind):
    with pytest.raises(DatasetError, match=r"annotations of a split 'val'; looked for .*val.*, .*; check --data and --split"):
        open_dataset(kind, [tmp_path], ["val"])


@pytest.mark.parametrize(("kind", "name"), [("coco", "_annotations.coco.json"), ("csv", "_annotations.csv")])
def test_the_splits_that_there_are_are_named(tmp_path, kind, name):
    for split in ("valid", "train"):
        (tmp_path / split).mkdir()
        (tmp_path / split / name).touch()
    (tmp_path / "README.txt").touch()
    with pytest.raises(DatasetError, match=r"or --eval-split; the splits there are train, valid$"):
        open_dataset(kind, [tmp_path], ["test"])


def test_a_split_by_another_name_is_opened(tmp_path):
    coco(tmp_path / "valid/_annotations.coco.json", tmp_path / "valid")
    assert open_dataset("coco", [tmp_path], ["val"])[0].image == tmp_path / "valid/a.png"
    assert listed_classes([tmp_path], ["validation"]) == ("dog",)


@pytest.mark.parametrize("name", ["annotations/instances_val.json", "val/_annotations.coco.json", "val.json"])
def test_coco_in_gzip(tmp_path, name):
    coco(tmp_path / name, tmp_path / "val" if "/" in name else tmp_path)
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    (tmp_path / name).unlink()
    assert recognise([(tmp_path, "val")]) == "coco"
    assert open_dataset("coco", [tmp_path], ["val"]).class_names == ("dog",)
    packed.write_bytes(packed.read_bytes()[:40])
    with pytest.raises(DatasetError, match=r"json\.gz: cannot be used as COCO JSON \(Compressed file ended"):
        open_dataset("coco", [tmp_path], ["val"])
    packed.write_bytes(b"{}")
    with pytest.raises(DatasetError, match=r"json\.gz: cannot be used as COCO JSON \(Not a gzipped file"):
        open_dataset("coco", [tmp_path], ["val"])


@pytest.mark.parametrize("name", ["data/a.png", r"data\a.png", "annotations/a.png"])
def test_a_file_name_relative_to_the_folder_needs_no_folder_of_images(tmp_path, name):
    coco(tmp_path / "annotations/instances_val.json", tmp_path / name.replace("\\", "/")[:-6])
    path = tmp_path / "annotations/instances_val.json"
    content = json.loads(path.read_text())
    content["images"][0]["file_name"] = name
    path.write_text(json.dumps(content))
    assert open_dataset("coco", [tmp_path], ["val"])[0].looked_for == ()


def test_a_missing_folder_of_images_is_named(tmp_path):
    coco(tmp_path / "annotations/instances_val.json", tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=r"instances_val\.json: there is no folder of images; looked for .*images"):
        open_dataset("coco", [tmp_path], ["val"])


@pytest.mark.parametrize("kind", ["voc", "coco", "csv"])
def test_a_split_does_not_lead_out_of_the_folder(tmp_path, kind):
    with pytest.raises(DatasetError, match=r"split: the file name '\.\./val' leads out"):
        open_dataset(kind, [tmp_path], ["../val"])


@pytest.mark.parametrize(
    ("kind", "name"), [("voc", "ImageSets/Main/train.txt"), ("coco", "train.json"), ("csv", "train.csv"), ("classes", "c.txt")]
)
def test_a_named_pipe_does_not_block(tmp_path, kind, name):
    voc(tmp_path, "train")
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match=rf"{name}: .*a named pipe, a socket or a device, not a file"):
        read_class_names(tmp_path / name) if kind == "classes" else open_dataset(kind, [tmp_path], ["train"])


@pytest.mark.parametrize("kind", ["coco", "csv"])
def test_an_image_that_is_a_named_pipe_does_not_block(tmp_path, kind):
    coco(tmp_path / "train.json", tmp_path)
    (tmp_path / "train.csv").write_text("a.png,dog,1,2,30,40")
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png: cannot be read as an image .*a named pipe"):
        read_encoded(open_dataset(kind, [tmp_path], ["train"])[0])


@pytest.mark.parametrize("place", ["train", "labels/train", "train/labels", "labels"])
@pytest.mark.parametrize("kind", ["coco", "csv"])
def test_yolo_is_named(tmp_path, kind, place):
    image(tmp_path / "images/train/a.png")
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "a.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    with pytest.raises(DatasetError, match=rf"{place} holds YOLO's text files .* give --dataset yolo"):
        open_dataset(kind, [tmp_path], ["train"])


def test_faults_of_all_parts_go_to_the_notes(tmp_path):
    for split in ("train", "val"):
        voc(tmp_path, split)
        (tmp_path / "JPEGImages" / f"{split}.png").unlink()
    findings = Findings("both")
    assert len(open_dataset("voc", [tmp_path], ["train", "val"], class_names=["dog"], notes=findings)) == 0
    assert [finding.kind for finding in findings] == ["missing files", "missing files"]


def fractions(root: Path, kind: str, *more: tuple[float, ...]) -> None:
    """Two images, the first without boxes; corners of the second as fractions, and `more` boxes."""
    boxes = [(0.25, 0.5, 0.75, 1), *more]
    image(root / "a.png")
    image(root / "b.png")
    if kind == "csv":
        rows = [f"b.png,dog,{','.join(map(str, box))}\n" for box in boxes]
        (root / "train.csv").write_text("a.png,,,,,\n" + "".join(rows))
    elif kind == "voc":
        tags = ("xmin", "ymin", "xmax", "ymax")
        written = ["".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, box, strict=True)) for box in boxes]
        objects = "".join(f"<object><name>dog</name><bndbox>{box}</bndbox></object>" for box in written)
        (root / "a.xml").write_text("<annotation/>")
        (root / "b.xml").write_text(f"<annotation><size><width>200</width><height>100</height></size>{objects}</annotation>")
    else:
        images = [{"id": number, "file_name": f"{name}.png", "width": 200, "height": 100} for number, name in enumerate("ab")]
        bboxes = [(xmin, ymin, xmax - xmin, ymax - ymin) for xmin, ymin, xmax, ymax in boxes]
        rows = [{"id": number, "image_id": 1, "category_id": 3, "bbox": bbox} for number, bbox in enumerate(bboxes)]
        content = {"images": images, "annotations": rows, "categories": [{"id": 3, "name": "dog"}]}
        (root / "train.json").write_text(json.dumps(content))


SPLITS = {"voc": "all", "coco": "train", "csv": "train"}


@pytest.mark.parametrize(("kind", "split"), SPLITS.items())
def test_corners_that_are_all_fractions_are_refused(tmp_path, kind, split):
    fractions(tmp_path, kind)
    message = (
        rf"{tmp_path}, split '{split}': no corner of any box is greater than 1 px; in \S+b.png the first box ends at x=0.75, y=1; "
    )
    with pytest.raises(DatasetError, match=f"{message}these are fractions") as caught:
        open_dataset(kind, [tmp_path], [split])
    assert caught.value.kind == "fractions instead of pixels"


@pytest.mark.parametrize(("kind", "split"), SPLITS.items())
def test_one_corner_beyond_1_px_makes_them_pixels(tmp_path, kind, split):
    fractions(tmp_path, kind, (0.5, 0.5, 1, 1.5))
    assert len(open_dataset(kind, [tmp_path], [split])[1].labels) == 2
