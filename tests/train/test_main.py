import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tests.help_text import help_text
from tests.house import ROOT
from tests.voc_folder import write_voc
from tf_ssd.config import NETWORKS
from tf_ssd.train import __main__ as train
from tf_ssd.weights import load_model, save_model

SMALL = ["--width", "0.0625", "--batch-size", "2", "--steps", "3", "--checkpoint-every", "2"]


STEPS = 60
STEADY = ["--width", "0.0625", "--batch-size", "2", "--steps", str(STEPS), "--checkpoint-every", "4", "--eval-every", "40"]
STEADY += ["--optimizer", "sgd", "--learning-rate", "1e-3", "--ema", "0.9", "--recipe", "quick", "--seed", "4"]


# The command, with a small network.
COMMAND = """
import sys
from tests.small_network import small_network
from tf_ssd.train.__main__ import main
with small_network():
    sys.exit(main(sys.argv[1:]))
"""
pytestmark = pytest.mark.usefixtures("small_network")


@pytest.fixture(scope="module", autouse=True)
def graphs_as_traced():
    """They are not: a run in this process and one in another, which optimizes its graphs, have to make the same bits."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eight synthetic pictures in the layout of VOC: five to train on, three held out."""
    root = tmp_path_factory.mktemp("data") / "voc"
    write_voc(root, suffix=".jpg")
    return root


@pytest.fixture
def voc(data, tmp_path):
    """A copy of the data, which may be broken."""
    return shutil.copytree(data, tmp_path / "voc")


@pytest.fixture(scope="module")
def steady(data):
    """Flags of a run that goes on for a while; --output is left to be given."""
    return ["--dataset", "voc", "--data", str(data), *STEADY, "--output"]


@pytest.fixture(scope="module")
def run(tmp_path_factory, steady):
    """The folder of such a run, undisturbed."""
    folder = tmp_path_factory.mktemp("runs") / "deep" / "run"
    assert train.main([*steady, str(folder)]) == 0
    return folder


def test_weights_that_cannot_be_used_write_nothing(tmp_path, capsys):
    (tmp_path / "broken.keras").write_bytes(b"PK")
    assert train.main([*SMALL, "--weights", str(tmp_path / "broken.keras"), "--output", str(tmp_path / "run")]) == 2
    assert "broken.keras: not a .keras file" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_a_run_leaves(run):
    assert {path.name for path in run.iterdir()} == {
        "run.json",
        "classes.txt",
        "loss.csv",
        "evaluations.csv",
        "tensorboard",
        "checkpoints",
        "model.keras",
        "best.keras",
        "average_precision.json",
        "thresholds.json",
        "held_out.png",
        "report.html",
        "curves.png",
    }
    settings = json.loads((run / "run.json").read_text())
    assert settings["settings"]["seed"] == 4
    assert settings["recipe"]["steps"] == STEPS
    assert (run / "classes.txt").read_text().split() == ["circle", "square", "triangle"]
    rows = list(csv.DictReader((run / "loss.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(1, STEPS + 1))
    assert max((run / "checkpoints").iterdir()).name == f"step-{STEPS:08d}.safetensors"
    precision = json.loads((run / "average_precision.json").read_text())
    assert set(precision["per_class"]) == {"circle", "square", "triangle"}
    for name in ("held_out.png", "curves.png"):
        with Image.open(run / name) as picture:
            assert picture.width > 900
    assert keras.saving.load_model(run / "model.keras").config.num_classes == 4


def broken(voc: Path, what: str) -> None:
    """Break a dataset in a way that users do."""
    annotation = voc / "Annotations/2.xml"
    box = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>1</ymin><xmax>{}</xmax><ymax>9</ymax></bndbox></object>"
    replacement = {
        "unparsable XML": "<annotation><object>",
        "min > max": f"<annotation><size><width>300</width><height>300</height></size>{box.format('circle', 20, 10)}</annotation>",
        "outside": f"<annotation><size><width>300</width><height>300</height></size>{box.format('circle', 400, 500)}</annotation>",
    }
    if what in replacement:
        annotation.write_text(replacement[what])
    elif what == "unknown class":
        unknown = f"<annotation><size><width>300</width><height>300</height></size>{box.format('hexagon', 1, 50)}</annotation>"
        (voc / "Annotations/6.xml").write_text(unknown)
    elif what == "empty split":
        (voc / "ImageSets/Main/train.txt").write_text("\n")
    elif what == "missing file":
        (voc / "ImageSets/Main/train.txt").write_text("0\nnowhere\n")
    elif what == "unreadable image":
        for index in range(5):  # whichever is in the first batch, so that nothing is compiled
            (voc / f"JPEGImages/{index}.jpg").write_bytes(b"no picture")


NAMED = {
    "unparsable XML": r"2\.xml",
    "min > max": r"2\.xml.*20.*10",
    "outside": r"2\.xml.*400",
    "unknown class": r"6\.xml.*hexagon",
    "empty split": r"train\.txt",
    "missing file": r"nowhere",
    "unreadable image": r"[0-4]\.jpg",
}


@pytest.mark.parametrize("what", NAMED)
def test_a_broken_dataset_is_one_message(voc, tmp_path, capsys, what):
    broken(voc, what)
    assert train.main(["--dataset", "voc", "--data", str(voc), *SMALL, "--output", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert re.fullmatch(f"error: .*{NAMED[what]}.*\n", message)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--dataset", "voc", "--data", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--dataset", "voc"], "--data"),
        (["--steps", "0"], "--steps=0"),
        (["--width", "-1"], "width=-1"),
    ],
)
def test_wrong_settings(arguments, named, capsys):
    assert train.main(arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert named in message


def test_an_unknown_split_lists_those_there_are(data, capsys):
    assert train.main(["--dataset", "voc", "--data", str(data), "--split", "trian"]) == 2
    assert "train, val" in capsys.readouterr().err


def test_a_finished_run_is_left_as_it_is(run, steady, capsys):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert train.main([*steady, str(run)]) == 0
    assert "is finished; nothing is left to do" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_another_run_is_not_overwritten(run, steady, capsys):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert train.main([*steady, str(run), "--seed", "0"]) == 2
    assert f"--output {run} holds another run: seed was 4 and is 0" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_that_cannot_be_made(tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert train.main([*SMALL, "--output", str(tmp_path / "run")]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_an_output_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("precious")
    assert train.main([*SMALL, "--output", str(tmp_path / "file")]) == 2
    assert "error: --output" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "precious"


def test_help_answers_at_once():
    text, seconds = help_text("tf_ssd.train")
    assert seconds < 1
    assert "--dataset" in text
    assert all(network in text for network in NETWORKS)


def steps_made(folder):
    return len((folder / "loss.csv").read_text().splitlines()) - 1 if (folder / "loss.csv").exists() else 0


def wait_for(alive, folder, step):
    """Until a run has made `step` steps; no longer than it is `alive`."""
    while alive() and steps_made(folder) < step:
        time.sleep(0.01)
    assert alive()


def last_checkpoint(folder):
    """Its number of steps, and all it holds."""
    path = max((folder / "checkpoints").iterdir())
    return int(path.stem.removeprefix("step-")), load_file(path)


def assert_same_end(folder, other):
    for name in ("loss.csv", "evaluations.csv", "average_precision.json"):
        assert (folder / name).read_text() == (other / name).read_text()
    (step, state), (other_step, other_state) = last_checkpoint(folder), last_checkpoint(other)
    assert (step, state.keys()) == (other_step, other_state.keys())
    for name, value in state.items():
        assert value.tobytes() == other_state[name].tobytes(), name
    for name in ("model.keras", "best.keras"):
        ours, theirs = load_model(folder / name).get_weights(), load_model(other / name).get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@contextmanager
def stopped_at(folder, step):
    """SIGTERM for this process as soon as the run inside has made `step` steps; one that comes too late does no harm."""
    inside, before = threading.Event(), signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def stop():
        wait_for(lambda: not inside.is_set(), folder, step)
        os.kill(os.getpid(), signal.SIGTERM)

    with ThreadPoolExecutor(1) as thread:
        sent = thread.submit(stop)
        try:
            yield
        finally:
            inside.set()
            wait([sent])
            signal.signal(signal.SIGTERM, before)
        sent.result()


def test_stopped_killed_and_damaged_it_ends_as_if_nothing_had_happened(run, steady, tmp_path, capsys):
    """The end is made in another thread than the first, which alone receives signals."""
    flags = [*steady, str(folder := tmp_path / "run")]
    with stopped_at(folder, 5):
        assert train.main(flags) == 0
    made = steps_made(folder)
    assert 5 <= made < STEPS
    assert f"Stopped after step {made}; the same command goes on" in capsys.readouterr().out
    assert last_checkpoint(folder)[0] == made
    killed = subprocess.Popen([sys.executable, "-c", COMMAND, *flags], cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_for(lambda: killed.poll() is None, folder, made + 6)
    killed.kill()
    killed.wait()
    newest = max((folder / "checkpoints").glob("step-*"))
    assert int(newest.stem.removeprefix("step-")) > made
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1
    newest.write_bytes(content)
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(train.main, flags).result() == 0
    printed = capsys.readouterr()
    assert f"{newest.name}: damaged, and left out" in printed.err.replace("\n", "")
    assert "5 training and 3 held-out images" in printed.out
    assert "mean" in printed.out
    assert str(folder) in printed.out.replace("\n", "")
    assert_same_end(folder, run)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_asks_a_run_to_stop(monkeypatch, number):
    asked = []

    def complete(_, stop):
        asked.append(stop())
        os.kill(os.getpid(), number)
        asked.append(stop())

    monkeypatch.setattr("tf_ssd.train.run.Run", lambda *_: None)
    monkeypatch.setattr("tf_ssd.train.loop.complete", complete)
    assert train.main(SMALL) == 0
    assert asked == [False, True]


@pytest.mark.usefixtures("graphs_as_traced_here")
def test_weights_that_are_not_finite(data, run, tmp_path, capsys):
    model = load_model(run / "model.keras")
    model.get_layer("conv2_1").kernel.assign(np.full(model.get_layer("conv2_1").kernel.shape, np.nan))
    save_model(model, tmp_path / "nan.keras")
    flags = ["--dataset", "voc", "--data", str(data), *SMALL, "--weights", str(tmp_path / "nan.keras")]
    assert train.main([*flags, "--output", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert re.fullmatch(r"error: step 1: the loss is nan .*, on images \d, \d: the weights conv2_1/kernel hold nan; .*\n", message)
    assert re.search(r"of \d, default box \d+ \(feature map \d, row \d+, column \d+, box \d\)", message)
    kept = re.search(r"--replay (\S+)", message)[1]
    assert train.main(["--replay", kept]) == 0
    explained = capsys.readouterr().out
    assert explained.startswith("step 1, images ")
    assert "the weights conv2_1/kernel hold nan" in explained


@pytest.mark.usefixtures("graphs_as_traced_here")
def test_quiet_prints_nothing(data, tmp_path, capfd):
    """Of a run with many other settings."""
    flags = ["--dataset", "voc", "--data", str(data), "--width", "0.0625", "--batch-size", "2", "--steps", "1", "--quiet"]
    more = ["--recipe", "voc", "--batch-norm", "True", "--clip-norm", "5", "--micro-batches", "2", "--frozen-blocks", "1"]
    more += ["--precision", "bfloat16", "--unlabelled", "drop", "--on-bad-image", "skip"]
    assert train.main([*flags, *more, "--output", str(tmp_path / "run")]) == 0
    assert capfd.readouterr() == ("", "")
    assert_losses(tmp_path / "run", steps=1)


@pytest.mark.usefixtures("graphs_as_traced_here")
def test_half_precision(tmp_path, monkeypatch):
    """On pictures that are generated, of which fewer are held out: CPUs take long for float16."""
    monkeypatch.setattr("tf_ssd.data.synthetic.HELD_OUT_PICTURES", 3)
    flags = ["--width", "0.03125", "--batch-size", "2", "--steps", "1", "--precision", "float16"]
    assert train.main([*flags, "--output", str(tmp_path / "run")]) == 0
    assert_losses(tmp_path / "run", steps=1)


def assert_losses(folder, *, steps):
    """That are numbers; and half precision has ended with the run."""
    rows = list(csv.DictReader((folder / "loss.csv").read_text().splitlines()))
    assert len(rows) == steps
    assert all(0 < float(row["total"]) < 1000 for row in rows)
    assert keras.config.dtype_policy().name == "float32"
