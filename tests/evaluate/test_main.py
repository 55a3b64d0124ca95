import json
import re
import time
from dataclasses import replace
from typing import NamedTuple

import keras
import numpy as np
import pytest
from PIL import Image

from tests.small_network import SMALL
from tf_ssd.config import DetectionConfig, EvaluateConfig
from tf_ssd.data.classes import write_class_names
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.synthetic import CLASS_NAMES, SyntheticDataset
from tf_ssd.detect import Detections
from tf_ssd.evaluate import __main__ as evaluate
from tf_ssd.evaluate import over_dataset
from tf_ssd.model import ssd
from tf_ssd.weights import save_model
from tf_ssd.weights.trained import load_trained

PICTURES = 5
CATEGORY_IDS = (9, 4, 30)  # of circle, square, triangle
IMAGE_IDS = (50, 8, 700, 9, 1)  # not in order


pytestmark = pytest.mark.usefixtures("small_network", "loaded_once")


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_network):
    """A model that knows nothing, with its class map."""
    folder = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(0)
    save_model(ssd(SMALL, num_classes=4, width=0.0625), folder / "model.keras")
    write_class_names(folder / "classes.txt", CLASS_NAMES)
    return folder


@pytest.fixture(scope="module")
def pictures():
    return SyntheticDataset(PICTURES, seed=1)


@pytest.fixture(scope="module")
def voc(tmp_path_factory, pictures):
    """Pictures 0..4; the second object of a picture is difficult."""
    root = tmp_path_factory.mktemp("voc")
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for index in range(PICTURES):
        record = pictures[index]
        Image.fromarray(read_image(record)).save(root / f"JPEGImages/{index}.png")
        objects = "".join(
            f"<object><name>{CLASS_NAMES[label - 1]}</name><difficult>{int(number == 1)}</difficult>"
            f"<bndbox><xmin>{box[0] + 1}</xmin><ymin>{box[1] + 1}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox>"
            "</object>"
            for number, (box, label) in enumerate(zip(record.boxes_px, record.labels, strict=True))
        )
        size = "<size><width>300</width><height>300</height></size>"
        (root / f"Annotations/{index}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    (root / "ImageSets/Main/test.txt").write_text("".join(f"{index}\n" for index in range(PICTURES)))
    return root


@pytest.fixture(scope="module")
def coco(tmp_path_factory, pictures):
    """The same pictures with ids that are not in order, and categories that are not in the order of the classes."""
    root = tmp_path_factory.mktemp("coco")
    (root / "test").mkdir()
    rows = []
    for image_id, index in zip(IMAGE_IDS, range(PICTURES), strict=True):
        record = pictures[index]
        Image.fromarray(read_image(record)).save(root / f"test/{index}.png")
        for box, label in zip(record.boxes_px.tolist(), record.labels, strict=True):
            bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            rows.append({"id": len(rows), "image_id": image_id, "category_id": CATEGORY_IDS[label - 1], "bbox": bbox, "iscrowd": 0})
    images = [
        {"id": image_id, "file_name": f"{index}.png", "width": 300, "height": 300} for index, image_id in enumerate(IMAGE_IDS)
    ]
    categories = [{"id": number, "name": name} for number, name in zip(CATEGORY_IDS, CLASS_NAMES, strict=True)]
    content = {"images": images, "annotations": rows, "categories": categories}
    (root / "test" / "_annotations.coco.json").write_text(json.dumps(content))
    return root


def results_of(pictures, image_ids, category_ids, scores=lambda row: 0.9) -> list[dict]:
    rows = []
    for image_id, index in zip(image_ids, range(PICTURES), strict=True):
        for box, label in zip(pictures[index].boxes_px.tolist(), pictures[index].labels, strict=True):
            bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            rows.append({"image_id": image_id, "category_id": category_ids[label - 1], "bbox": bbox, "score": scores(len(rows))})
    return rows


@pytest.fixture
def found(tmp_path):
    def write(rows):
        (tmp_path / "found.json").write_text(json.dumps(rows))
        return str(tmp_path / "found.json")

    return write


class Layout(NamedTuple):
    """The pictures in files: flags that name them, and their ids."""

    kind: str
    flags: list[str]
    image_ids: tuple
    category_ids: tuple


@pytest.fixture(params=["voc", "coco"])
def layout(request):
    root = request.getfixturevalue(request.param)
    flags = ["--dataset", request.param, "--data", str(root)]
    ids = (IMAGE_IDS, CATEGORY_IDS) if request.param == "coco" else (tuple(map(str, range(PICTURES))), (1, 2, 3))
    return Layout(request.param, flags, *ids)


@pytest.mark.parametrize("metric", ["voc07", "voc12", "coco"])
def test_perfect_detections_in_a_file(pictures, layout, found, tmp_path, metric):
    path = found(results_of(pictures, layout.image_ids, layout.category_ids))
    assert evaluate.main(["--detections", path, *layout.flags, "--metric", metric, "--json", str(tmp_path / "x.json")]) == 0
    report = json.loads((tmp_path / "x.json").read_text())
    rows = sum(len(pictures[index].labels) for index in range(PICTURES))
    assert (report["images"], report["detections"], report["ground_truth"] + report["left_out"]) == (PICTURES, rows, rows)
    assert (report["left_out"] > 0) == (layout.kind == "voc"), "difficult boxes"
    assert next(iter(report["summary"].values())) == 1
    assert {name: row["AP"] for name, row in report["per_class"].items()} == {
        name: 1 if row["ground_truth"] else None for name, row in report["per_class"].items()
    }


def test_images_of_which_a_file_has_nothing_are_counted(pictures, layout, found, capsys):
    """As when it was made of a few images of a split."""
    rows = results_of(pictures, layout.image_ids, layout.category_ids)
    assert evaluate.main(["--detections", found(rows), *layout.flags]) == 0
    empty = sum(not len(pictures[index].labels) for index in range(PICTURES))
    assert (f"note: {empty} of" in capsys.readouterr().out) == (empty > 0)
    path = found([row for row in rows if row["image_id"] == rows[0]["image_id"]])
    assert evaluate.main(["--detections", path, *layout.flags]) == 0
    assert f"note: {PICTURES - 1} of {PICTURES} images have no detection in found.json\n" in capsys.readouterr().out


def test_what_predict_writes_is_understood(pictures, layout, found, tmp_path):
    """Files for ids, and classes by name beside labels, which are no category ids."""
    rows = results_of(pictures, [f"photos/{index}.png" for index in range(PICTURES)], (1, 2, 3))
    path = found([{**row, "class": CLASS_NAMES[row["category_id"] - 1]} for row in rows])
    assert evaluate.main(["--detections", path, *layout.flags, "--metric", "coco", "--json", str(tmp_path / "x.json")]) == 0
    assert next(iter(json.loads((tmp_path / "x.json").read_text())["summary"].values())) == 1


def test_a_wrong_class_and_a_missed_box_cost_what_they_should(pictures, coco, found, tmp_path, capsys):
    rows = results_of(pictures, IMAGE_IDS, CATEGORY_IDS)
    circles = [row for row in rows if row["category_id"] == CATEGORY_IDS[0]]
    rest = [row for row in rows if row["category_id"] not in CATEGORY_IDS[:2]]
    path = found([*circles[1:], *rest])
    flags = [
        "--detections",
        path,
        "--dataset",
        "coco",
        "--data",
        str(coco),
        "--metric",
        "voc12",
        "--json",
        str(tmp_path / "x.json"),
    ]
    assert evaluate.main(flags) == 0
    report = json.loads((tmp_path / "x.json").read_text())
    expected = {"circle": 1 - 1 / len(circles), "square": 0, "triangle": 1}
    assert {name: row["AP"] for name, row in report["per_class"].items()} == pytest.approx(expected)
    errors, printed = report["errors"], capsys.readouterr().out
    assert errors["thresholds"]["overall"]["recall"] == pytest.approx(sum(expected.values()) / 3)
    assert errors["lost_ap"]["AP"] == pytest.approx(sum(expected.values()) / 3)
    assert errors["lost_ap"]["kinds"]["missed"]["errors"] == report["ground_truth"] - report["detections"]
    assert "Best score threshold by F1" in printed
    assert max(map(len, printed[: printed.index("Written to")].splitlines())) <= 80


def perfect_detector(_, settings):
    """In place of `over_dataset.detector`, for pictures in their order."""
    dataset = SyntheticDataset(PICTURES, seed=1)
    position = iter(range(PICTURES))

    def find(images):
        boxes, labels, count = (
            np.zeros((len(images), 9, 4), np.float32),
            np.zeros((len(images), 9), int),
            np.zeros(len(images), int),
        )
        for row in range(len(images)):
            index = next(position, None)
            if index is not None:
                record = dataset[index]
                count[row] = len(record.labels)
                boxes[row, : count[row]], labels[row, : count[row]] = record.boxes_px / 300, record.labels
        return Detections(*map(keras.ops.convert_to_tensor, (boxes, labels, np.ones(labels.shape), count)))

    return find


def confusion_by_name(report):
    """Of a report, which is left without it: without the run, classes are in the order of the file."""
    confusion = report["errors"].pop("confusion")
    names = confusion["classes"]
    return {(names[row], names[column]): count for (row, column), count in np.ndenumerate(confusion["counts"]) if count}


def test_a_model_its_exported_detections_and_the_plot(run, layout, tmp_path, monkeypatch):
    monkeypatch.setattr(over_dataset, "detection_function", perfect_detector)
    files = {name: tmp_path / f"{name}.{'png' if name == 'plot' else 'json'}" for name in ("json", "plot", "results")}
    flags = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    assert evaluate.main(["--checkpoint", str(run), *layout.flags, "--batch-size", "2", *flags]) == 0
    direct = json.loads(files["json"].read_text())
    assert next(iter(direct["summary"].values())) == 1
    assert direct["metric"] == ("coco" if layout.kind == "coco" else "voc12")
    with Image.open(files["plot"]) as picture:
        assert picture.width > 1000
    assert evaluate.main(["--detections", str(files["results"]), *layout.flags, "--json", str(tmp_path / "again.json")]) == 0
    again = json.loads((tmp_path / "again.json").read_text())
    assert confusion_by_name(again) == confusion_by_name(direct)
    assert {**again, "evaluated": "", "detection": None} == {**direct, "evaluated": "", "detection": None}


def test_settings_of_suppression_reach_the_model_and_the_report(run, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("tf_ssd.data.synthetic.HELD_OUT_PICTURES", 2)
    settings = {"score_threshold": 0.02, "iou_threshold": 0.3, "top_k": 50, "max_detections": 7, "class_agnostic": True}
    flags = ["--score-threshold", "0.02", "--iou-threshold", "0.3", "--top-k", "50", "--max-detections", "7", "--class-agnostic"]
    assert evaluate.main(["--checkpoint", str(run), "--json", str(tmp_path / "x.json"), *flags]) == 0
    report = json.loads((tmp_path / "x.json").read_text())
    assert report["detection"] == settings
    assert report["detections"] == 14
    printed = capsys.readouterr().out
    assert "PASCAL VOC 2012: average precision at all points, IoU 0.5 (voc12)" in printed
    assert "\ngenerated pictures: 2 images\n" in printed
    assert report["rule"] in "PASCAL VOC 2012: average precision at all points, IoU 0.5"
    assert report["tiling"] is None
    assert evaluate.main(["--checkpoint", str(run), "--json", str(tmp_path / "y.json"), *flags, "--tiles", "2"]) == 0
    tiled = json.loads((tmp_path / "y.json").read_text())
    assert tiled["tiling"] == {"tiles": 2, "tile_overlap": 0.2}
    assert 14 < tiled["detections"] <= 14 * 5, "up to 7 in each window"
    assert evaluate.main(["--checkpoint", str(run), "--tiles", "16"]) == 2
    message = "--tiles 16: record synthetic-1-0 has 300 x 300 px, so that a tile would have 24 x 24; give up to 11"
    assert message in capsys.readouterr().err


def test_settings_that_are_not_given_are_the_networks(run, voc, monkeypatch, tmp_path):
    chosen = []

    def load(path, *, last):
        model, names = load_trained(path, last=last)
        model.config = replace(model.config, detection=DetectionConfig(0.001, 0.55, 30, 7))
        return model, names

    def detector(model, settings):
        chosen.append(settings)
        return perfect_detector(model, settings)

    monkeypatch.setattr("tf_ssd.evaluate.found.load_trained", load)
    monkeypatch.setattr(over_dataset, "detection_function", detector)
    flags = ["--dataset", "voc", "--data", str(voc), "--json", str(tmp_path / "x.json"), "--top-k", "9"]
    assert evaluate.main(["--checkpoint", str(run), *flags]) == 0
    assert chosen == [DetectionConfig(0.001, 0.55, 9, 7)]
    assert json.loads((tmp_path / "x.json").read_text())["detection"] == vars(chosen[0])


def test_the_metric_by_default_is_that_of_the_datasets_own_tools(tmp_path):
    def metric(kind, *folders, **settings):
        return EvaluateConfig(dataset=kind, data=folders, detections=tmp_path, **settings).chosen_metric

    old, new = tmp_path / "VOC2007", tmp_path / "VOC2012"
    assert (metric("voc", old), metric("voc", old / "../VOC2007/")) == ("voc07", "voc07")
    assert (metric("voc", new), metric("voc", old, new), metric("csv", old), metric("coco", old)) == (
        "voc12",
        "voc12",
        "voc12",
        "coco",
    )
    assert metric("voc", old, metric="voc12") == "voc12"


def test_images_that_only_their_headers_know_the_size_of(run, tmp_path, capsys):
    """A model reads them; for detections in a file none of them is opened."""
    rows = [("a", "circle", 0, 0, 30, 90), ("a", "square", 10, 10, 20, 20), ("b", "circle", 5, 5, 20, 20)]
    (tmp_path / "test.csv").write_text("".join(f"{name}.png,{','.join(map(str, row))}\n" for name, *row in rows))
    for name in "ab":
        Image.new("RGB", (60, 40)).save(tmp_path / f"{name}.png")
    flags = ["--dataset", "csv", "--data", str(tmp_path)]
    (tmp_path / "classes.txt").write_text("\n".join(CLASS_NAMES))
    assert evaluate.main(["--checkpoint", str(run), *flags]) == 0
    printed = capsys.readouterr().out
    assert printed.count("boxes that reached beyond their image, clipped: 1: ") == 1
    assert "\nsplit test: 2 images\n" in printed
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"")
    (tmp_path / "found.json").write_text(json.dumps([{"image_id": "b.png", "category_id": 1, "bbox": [5, 5, 15, 15], "score": 1}]))
    flags += ["--classes", str(tmp_path / "classes.txt"), "--json", str(tmp_path / "x.json")]
    assert evaluate.main(["--detections", str(tmp_path / "found.json"), *flags]) == 0
    assert json.loads((tmp_path / "x.json").read_text())["per_class"]["circle"] == {"ground_truth": 2, "AP": 0.5}


def test_an_untrained_model_on_generated_pictures(run, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("tf_ssd.data.synthetic.HELD_OUT_PICTURES", 3)
    assert evaluate.main(["--checkpoint", str(run / "model.keras"), "--json", str(tmp_path / "x.json")]) == 0
    assert json.loads((tmp_path / "x.json").read_text())["images"] == 3
    assert "circle" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image_id": 51}, "there is no image with the id 51"),
        ({"category_id": 1}, "there is no category with the id 1"),
        ({"bbox": [0, 0, -1, 5]}, "cannot be used as COCO results"),
    ],
)
def test_a_bad_file_of_detections_exits_2(coco, found, capsys, changed, message):
    path = found([{"image_id": 50, "category_id": 9, "bbox": [0, 0, 5, 5], "score": 0.5, **changed}])
    assert evaluate.main(["--detections", path, "--dataset", "coco", "--data", str(coco)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert path in error


def test_a_split_without_boxes_exits_2(voc, found, capsys):
    (voc / "ImageSets/Main/empty.txt").write_text("0\n")
    (voc / "Annotations/0.xml").rename(voc / "kept")
    (voc / "Annotations/0.xml").write_text("<annotation><size><width>300</width><height>300</height></size></annotation>")
    (voc / "classes.txt").write_text("circle\n")
    flags = ["--dataset", "voc", "--data", str(voc), "--split", "empty", "--classes", str(voc / "classes.txt")]
    try:
        assert evaluate.main(["--detections", found([]), *flags]) == 2
    finally:
        (voc / "kept").rename(voc / "Annotations/0.xml")
    assert "--split empty: no boxes to be found" in capsys.readouterr().err


def test_a_class_that_the_model_does_not_know_exits_2(run, voc, tmp_path, capsys):
    model = tmp_path / "model.keras"
    model.write_bytes((run / "model.keras").read_bytes())
    (tmp_path / "classes.txt").write_text("circle\nsquare\nhexagon\n")
    assert evaluate.main(["--checkpoint", str(tmp_path), "--dataset", "voc", "--data", str(voc)]) == 2
    assert "hexagon" in capsys.readouterr().err


def test_class_maps_of_model_and_command_line_must_agree(run, voc, tmp_path, capsys):
    (tmp_path / "other.txt").write_text("square\ncircle\ntriangle\n")
    flags = ["--dataset", "voc", "--data", str(voc), "--classes", str(tmp_path / "other.txt")]
    assert evaluate.main(["--checkpoint", str(run), *flags]) == 2
    assert "label 1 is 'circle' but 'square'" in capsys.readouterr().err


def test_a_model_without_class_map_must_have_as_many_classes_as_the_data(voc, tmp_path, capsys):
    save_model(ssd(SMALL, num_classes=3, width=0.0625), tmp_path / "model.keras")
    assert evaluate.main(["--checkpoint", str(tmp_path), "--dataset", "voc", "--data", str(voc)]) == 2
    assert "3 classes, but the model has 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "error: --checkpoint, --detections: give one of the two"),
        (["--checkpoint", "a", "--detections", "b"], "give one of the two"),
        (["--detections", "b", "--results", "c.json"], "--results='c.json': --detections are a file already"),
        (["--detections", "b", "--top-k", "5"], "--detections='b': these are chosen already: --score-threshold, --tiles and the"),
        (["--detections", "b", "--tiles", "2"], "--detections='b': these are chosen already: --score-threshold, --tiles and the"),
        (["--checkpoint", "a", "--tiles", "99"], "--tiles=99: must be from 1 to 16, or auto"),
        (["--checkpoint", "a", "--score-threshold", "1"], "--score-threshold=1.0: must be from 0 to below 1"),
        (["--checkpoint", "a", "--iou-threshold", "0"], "--iou-threshold=0.0: must be above 0, up to 1"),
        (["--checkpoint", "a", "--max-detections", "0"], "--max-detections=0: must be at least 1"),
        (["--checkpoint", "a", "--top-k", "0"], "--top-k=0: must be at least 1"),
        (["--checkpoint", "a", "--batch-size", "0"], "--batch-size=0"),
        (["--checkpoint", "a", "--seed", "-1"], "--seed=-1"),
        (["--checkpoint", "a", "--json", "x.txt"], "--json='x.txt': must end in .json"),
        (["--checkpoint", "a", "--report", "x.pdf"], "--report='x.pdf': must end in .html"),
        (["--checkpoint", "a", "--plot", "nowhere/x.png"], "there is no folder nowhere"),
        (["--checkpoint", "nowhere"], "nowhere: no such file or folder; give the folder of a run"),
        (["--checkpoint", "nowhere", "--dataset", "voc"], "--dataset voc needs the folder"),
    ],
)
def test_wrong_settings_exit_2(flags, message, capsys):
    assert evaluate.main(flags) == 2
    assert message in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "x.json").write_text("precious")
    assert evaluate.main(["--checkpoint", "a", "--json", str(tmp_path / "x.json")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "x.json").read_text() == "precious"


def data_of(path):
    """What a report holds for its charts and pictures."""
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[1])


def test_a_report_shows_the_pictures_that_it_is_about(pictures, layout, found, tmp_path, capsys):
    """Also of COCO, whose images are taken in the order of their ids."""
    rows = results_of(pictures, layout.image_ids, layout.category_ids)
    alarms = [
        {"image_id": image_id, "category_id": layout.category_ids[0], "bbox": [2, 2, 9, 9], "score": 0.1 * (number + 1)}
        for number, image_id in enumerate(layout.image_ids)
    ]
    report = tmp_path / "report.html"
    assert evaluate.main(["--detections", found([*rows, *alarms]), *layout.flags, "--report", str(report)]) == 0
    assert f"Written to {report}" in capsys.readouterr().out
    data = data_of(report)
    assert [data["pictures"][picture]["name"] for picture, *_ in data["alarms"]] == ["4.png", "3.png", "2.png", "1.png", "0.png"]
    for picture, side, row, words in data["alarms"]:
        assert (side, words) == ("found", "where nothing is annotated")
        assert data["pictures"][picture]["found"][row][:4] == [2, 2, 9, 9]
    assert data["sizes"]["covered"] is None


def test_a_report_of_a_model_has_its_default_boxes(run, layout, tmp_path, monkeypatch):
    monkeypatch.setattr(over_dataset, "detection_function", perfect_detector)
    report = tmp_path / "report.html"
    assert evaluate.main(["--checkpoint", str(run), *layout.flags, "--report", str(report)]) == 0
    sizes = data_of(report)["sizes"]
    assert sizes["unit"] == "pixels of the network's input"
    assert all(share > 0.9 for share in sizes["covered"] if share is not None)
    assert f"{run / 'model.keras'}" in report.read_text()


def finds_nothing(model, settings):
    find = perfect_detector(model, settings)

    def find_nothing(images):
        found = find(images)
        return found._replace(count=found.count * 0)

    return find_nothing


def test_a_report_of_no_detections_is_refused_and_nothing_is_written(run, coco, tmp_path, capsys, monkeypatch):
    (tmp_path / "found.json").write_text("[]")
    flags = ["--dataset", "coco", "--data", str(coco), "--report", str(tmp_path / "x.html"), "--json", str(tmp_path / "x.json")]
    assert evaluate.main(["--detections", str(tmp_path / "found.json"), *flags]) == 2
    why = "in 5 images, so that there is nothing for --report to show"
    assert f"found.json: no detections {why}; detect with a lower score threshold" in capsys.readouterr().err
    monkeypatch.setattr(over_dataset, "detection_function", finds_nothing)
    assert evaluate.main(["--checkpoint", str(run), "--score-threshold", "0.9", *flags]) == 2
    assert f"--checkpoint {run}: nothing scores more than 0.9 {why}; train it first" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["found.json"]


def test_nothing_to_be_found_is_said_before_the_model_detects(run, voc, monkeypatch, capsys):
    """In pictures with difficult objects alone."""
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    shape = f"<object><name>circle</name><difficult>1</difficult>{box}</object>"
    size = "<size><width>300</width><height>300</height></size>"
    (voc / "Annotations/only.xml").write_text(f"<annotation>{size}{shape}</annotation>")
    (voc / "JPEGImages/only.png").write_bytes((voc / "JPEGImages/0.png").read_bytes())
    (voc / "ImageSets/Main/difficult.txt").write_text("only\n")
    monkeypatch.setattr(over_dataset, "detection_function", lambda *_: pytest.fail("it detects"))
    assert evaluate.main(["--checkpoint", str(run), "--dataset", "voc", "--data", str(voc), "--split", "difficult"]) == 2
    assert "--split difficult: no boxes to be found" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert evaluate.main(["--checkpoint", "a", "--report", str(tmp_path / "x.html")]) == 2
    assert f"nothing can be written in {tmp_path}; choose another folder" in capsys.readouterr().err


def test_an_unknown_metric_is_a_wrong_command_line(capsys):
    assert evaluate.main(["--checkpoint", "a", "--metric", "kitti"]) == 2
    assert "error: --metric kitti: must be one of voc07, voc12, coco" in capsys.readouterr().err


@pytest.mark.parametrize("metric", ["voc07", "coco"])
def test_a_thousand_images_of_200_detections_take_seconds(metric):
    """Of 5000 images within a minute, a fifth; of this process, whatever runs beside it."""
    from tf_ssd.boxes_px import area
    from tf_ssd.metrics import ImageDetections, ImageGroundTruth, average_precision

    random = np.random.default_rng(0)

    def boxes(count):
        low = random.uniform(0, 400, (count, 2))
        return np.hstack([low, low + random.uniform(5, 200, (count, 2))])

    detections, truth = [], []
    for _ in range(1000):
        gt_boxes = boxes(7)
        truth.append(ImageGroundTruth(gt_boxes, random.integers(1, 21, 7), np.zeros(7, bool), np.zeros(7, bool), area(gt_boxes)))
        detections.append(ImageDetections(boxes(200), random.integers(1, 21, 200), random.random(200)))
    start = time.process_time()
    average_precision(detections, truth, num_classes=21, metric=metric)
    assert time.process_time() - start < 12
