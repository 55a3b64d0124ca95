import json
import shlex
import sys
from collections import Counter
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import tyro
from PIL import Image

from tf_ssd.check import __main__ as check
from tf_ssd.config import CheckConfig, TrainConfig
from tf_ssd.errors import FaultKind

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 100, 200, 3), np.uint8)  # a different image for each number


def save(path: Path, number: int, *, orientation: int = 1, size=(200, 100)) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS[number]).resize(size).save(path, exif=exif)
    return path


class Voc:
    """A dataset in VOC layout being written; images are 200 x 100 px."""

    def __init__(self, root: Path) -> None:
        self.root, self._lines = root, {}
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (root / folder).mkdir(parents=True)

    def add(self, split: str, name: str, *objects, size=(200, 100)) -> None:
        """Objects are (class, xmin, ymin, xmax, ymax[, difficult])."""
        written = ""
        for (
            class_name,
            *corners,
        ) in (item[:5] for item in objects):
            tags = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
            written += (
                f"<object><name>{class_name}</name><bndbox>{''.join(f'<{tag}>{value}</{tag}>' for tag, value in tags)}</bndbox>"
            )
            written += (
                f"<difficult>{int(any(item[:5] == (class_name, *corners) and item[5:] for item in objects))}</difficult></object>"
            )
        text = f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{written}</annotation>"
        self.annotate(split, name, text)

    def annotate(self, split: str, name: str, text: str) -> None:
        (self.root / "Annotations" / f"{name}.xml").write_text(text)
        self.list(split, name)

    def list(self, split: str, name: str) -> None:
        self._lines.setdefault(split, []).append(name)
        (self.root / "ImageSets/Main" / f"{split}.txt").write_text("\n".join(self._lines[split]))

    def image(self, name: str) -> Path:
        return self.root / "JPEGImages" / f"{name}.png"


@pytest.fixture
def voc(tmp_path) -> Voc:
    return Voc(tmp_path / "voc")


DOG, CAT = ("dog", 11, 21, 60, 90), ("cat", 101, 21, 160, 90)


@pytest.fixture
def bad(voc) -> Voc:
    """One of every fault, and a little that is right."""
    save(voc.image("right"), 0)
    voc.add("train", "right", DOG, CAT)
    voc.list("train", "right")  # repeated line
    voc.list("train", "../secret")
    voc.add("train", "no_image", DOG)
    save(voc.image("no_annotation"), 1)
    voc.list("train", "no_annotation")
    save(voc.image("broken_xml"), 2)
    voc.annotate("train", "broken_xml", "<annotation>")
    save(voc.image("boxes"), 3)
    boxes = [("dog", 60, 21, 11, 90), ("dog", 201, 21, 250, 90), ("dog", 30, 30, 30, 40), ("cat", 150, 50, 210, 90), DOG, DOG]
    voc.add("train", "boxes", *boxes, ("dog", "nan", 1, 5, 5))
    voc.image("text").write_text("this is no image")
    voc.add("train", "text", DOG)
    voc.image("cut").write_bytes(save(voc.root / "other.png", 4).read_bytes()[:20_000])
    voc.add("train", "cut", DOG)
    save(voc.image("another_size"), 5, size=(100, 50))
    voc.add("train", "another_size", DOG)
    save(voc.image("turned"), 6, orientation=6)
    voc.add("train", "turned", ("dog", 1, 1, 50, 50), size=(100, 200))
    save(voc.image("twin"), 0)
    voc.add("train", "twin", CAT)
    save(voc.image("empty"), 7)
    voc.add("train", "empty")
    save(voc.image("difficult"), 8)
    voc.add("train", "difficult", (*DOG, True))
    save(voc.image("val"), 9)
    voc.add("val", "val", DOG)
    save(voc.image("copied"), 5, size=(100, 50))
    voc.add("val", "copied", ("cow", 1, 1, 50, 50), size=(100, 50))
    voc.list("val", "twin")
    return voc


def kinds(report: dict) -> dict[tuple[str, str, str], int]:
    return {(row["severity"], row["kind"], row["split"]): row["count"] for row in report["kinds"]}


def test_every_fault_is_found_named_and_counted(bad, tmp_path, capsys):
    arguments = ["--dataset", "voc", "--data", str(bad.root), "--split", "train", "val", "--json", str(tmp_path / "report.json")]
    assert check.main(arguments) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert kinds(report) == {
        ("warning", "repeated lines, left out", "train"): 1,
        ("error", "paths out of the dataset", "train"): 1,
        ("error", "missing files", "train"): 2,
        ("error", "broken annotations", "train"): 2,
        ("error", "boxes with inverted corners", "train"): 1,
        ("error", "boxes outside their image", "train"): 1,
        ("warning", "boxes without area, dropped", "train"): 1,
        ("warning", "boxes that reached beyond their image, clipped", "train"): 1,
        ("warning", "duplicate boxes", "train"): 1,
        ("error", "unreadable images", "train"): 2,
        ("warning", "sizes that differ from the image's", "train"): 2,
        ("info", "images with an EXIF orientation", "train"): 1,
        ("warning", "duplicate images", "train"): 1,
        ("warning", "images without boxes", "train"): 1,
        ("warning", "images with difficult boxes only", "train"): 1,
        ("warning", "images in more than one split", "val"): 2,
    }
    assert report["counts"] == {"error": 9, "warning": 11, "info": 1}
    printed = capsys.readouterr().out
    assert "9 errors, 11 warnings: training would stop" in printed
    assert all(f"{row['kind']}: " in printed for row in report["kinds"])


def test_a_finding_names_file_and_object(bad, tmp_path):
    check.main(["--dataset", "voc", "--data", str(bad.root), "--json", str(tmp_path / "report.json")])
    findings = json.loads((tmp_path / "report.json").read_text())["findings"]
    [outside] = [finding for finding in findings if finding["kind"] == "boxes outside their image"]
    assert outside["file"] == str(bad.root / "Annotations/boxes.xml")
    assert outside["object"] == "object 2 (dog)"
    assert outside["message"].endswith("lies outside the image of 200 x 100 px; correct the box")
    [repeated] = [finding for finding in findings if finding["kind"] == "repeated lines, left out"]
    assert (repeated["file"], repeated["object"]) == (str(bad.root / "ImageSets/Main/train.txt"), "line 2")
    assert all(finding["message"].startswith(finding["file"]) and Path(finding["file"]).is_absolute() for finding in findings)
    [turned] = [finding["message"] for finding in findings if finding["message"].startswith(f"{bad.image('turned')}: 200")]
    assert "but its annotation says 100 x 200; --exif apply would make them agree" in turned


def test_numbers_of_a_split(bad, tmp_path):
    check.main(["--dataset", "voc", "--data", str(bad.root), "--split", "train", "val", "--json", str(tmp_path / "report.json")])
    train = json.loads((tmp_path / "report.json").read_text())["splits"]["train"]
    assert {name: train[name] for name in ("records", "usable", "decoded", "without_boxes", "boxes", "difficult")} == {
        "records": 10,  # those with an image and an annotation
        "usable": 9,  # those whose annotation can be parsed
        "decoded": 7,
        "without_boxes": 1,
        "boxes": 11,
        "difficult": 1,
    }
    assert train["classes"] == {
        "cat": {"boxes": 3, "difficult": 0, "images": 3},
        "dog": {"boxes": 8, "difficult": 1, "images": 7},
    }
    assert train["exif_orientations"] == {"1": 8, "6": 1}


def test_exif_applied(voc, tmp_path):
    """Boxes that were drawn on the photo as it is shown agree with it when it is turned."""
    save(voc.image("turned"), 6, orientation=6)
    voc.add("train", "turned", ("dog", 1, 1, 50, 50), size=(100, 200))
    assert check.main(["--dataset", "voc", "--data", str(voc.root), "--exif", "apply", "--json", str(tmp_path / "r.json")]) == 0
    assert kinds(json.loads((tmp_path / "r.json").read_text())) == {("info", "images with an EXIF orientation", "train"): 1}


def test_a_class_map_makes_other_classes_errors(voc, tmp_path, capsys):
    save(voc.image("a"), 0)
    voc.add("train", "a", DOG, CAT)
    (tmp_path / "classes.txt").write_text("dog\ncow\n")
    assert check.main(["--dataset", "voc", "--data", str(voc.root), "--classes", str(tmp_path / "classes.txt")]) == 1
    printed = capsys.readouterr().out
    assert "unknown classes: 1" in printed
    assert "train: class cow: no boxes here; nor anywhere else" in printed


def test_a_coco_file_with_faults(tmp_path):
    images = [{"id": n, "file_name": f"{n}.png", "width": 200, "height": 100} for n in (1, 2, 3, 3)]
    images += [{"id": 4, "file_name": "../4.png"}, {"id": 5, "file_name": "5.png"}, {"file_name": "6.png"}]
    for number in (1, 2):
        save(tmp_path / "train" / f"{number}.png", number)
    bboxes = {1: (10, 20, 40, 40), 2: (10, 20, -40, 40), 3: (300, 20, 40, 40), 4: (10, 20, 0, 40), 5: (-5, 20, 40, 40)}
    rows = [{"id": n, "image_id": 1, "category_id": 3, "bbox": bbox} for n, bbox in bboxes.items()]
    rows += [
        {"id": 6, "image_id": 99, "category_id": 3, "bbox": bboxes[1]},
        {"id": 7, "image_id": 1, "category_id": 99, "bbox": bboxes[1]},
    ]
    rows += [
        {"id": 8, "image_id": 1, "category_id": 3, "bbox": (1, 2, 3)},
        {"id": 1, "image_id": 3, "category_id": 3, "bbox": bboxes[1]},
    ]
    rows += [{"id": 9, "image_id": 2, "category_id": 3, "bbox": bboxes[1], "iscrowd": 1}]
    content = {"images": images, "annotations": rows, "categories": [{"id": 3, "name": "dog"}, {"id": 7, "name": "none"}]}
    (tmp_path / "train" / "_annotations.coco.json").write_text(json.dumps(content))
    assert check.main(["--dataset", "coco", "--data", str(tmp_path), "--json", str(tmp_path / "report.json")]) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert kinds(report) == {
        ("error", "broken annotations", "train"): 2,  # an image without id, a box of three numbers
        ("error", "repeated ids", "train"): 1,
        ("warning", "repeated ids of annotations", "train"): 1,
        ("error", "paths out of the dataset", "train"): 1,
        ("error", "missing files", "train"): 2,  # images 3 and 5
        ("error", "boxes with inverted corners", "train"): 1,
        ("error", "boxes outside their image", "train"): 1,
        ("error", "unknown classes", "train"): 1,
        ("warning", "boxes without area, dropped", "train"): 1,
        ("warning", "boxes that reached beyond their image, clipped", "train"): 1,
    }
    assert (report["splits"]["train"]["boxes"], report["splits"]["train"]["crowds"]) == (3, 1)


def test_a_coco_file_whose_entries_can_all_be_read(tmp_path):
    save(tmp_path / "images" / "1.png", 0)
    save(tmp_path / "images" / "2.png", 1)
    images = [{"id": f"n{n}", "file_name": rf"images\\{n}.png", "width": None, "height": None} for n in (1, 2)]
    rows = [{"image_id": name, "category_id": 3, "bbox": (10, 20, 40, 40)} for name in ("n1", "n9")]
    categories = [{"id": 3, "name": "dog"}, {"id": 7, "name": "none"}]
    (tmp_path / "train.json").write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}))
    assert check.main(["--dataset", "coco", "--data", str(tmp_path), "--json", str(tmp_path / "report.json")]) == 1
    assert kinds(json.loads((tmp_path / "report.json").read_text())) == {("error", "boxes of unknown images", "train"): 1}
    (tmp_path / "train.json").write_text(json.dumps({"images": images, "annotations": rows[:1], "categories": categories}))
    assert check.main(["--dataset", "coco", "--data", str(tmp_path), "--json", str(tmp_path / "second.json")]) == 0
    assert kinds(json.loads((tmp_path / "second.json").read_text())) == {
        ("warning", "categories without boxes, left out", "train"): 1,
        ("warning", "images without boxes", "train"): 1,
    }


CSV = """a.png,dog,10,20,50,60
a.png,dog,50,20,10,60
a.png,dog,10,20
a.png,,10,20,50,60
a.png,dog,300,20,350,60
../a.png,dog,10,20,50,60
gone.png,dog,10,20,50,60
"""


@pytest.mark.parametrize("layout", ["one file", "one for each"])
def test_rows_of_text_with_faults(tmp_path, layout):
    save(tmp_path / "images" / "a.png", 0)
    expected = {
        ("error", "boxes with inverted corners", "train"): 1,
        ("error", "broken annotations", "train"): 2,
        ("error", "boxes outside their image", "train"): 1,
    }
    if layout == "one file":
        (tmp_path / "train.csv").write_text(CSV)
        expected |= {("error", "paths out of the dataset", "train"): 1, ("error", "missing files", "train"): 1}
    else:
        for name in ("a", "gone"):
            (tmp_path / "train").mkdir(exist_ok=True)
            (tmp_path / "train" / f"{name}.txt").write_text("".join(CSV.splitlines(keepends=True)[:5]))
        (tmp_path / "images" / "a.png").rename(tmp_path / "train" / "a.png")
        expected |= {("error", "missing files", "train"): 1}
    assert check.main(["--dataset", "csv", "--data", str(tmp_path), "--json", str(tmp_path / "report.json")]) == 1
    assert kinds(json.loads((tmp_path / "report.json").read_text())) == expected


def test_fractions_are_an_error_and_suit_nothing(tmp_path, capsys):
    save(tmp_path / "images" / "a.png", 0)
    (tmp_path / "train.csv").write_text("a.png,dog,0.1,0.2,0.5,0.6\n")
    assert check.main(["--dataset", "csv", "--data", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "fractions instead of pixels: 1" in printed
    assert "suits" not in printed


def test_a_dataset_without_faults(tmp_path, capsys):
    outputs = [
        "--json",
        str(tmp_path / "a.json"),
        "--plot",
        str(tmp_path / "a.png"),
        "--show-augmentation",
        str(tmp_path / "b.png"),
    ]
    assert check.main(["--dataset", "synthetic", "--split", "one", "two", *outputs]) == 0
    printed = capsys.readouterr().out
    assert all(f"written: {path}" in printed for path in outputs[1::2])
    for path in (tmp_path / "a.png", tmp_path / "b.png"):
        with Image.open(path) as picture:
            assert picture.width > 1000
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["version"] == 1
    assert set(Counter(row["kind"] for row in report["kinds"])) == {"images without boxes"}
    assert report["default_boxes"]["ground_truth"] == report["splits"]["one"]["boxes"] > 0


@pytest.mark.parametrize(("flag", "suffix"), [("--json", ".json"), ("--plot", ".png"), ("--show-augmentation", ".png")])
def test_a_file_that_cannot_be_written_is_one_message(tmp_path, voc, capsys, flag, suffix):
    """Its name is longer than any may be."""
    save(voc.image("a"), 0)
    voc.add("train", "a", DOG)
    path = tmp_path / ("a" * 256 + suffix)
    assert check.main(["--dataset", "voc", "--data", str(voc.root), flag, str(path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert f"{path}: cannot be written (File name too long); choose another place" in message


def test_a_split_that_cannot_be_opened_is_an_error_beside_the_others(voc, capsys):
    save(voc.image("a"), 0)
    voc.add("train", "a", DOG)
    assert check.main(["--dataset", "voc", "--data", str(voc.root), "--split", "train", "val"]) == 1
    printed = capsys.readouterr().out
    assert "splits that cannot be opened: 1" in printed
    assert "there is no split 'val'" in printed.replace("\n", " ").replace("  ", " ")


def test_nothing_that_can_be_opened_is_a_wrong_command(tmp_path, capsys):
    assert check.main(["--dataset", "voc", "--data", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err


def test_a_class_that_is_in_val_alone(tmp_path, capsys):
    """Training takes the names of COCO's training file, and those of a class map."""
    for split, names, used in (("train", ("cat", "dog"), 1), ("val", ("cat", "dog", "cow"), 2)):
        save(tmp_path / "images" / f"{split}.png", used)
        images = [{"id": 1, "file_name": f"{split}.png", "width": 200, "height": 100}]
        boxes = [{"id": number, "image_id": 1, "category_id": number, "bbox": [5, 5, 50, 50]} for number in range(used)]
        categories = [{"id": number, "name": name} for number, name in enumerate(names)]
        (tmp_path / f"{split}.json").write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    flags = ["--dataset", "coco", "--data", str(tmp_path), "--split"]
    assert check.main([*flags, "train", "val"]) == 0
    capsys.readouterr()
    (tmp_path / "train.json").write_text((tmp_path / "train.json").read_text().replace(', {"id": 1, "name": "dog"}', ""))
    assert check.main([*flags, "train", "val"]) == 1
    assert "val: class dog: 1 box here, none in train: training on that would stop" in capsys.readouterr().out
    assert check.main([*flags, "gone", "val"]) == 1
    assert "unknown classes" not in capsys.readouterr().out
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    assert check.main([*flags, "train", "val", "--classes", str(tmp_path / "classes.txt")]) == 0


def test_another_network_is_looked_at_by_its_own_size_and_sets(voc, tmp_path, capsys, monkeypatch):
    save(voc.image("a"), 0)
    voc.add("train", "a", *(("dog", x, 1, x + 4, 9) for x in range(1, 60, 6)))
    sides = []

    def sheet(*_, image_size, **__):
        sides.append(image_size)
        return Image.new("RGB", (8, 8))

    monkeypatch.setattr("tf_ssd.check.sheet.contact_sheet", sheet)
    files = [word for flag in ("plot", "show-augmentation") for word in (f"--{flag}", str(tmp_path / f"{flag}.png"))]
    flags = ["--dataset", "voc", "--data", str(voc.root), "--network", "ssd512_vgg16", "--json", str(tmp_path / "a.json")]
    assert check.main([*flags, *files]) == 0
    printed = capsys.readouterr().out
    command = shlex.split(printed[printed.index("python -m tf_ssd.train") :].partition("\n\n")[0].replace("\\\n", " "))
    trained = tyro.cli(TrainConfig, args=command[3:])
    assert trained.network == "ssd512_vgg16"
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["default_boxes"]["sets"].keys() == {"VOC512", "COCO512", "fitted"}
    assert trained.model(num_classes=2).box_sizes == pytest.approx(report["default_boxes"]["sets"]["fitted"]["sizes"])
    assert sides == [512]
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.width > 1000


def test_the_command_that_is_advised():
    flags = {"dataset": "csv", "data": (Path("my cells"), Path("b")), "split": ("train", "val", "test")}
    more = {"classes": Path("classes.txt"), "exif": "apply", "recipe": "ssdlite", "network": "ssd300_mobilenet_v1"}
    command = check._training_command(CheckConfig(**flags, **more))
    assert command[:3] == ["python", "-m", "tf_ssd.train"]
    expected = TrainConfig(**{**flags, "split": ("train",)}, eval_split=("val",), **more)
    assert tyro.cli(TrainConfig, args=command[3:]) == expected
    assert check._training_command(CheckConfig()) == ["python", "-m", "tf_ssd.train", "--dataset", "synthetic"]


def test_a_split_without_boxes_takes_the_classes_of_the_others(voc, capsys):
    for number, name in enumerate(("a", "b")):
        save(voc.image(name), number)
    voc.add("train", "a", DOG)
    voc.add("test", "b")
    assert check.main(["--dataset", "voc", "--data", str(voc.root), "--split", "train", "test"]) == 0
    assert "test: class dog: no boxes here; 1 in train" in capsys.readouterr().out


def test_a_dataset_without_any_boxes(voc, tmp_path, capsys):
    save(voc.image("a"), 0)
    voc.add("train", "a")
    arguments = ["--dataset", "voc", "--data", str(voc.root), "--plot", str(tmp_path / "a.png")]
    assert check.main(arguments) == 1
    assert "no classes: 1" in capsys.readouterr().out
    assert not (tmp_path / "a.png").exists()


def test_a_name_that_cannot_be_printed_does_not_end_the_check(voc, monkeypatch):
    save(voc.image("a"), 0)
    voc.add("train", "a", ("h\u00fcnd\u2605", 1, 1, 50, 50), ("h\u00fcnd\u2605", 1, 1, 50, 50))
    printed = {name: BytesIO() for name in ("stdout", "stderr")}
    for name, stream in printed.items():
        monkeypatch.setattr(sys, name, TextIOWrapper(stream, encoding="ascii", write_through=True))
    assert check.main(["--dataset", "voc", "--data", str(voc.root)]) == 0
    assert b"h\\xfcnd\\u2605" in printed["stdout"].getvalue()


def test_what_decoders_print_does_not_bury_the_findings(voc, capfd):
    path = voc.root / "JPEGImages" / "a.jpg"
    Image.fromarray(PIXELS[0]).save(path)
    encoded = bytearray(path.read_bytes())
    scan = encoded.index(b"\xff\xda") + 60
    encoded[scan : scan + 60] = b"\0" * 60  # libjpeg conceals it, and prints a line
    path.write_bytes(encoded)
    voc.add("train", "a", DOG)
    assert check.main(["--dataset", "voc", "--data", str(voc.root)]) == 0
    assert "JPEG" not in capfd.readouterr().err


def test_each_kind_of_fault_is_reached_above():
    source = Path(__file__).read_text()
    assert all(f'"error", "{kind}"' in source or f"{kind}: 1" in source for kind in get_args(FaultKind))
