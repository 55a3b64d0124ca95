import csv
import json
import sys
from io import BytesIO, TextIOWrapper
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from tf_ssd import predict
from tf_ssd.config import ModelConfig
from tf_ssd.data.classes import write_class_names
from tf_ssd.errors import ConfigError
from tf_ssd.model import ssd300
from tf_ssd.weights import save_model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(0)
    save_model(ssd300(ModelConfig(num_classes=3, width=0.0625, batch_norm=True)), folder / "model.keras")
    write_class_names(folder / "classes.txt", ("cat", "dog"))
    return folder


@pytest.fixture
def photos(tmp_path):
    """Two pictures of one name in two folders, one in a third format, a text beside them and a damaged one."""
    folder = tmp_path / "photos"
    random = np.random.default_rng(0)
    for name in ("a.jpg", "b.png", "deeper/a.JPG"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (60, 80, 3), np.uint8)).save(path)
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_folder(run, photos, tmp_path, capsys):
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "out"), "--score-threshold", "0.5"]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a.jpg",
        "a-2.jpg",
        "b.png",
        "detections.json",
        "detections.csv",
    }
    with Image.open(tmp_path / "out" / "a.jpg") as picture:
        assert picture.size == (160, 120)  # drawn at twice its size
    results = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert {row["image_id"] for row in results} == {str(photos / name) for name in ("a.jpg", "b.png", "deeper/a.JPG")}
    assert all(row["score"] >= 0.5 and row["category_id"] in (1, 2) and len(row["bbox"]) == 4 for row in results)
    with (tmp_path / "out" / "detections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(results)
    for row, result in zip(rows, results, strict=True):
        assert row["class"] == ("cat", "dog")[result["category_id"] - 1]
        x, y, width, height = result["bbox"]
        assert [float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax")] == pytest.approx(
            [x, y, x + width, y + height], abs=0.01
        )
    assert f"3 pictures, {len(rows)} detections" in capsys.readouterr().err


def test_a_bad_picture_is_named_and_skipped(run, photos, tmp_path, capsys):
    (photos / "bad.jpg").write_bytes(b"")
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "out")]) == 1
    assert f"skipped: {photos / 'bad.jpg'}: cannot be read as an image" in capsys.readouterr().err
    assert (tmp_path / "out" / "b.png").exists()
    assert not (tmp_path / "out" / "bad.jpg").exists()


def test_standard_input(run, photos, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO((photos / "b.png").read_bytes())))
    assert predict.main(["-", "--checkpoint", str(run)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["width"], printed["height"]) == (80, 60)
    assert {row["class"] for row in printed["detections"]} <= {"cat", "dog"}


def test_standard_input_that_is_no_picture(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"hello")))
    assert predict.main(["-", "--checkpoint", str(run)]) == 2
    assert "error: the picture: cannot be read" in capsys.readouterr().err


def test_finding_pictures(photos):
    everything = [photos / "a.jpg", photos / "b.png", photos / "deeper" / "a.JPG"]
    assert predict.find_pictures([str(photos)]) == everything
    assert predict.find_pictures([str(photos / "b.png"), str(photos)]) == [everything[1], everything[0], everything[2]]
    assert predict.find_pictures([str(photos / "*.jpg")]) == [everything[0]]
    assert predict.find_pictures([str(photos / "**" / "*.[jJ]*")]) == [everything[0], everything[2]]


@pytest.mark.parametrize("name", ["missing.jpg", "*.gif", ""])
def test_a_name_without_pictures(photos, name):
    (photos / "empty").mkdir()
    with pytest.raises(ConfigError, match="no such picture, or a folder without any"):
        predict.find_pictures([str(photos / (name or "empty"))])


def test_results_are_not_overwritten(run, photos, tmp_path, capsys):
    (tmp_path / "detections.json").write_text("kept")
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(tmp_path)]) == 2
    assert "the folder holds results" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "file")]) == 2
    assert "cannot be made" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["a.jpg"], "--output=None"),
        (["-", "a.jpg", "--output", "out"], "- stands alone"),
        (["-", "--output", "out"], "the results are printed"),
        (["a.jpg", "--output", "out", "--score-threshold", "2"], "--score-threshold=2"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, named, capsys):
    assert predict.main([*arguments, "--checkpoint", "run"]) == 2
    assert named in capsys.readouterr().err
