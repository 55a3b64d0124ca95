import contextlib
import csv
import dataclasses
import errno
import io
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from rich.console import Console

from tests.train.board import read_board
from tf_ssd.config import TrainConfig
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ConfigError, TrainingError
from tf_ssd.evaluate.over_dataset import judged
from tf_ssd.train.ending import ended_by
from tf_ssd.train.folder import claimed
from tf_ssd.train.held_out import HeldOut
from tf_ssd.train.loop import complete
from tf_ssd.train.run import Run
from tf_ssd.train.stretches import Stretch
from tf_ssd.train.workers import Workers
from tf_ssd.weights import load_model

pytestmark = pytest.mark.usefixtures("small_network")
ONE = Workers(tf.distribute.get_strategy(), 0, 1)
SETTINGS = {"steps": 5, "batch_size": 2, "width": 0.0625, "batch_norm": False, "checkpoint_every": 2, "eval_every": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four pictures in CSV files, one of them held out."""
    folder, dataset = tmp_path_factory.mktemp("data"), SyntheticDataset(4, seed=1)
    for index in range(4):
        record = dataset[index]
        Image.fromarray(read_image(record)).save(folder / f"{index}.png")
        rows = [
            f"{index}.png,{dataset.class_names[label - 1]},{','.join(map(str, box))}\n"
            for box, label in zip(record.boxes_px, record.labels, strict=True)
        ]
        with (folder / ("val.csv" if index == 3 else "train.csv")).open("a") as file:
            file.writelines(rows)
    (folder / "classes.txt").write_text("\n".join(dataset.class_names))
    return folder


def new_run(folder, data, *, workers=ONE, **settings):
    settings = SETTINGS | settings
    return Run(TrainConfig(dataset="csv", data=(data,), classes=data / "classes.txt", output=folder, **settings), workers)


@pytest.fixture(scope="module")
def complete_run(tmp_path_factory, data):
    """A run, and a copy of what it left in its folder."""
    folder = tmp_path_factory.mktemp("runs")
    run = new_run(folder / "run", data)
    complete(run, lambda: False)
    shutil.copytree(run.folder, folder / "copy")
    return run, folder / "copy"


@pytest.fixture
def undisturbed(complete_run):
    return complete_run[1]


@pytest.fixture
def compiled(complete_run):
    """The run before its first step again, in an empty folder: its training step need not be compiled once more."""
    run, _ = complete_run
    shutil.rmtree(run.folder)
    run.folder.mkdir()
    run.trainer.step = 0
    run.trainer.optimizer.iterations.assign(0)
    for name in ("run.json", "classes.txt"):
        shutil.copy(complete_run[1] / name, run.folder)
    return run


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, data):
    """The folder of a run that was stopped twice, each time before an evaluation, and what was seen of either stop."""
    folder, seen = tmp_path_factory.mktemp("runs") / "stopped", []
    for step in (2, 5):
        run = new_run(folder, data)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            complete(run, lambda run=run, step=step: run.trainer.step >= step)
        seen.append((output.getvalue(), newest(folder), [row[0] for row in rows(folder, "evaluations.csv")]))
    return folder, seen


def rows(folder, name):
    return list(csv.reader((folder / name).read_text().splitlines()))[1:]


def curves(folder):
    """The picture below its title, which names the folder."""
    with Image.open(folder / "curves.png") as picture:
        return picture.crop((0, 40, *picture.size)).tobytes()


def newest(folder):
    return int(max((folder / "checkpoints").iterdir()).stem.removeprefix("step-"))


def test_what_is_made(undisturbed):
    assert [row[0] for row in rows(undisturbed, "loss.csv")] == ["1", "2", "3", "4", "5"]
    assert [row[0] for row in rows(undisturbed, "evaluations.csv")] == ["2", "4", "5"]
    assert newest(undisturbed) == 5
    scalars, pictures = read_board(undisturbed / "tensorboard")
    assert [step for step, name in scalars if name == "mean_average_precision"] == [2, 4, 5]  # the last whatever --eval-every says
    assert pictures == [(step, name) for step in (2, 4, 5) for name in ("confusion", "detections")]
    thresholds = json.loads((undisturbed / "thresholds.json").read_text())
    assert (thresholds["best.keras"]["step"] in (2, 4, 5), thresholds["model.keras"]["step"]) == (True, 5)


def test_the_report_is_about_the_last_model_and_has_the_curves_of_the_run(undisturbed):
    html = (undisturbed / "report.html").read_text(encoding="utf-8")
    assert "model.keras, step 5</b>" in html
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])
    assert data["training"]["losses"]["step"] == [1, 2, 3, 4, 5]
    assert data["training"]["evaluations"]["step"] == [2, 4, 5]
    assert {picture["name"] for picture in data["pictures"]} == {"3.png"}
    assert len(data["sizes"]["covered"]) == len(data["sizes"]["names"])


def test_stopped_in_the_middle_of_evaluations_it_makes_them_when_it_goes_on(stopped, undisturbed, data, tmp_path, capsys):
    last, seen = stopped
    for step, evaluated, (printed, checkpoint, evaluations) in zip((2, 5), ([], ["2", "4"]), seen, strict=True):
        assert f"Stopped after step {step}; the same command goes on from there." in printed
        assert checkpoint == step
        assert evaluations == evaluated
    assert not (last / "average_precision.json").exists()
    assert curves(last) != curves(undisturbed)
    folder = shutil.copytree(last, tmp_path / "run")
    run = new_run(folder, data)
    capsys.readouterr()
    complete(run, lambda: False)
    printed = capsys.readouterr().out
    assert "No step of 5 is left." in printed
    assert "compiling" not in printed.lower()
    for name in ("loss.csv", "evaluations.csv", "average_precision.json", "thresholds.json"):
        assert (folder / name).read_text() == (undisturbed / name).read_text()
    assert curves(folder) == curves(undisturbed)
    for ours, theirs in zip(*(load_model(path / "model.keras").get_weights() for path in (folder, undisturbed)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Second(Workers):
    """One that is at the step of the first."""

    def values_of_all(self, own):
        return [own, own]


def test_another_worker_knows_which_evaluations_have_been_made(stopped, data, tmp_path, monkeypatch):
    """They wait for each other in each: one that evaluated once more would wait forever."""
    folder = shutil.copytree(stopped[0], tmp_path / "run")
    second = new_run(folder, data, workers=Second(ONE.strategy, 1, 2))
    assert second.scratch != folder
    with monkeypatch.context() as keeping:
        keeping.setattr(second, "close", lambda: None)
        complete(second, lambda: True)
    assert rows(second.scratch, "evaluations.csv") == rows(folder, "evaluations.csv") != []
    complete(second, lambda: True)
    assert not second.scratch.exists()


def test_when_another_worker_stops_this_one_gives_up_its_evaluations_too(compiled, monkeypatch, capsys):
    class StoppedElsewhere(Workers):
        def any_of(self, wish):
            return lambda: wish() or compiled.trainer.step >= 2

    monkeypatch.setattr(compiled, "workers", StoppedElsewhere(*ONE))
    complete(compiled, lambda: False)
    assert "Stopped after step 5" in capsys.readouterr().out
    assert rows(compiled.folder, "evaluations.csv") == []
    assert not (compiled.folder / "average_precision.json").exists()


def test_stopped_before_the_first_step_nothing_is_compiled(data, tmp_path, capsys):
    complete(new_run(tmp_path / "run", data), lambda: True)
    printed = capsys.readouterr().out
    assert "Stopped after step 0" in printed
    assert not (tmp_path / "run" / "curves.png").exists()
    assert "Compiling" not in printed


def test_a_pixel_that_is_not_finite(compiled, monkeypatch):
    batches = list(compiled.batches())
    batches[2] = batches[2]._replace(images=batches[2].images * np.nan)
    monkeypatch.setattr(compiled, "batches", lambda: iter(batches))
    first, second = (compiled.training[int(index)].id for index in batches[2].index)
    cause, effect = f"a pixel of {first} is nan", rf"\w+ of {first}, default box \d+ \(feature map \d, row \d+"
    message = f"step 3: the loss is nan .*, on images {first}, {second}: {cause}; .*{effect}"
    with pytest.raises(TrainingError, match=message) as caught:
        complete(compiled, lambda: False)
    kept = re.search(r"--replay (\S+)", str(caught.value))[1]
    assert kept == str(compiled.folder / "failed-step-3.safetensors")
    assert newest(compiled.folder) == 2


def test_a_gradient_that_is_too_large(compiled, monkeypatch):
    batches = [batch._replace(images=batch.images * 1e25) for batch in compiled.batches()]
    monkeypatch.setattr(compiled, "batches", lambda: iter(batches))
    too_large = r"the gradient is finite, but too large for its norm to be: up to [\d.]+e\+\d+, in \w+/\w+; a lower --learning-rate"
    with pytest.raises(TrainingError, match=rf"step 1: the loss is \d.* the norm of its gradient inf, .*: {too_large}"):
        complete(compiled, lambda: False)


def test_one_batch_that_is_not_learned(compiled, monkeypatch):
    monkeypatch.setattr(compiled, "config", dataclasses.replace(compiled.config, overfit_one_batch=True))
    messages = []
    for _ in range(2):  # the second time all steps have been made already
        with pytest.raises(TrainingError, match=r"the loss on one batch is [\d.]+ after 5 steps, not below 0.5") as caught:
            complete(compiled, lambda: False)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    (compiled.folder / "loss.csv").unlink()
    with pytest.raises(TrainingError, match=r"loss\.csv: the losses of this run are missing"):
        complete(compiled, lambda: False)


@pytest.mark.parametrize("name", ["loss.csv", "evaluations.csv"])
def test_a_file_that_cannot_be_written(data, tmp_path, name):
    run = new_run(tmp_path / "run", data)
    (run.folder / name).mkdir()
    with pytest.raises(TrainingError, match=rf"{name}: cannot be written \(Is a directory\); make room and give the same command"):
        complete(run, lambda: False)


def test_a_full_disk_without_a_name(data, tmp_path, monkeypatch):
    run = new_run(tmp_path / "run", data)

    def fail():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run, "batches", fail)
    with pytest.raises(TrainingError, match=r"run: cannot be written \(No space left on device\)"):
        complete(run, lambda: False)


def test_two_processes_in_one_folder(data, tmp_path):
    run = new_run(tmp_path / "run", data)
    with claimed(run.folder, pytest.fail), pytest.raises(ConfigError, match="another process is training in it"):
        complete(run, lambda: False)


def results_step(folder):
    return json.loads((folder / "average_precision.json").read_text())["step"]


def test_patience_ends_a_run_also_one_that_was_killed_and_it_can_be_extended(compiled, data, monkeypatch, capsys):
    """All of its evaluations are of the same mean, so that the second is no better than the first."""
    monkeypatch.setattr("tf_ssd.train.held_out.judged", judged_alike)
    monkeypatch.setattr(compiled, "config", dataclasses.replace(compiled.config, patience=1))
    with monkeypatch.context() as killing:
        killing.setattr(HeldOut, "report", interrupt)
        with pytest.raises(KeyboardInterrupt):
            complete(compiled, lambda: False)
    ended = "The run ends after step 4 of 5: none of the last 1 evaluation is better than 0.250, of step 2."
    assert ended in capsys.readouterr().out
    killed = [(compiled.folder / name).read_text() for name in ("loss.csv", "evaluations.csv")]

    again = new_run(compiled.folder, data, patience=1)
    complete(again, lambda: False)
    printed = capsys.readouterr().out
    assert ended in printed
    assert "Compiling" not in printed
    assert "best.keras is of step 2, with a held-out AP50 of 0.250; model.keras of step 4." in printed
    assert [(compiled.folder / name).read_text() for name in ("loss.csv", "evaluations.csv")] == killed
    assert again.is_finished
    assert (results_step(again.folder), newest(again.folder)) == (4, 4)

    extended = new_run(compiled.folder, data, extend=2, patience=1)
    assert (extended.is_finished, extended.stretch, extended.trainer.step) == (False, Stretch(4, 2), 4)
    printed = capsys.readouterr().out
    assert (
        "Extended after step 4 by 2 steps, in which the learning rate follows the schedule anew, up to 0.003 after the" in printed
    )
    complete(extended, lambda: False)
    rates = [float(row[1]) for row in rows(extended.folder, "loss.csv")]
    np.testing.assert_allclose(rates[4:], [0.003, 0.0015], rtol=1e-6)  # a cosine over two steps, too few for a warm-up
    assert [row[0] for row in rows(extended.folder, "evaluations.csv")] == ["2", "4", "6"]
    assert (results_step(extended.folder), newest(extended.folder)) == (6, 6)
    assert new_run(compiled.folder, data).is_finished


def judged_alike(pairs, class_names, **settings):
    evaluation = judged(pairs, class_names, **settings)
    return dataclasses.replace(evaluation, average_precision=dataclasses.replace(evaluation.average_precision, mean=0.25))


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_time_ends_a_run_also_one_that_was_killed(compiled, data, monkeypatch, capsys):
    monkeypatch.setattr(compiled, "config", dataclasses.replace(compiled.config, until="1h"))
    with monkeypatch.context() as passing:
        passing.setattr(Run, "seconds", property(lambda run: 1300.0 * run.trainer.step))
        complete(compiled, lambda: False)
    ended = "The run ends after step 3 of 5: the 1h of --until are over."
    assert ended in capsys.readouterr().out
    assert [row[0] for row in rows(compiled.folder, "evaluations.csv")] == ["2", "3"]
    (compiled.folder / "average_precision.json").unlink()
    again = new_run(compiled.folder, data, until="1h")
    assert again.seconds > 3900
    complete(again, lambda: False)
    printed = capsys.readouterr().out
    assert ended in printed
    assert "Compiling" not in printed
    assert results_step(again.folder) == 3


def test_workers_end_together():
    """Whose time is over or whose patience is at an end: one of them is enough, and each asks once after each step."""
    asked = []

    def any_of(wish):
        return lambda: asked.append(wish()) or True

    config = TrainConfig(until="1h")
    run = SimpleNamespace(
        config=config,
        seconds=0.0,
        stretch=Stretch(0, 5),
        trainer=SimpleNamespace(step=2),
        workers=SimpleNamespace(any_of=any_of),
        console=Console(width=200),
    )
    with run.console.capture() as printed:
        assert ended_by(run, SimpleNamespace(best=(0, -np.inf), without_better=0))()
    assert asked == [False]
    assert "The run ends after step 2 of 5: another worker's time is over." in printed.get()


def test_a_run_without_checkpoints_is_not_extended(undisturbed, data, tmp_path):
    folder = shutil.copytree(undisturbed, tmp_path / "run")
    shutil.rmtree(folder / "checkpoints")
    before = (folder / "run.json").read_text()
    with pytest.raises(
        TrainingError, match=r"--extend: .*run holds no checkpoint to go on from; start another run from its weights"
    ):
        new_run(folder, data, extend=3)
    assert (folder / "run.json").read_text() == before
