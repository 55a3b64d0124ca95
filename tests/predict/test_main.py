import csv
import json
import os
import re
import sys
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from tests.small_network import SMALL
from tf_ssd.config import DetectionConfig
from tf_ssd.data.classes import write_class_names
from tf_ssd.errors import ConfigError
from tf_ssd.model import ssd
from tf_ssd.predict import __main__ as predict
from tf_ssd.predict.detector import Detector
from tf_ssd.predict.video import Frame, opened, write_video
from tf_ssd.weights import save_model
from tf_ssd.weights.trained import load_trained

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_network):
    folder = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(0)
    save_model(ssd(SMALL, num_classes=3, width=0.0625, batch_norm=True), folder / "model.keras")
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
        assert picture.size == (80, 60)
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


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], DetectionConfig(0.3, 0.55, 30, 7)),
        (["--score-threshold", "0", "--top-k", "9", "--class-agnostic"], DetectionConfig(0, 0.55, 9, 7, class_agnostic=True)),
    ],
)
def test_suppression_is_the_networks_and_shown_is_what_scores_enough(run, photos, monkeypatch, flags, expected):
    def load(path, *, last):
        model, names = load_trained(path, last=last)
        model.config = replace(model.config, detection=DetectionConfig(0.001, 0.55, 30, 7))
        return model, names

    chosen = []

    def detector(*_, settings, exif):
        chosen.append(settings)
        raise ConfigError("seen")

    monkeypatch.setattr("tf_ssd.weights.trained.load_trained", load)
    monkeypatch.setattr("tf_ssd.predict.detector.Detector", detector)
    assert predict.main([str(photos / "a.jpg"), "--checkpoint", str(run), *flags]) == 2
    assert chosen == [expected]


def test_the_best_threshold_is_that_of_the_model_in_the_run(run, photos, tmp_path, capsys):
    for name in ("model.keras", "classes.txt"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    flags = ["--checkpoint", str(tmp_path), "--output", str(tmp_path / "out"), "--score-threshold", "best"]
    assert predict.main([str(photos), *flags]) == 2
    assert f"error: --score-threshold best: {tmp_path / 'model.keras'} has no thresholds.json beside it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    (tmp_path / "thresholds.json").write_text(json.dumps({"model.keras": {"overall": {"threshold": 0.35}}}))
    assert predict.main([str(photos / "b.png"), *flags]) == 0
    assert "score threshold: 0.35, the best on the run's held-out images" in capsys.readouterr().err
    scores = [row["score"] for row in json.loads((tmp_path / "out" / "detections.json").read_text())]
    assert scores
    assert min(scores) > 0.35


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


def test_standard_input_in_tiles(run, photos, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO((photos / "b.png").read_bytes())))
    assert predict.main(["-", "--checkpoint", str(run), "--tiles", "4"]) == 2
    assert "--tiles 4: the picture has 80 x 60 px, so that a tile would have" in capsys.readouterr().err


def test_standard_input_that_is_no_picture(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"hello")))
    assert predict.main(["-", "--checkpoint", str(run)]) == 2
    assert "error: the picture: cannot be read" in capsys.readouterr().err


def test_originals_are_not_overwritten(run, photos, capsys):
    before = (photos / "a.jpg").read_bytes()
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(photos)]) == 2
    assert "a.jpg would overwrite an input" in capsys.readouterr().err
    assert (photos / "a.jpg").read_bytes() == before


@pytest.mark.parametrize("name", ["a.jpg", "detections.json", "detections.csv"])
def test_an_existing_file_is_replaced_only_if_that_is_asked_for(run, photos, tmp_path, capsys, name):
    album = tmp_path / "album"
    album.mkdir()
    (album / name).write_text("a user's")
    arguments = [str(photos / "a.jpg"), "--checkpoint", str(run), "--output", str(album)]
    assert predict.main(arguments) == 2
    assert (
        f"--output {album}: the folder holds {name} already; choose another folder, or give --overwrite" in capsys.readouterr().err
    )
    assert [(path.name, path.read_text()) for path in album.iterdir()] == [(name, "a user's")]
    assert predict.main([*arguments, "--overwrite"]) == 0
    assert {path.name for path in album.iterdir()} == {"a.jpg", "detections.json", "detections.csv"}
    assert (album / name).read_bytes() != b"a user's"


def test_an_input_is_never_overwritten(run, photos, capsys):
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(photos), "--overwrite"]) == 2
    assert "would overwrite an input" in capsys.readouterr().err


def test_an_output_that_is_no_folder(run, photos, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "file")]) == 2
    assert f"--output={str(tmp_path / 'file')!r}: is no folder; choose a folder" in capsys.readouterr().err


def test_without_output_a_folder_is_named_after_the_time(run, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert predict.main([str(photos / "b.png"), "--checkpoint", str(run)]) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"predict-\d{8}-\d{6}", folder.name)
    assert f"in runs/{folder.name}" in capsys.readouterr().err
    assert (folder / "b.png").exists()


def test_what_is_left_out_in_a_folder_is_said_and_a_photo_counts_as_skipped(run, photos, tmp_path, capsys):
    (photos / "IMG_1.HEIC").touch()
    (photos / "c.jfif").write_bytes((photos / "a.jpg").read_bytes())
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "out")]) == 1
    assert "left out: 1 .heic (convert them to JPEG or PNG), 1 .txt" in capsys.readouterr().err
    assert (tmp_path / "out" / "c.jpg").exists()


def test_a_name_that_is_not_utf8_loses_nothing(run, photos, tmp_path, capsys):
    odd = Path(os.fsdecode(os.fsencode(photos / "caf") + b"\xe9.png"))
    (photos / "b.png").rename(odd)
    for name in ("a.jpg", "deeper/a.JPG"):  # explanations take long
        (photos / name).unlink()
    arguments = [str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "out"), "--explain"]
    assert predict.main(arguments) == 0
    assert {path.name for path in (tmp_path / "out").glob("caf*")} == {odd.name, f"{odd.stem}-explained.png"}
    names = {row["image_id"] for row in json.loads((tmp_path / "out" / "detections.json").read_text(encoding="utf-8"))}
    assert rf"{photos}/caf\udce9.png" in names


def test_what_decoders_print_does_not_bury_what_is_said(run, photos, tmp_path, capfd):
    encoded = bytearray((photos / "a.jpg").read_bytes())
    scan = encoded.index(b"\xff\xda") + 60
    encoded[scan : scan + 60] = b"\0" * 60  # libjpeg conceals it, and prints a line
    (photos / "a.jpg").write_bytes(encoded)
    (photos / "bad.jpg").write_bytes(b"")
    assert predict.main([str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "out")]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["model", "skipped", "left out"]
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-", "a.jpg", "--output", "out"], "- stands alone"),
        (["-", "--output", "out"], "the results are printed"),
        (["a.jpg", "--output", "out", "--score-threshold", "2"], "--score-threshold=2"),
        (["-", "--explain"], "--explain=True: with - no pictures are written"),
        (["a.jpg", "--explain", "--tiles", "2"], "--explain=True: explains what is found in whole pictures; leave out --tiles"),
        (["a.jpg", "--tiles", "0"], "--tiles=0: must be from 1 to 16, or auto"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, named, capsys):
    assert predict.main([*arguments, "--checkpoint", "run"]) == 2
    assert named in capsys.readouterr().err


# Tiles


def test_tiles_find_more(run, photos, tmp_path):
    """In pictures and in frames."""
    photo, clip = photos / "b.png", make_clip(tmp_path / "clip.mp4", 1)
    arguments = [str(photo), str(clip), "--checkpoint", str(run), "--score-threshold", "0.5"]
    found = {}
    for name, flags in {"whole": [], "tiled": ["--tiles", "2", "--tile-overlap", "0.5"]}.items():
        assert predict.main([*arguments, "--output", str(tmp_path / name), *flags]) == 0
        rows = json.loads((tmp_path / name / "detections.json").read_text())
        found[name] = Counter(row["image_id"] for row in rows)
    assert set(found["tiled"]) == {str(photo), f"{clip}#0"}
    assert all(found["tiled"][name] > found["whole"][name] for name in found["tiled"])


def test_a_picture_that_is_too_small_is_named_before_anything_is_written(run, photos, tmp_path, capsys):
    (photos / "bad.jpg").write_bytes(b"")  # is for later
    arguments = [str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "out"), "--tiles", "3"]
    assert predict.main(arguments) == 2
    message = f"--tiles 3: {photos / 'a.jpg'} has 80 x 60 px, so that a tile would have 31 x 24; give up to 2, for tiles of 32 px"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# Explanations


def test_pictures_are_explained(run, photos, tmp_path):
    (photos / "b.png").write_bytes(b"")
    arguments = [str(photos), "--checkpoint", str(run), "--output", str(tmp_path / "out"), "--explain"]
    assert predict.main(arguments) == 1
    explained = {path.name for path in (tmp_path / "out").glob("*-explained.png")}
    assert explained == {"a-explained.png", "a-2-explained.png"}
    pictures = []
    for name in sorted(explained):
        with Image.open(tmp_path / "out" / name) as picture:
            pictures.append(np.asarray(picture))
            assert 900 < picture.height < picture.width == 1600
    assert not np.array_equal(*pictures)


def test_videos_are_not_explained(run, clip, tmp_path, capsys):
    assert predict.main([str(clip), "--checkpoint", str(run), "--output", str(tmp_path / "out"), "--explain"]) == 2
    assert f"--explain: explains pictures; leave out the video {clip}" in capsys.readouterr().err


# Videos


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "clip.mp4", 12)


def make_clip(path, frames):
    """Noise, the first four frames dark."""
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256 if number > 3 else 2, (47, 64, 3), np.uint8) for number in range(frames)]
    write_video(path, [Frame(frame, number / 25) for number, frame in enumerate(pixels)], Fraction(25))
    return path


def test_a_video(run, clip, photos, tmp_path, capsys):
    arguments = [str(clip), str(photos / "b.png"), "--checkpoint", str(run), "--output", str(tmp_path / "out")]
    assert predict.main(arguments) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"clip.mp4", "b.png", "detections.json", "detections.csv"}
    results = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert f"13 images, {len(results):,} detections" in capsys.readouterr().err
    with opened(clip) as original, opened(tmp_path / "out" / "clip.mp4") as copy:
        pairs = list(zip(original.frames, copy.frames, strict=True))
        assert (copy.rate, copy.length) == (25, 12)
    detector = Detector(*load_trained(run))
    names = [f"{clip}#{number}" for number in range(12)]
    for name, (frame, annotated) in zip(names, pairs, strict=True):
        assert annotated.pixels.shape == frame.pixels.shape
        assert annotated.seconds == pytest.approx(frame.seconds, abs=1e-4)
        expected = detector(frame.pixels)
        found = [row for row in results if row["image_id"] == name]
        assert [row["category_id"] for row in found] == expected.labels.tolist()
        assert [row["score"] for row in found] == pytest.approx(expected.scores.tolist(), abs=1e-5)
    assert {row["image_id"] for row in results} <= {*names, str(photos / "b.png")}
    assert len(results) > 12


def test_a_damaged_video_is_named_and_nothing_is_left_of_it(run, clip, photos, tmp_path, capsys):
    bad = make_clip(tmp_path / "bad.mp4", 40)
    content = bad.read_bytes()
    bad.write_bytes(content[: len(content) * 9 // 10])
    arguments = [str(bad), str(clip), "--checkpoint", str(run), "--output", str(tmp_path / "out")]
    assert predict.main(arguments) == 1
    printed = capsys.readouterr().err
    assert f"skipped: {bad}: cannot be read as a video (damaged after 1." in printed
    assert "12 images, " in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"clip.mp4", "detections.json", "detections.csv"}
    results = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert {row["image_id"].split("#")[0] for row in results} == {str(clip)}


def test_an_interrupt_leaves_no_half_video(run, clip, tmp_path, monkeypatch, capsys):
    detect, calls = Detector.__call__, []

    def interrupted(self, pictures, **tiles):
        calls.append(len(pictures))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return detect(self, pictures, **tiles)

    monkeypatch.setattr(Detector, "__call__", interrupted)
    assert predict.main([str(clip), "--checkpoint", str(run), "--output", str(tmp_path / "out")]) == 130
    assert calls == [8, 4], "a few frames at a time"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_video_without_pyav(run, clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "av", None)
    assert predict.main([str(clip), "--checkpoint", str(run), "--output", str(tmp_path / "out")]) == 2
    assert 'install it with: pip install "tf-ssd[video]"' in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
