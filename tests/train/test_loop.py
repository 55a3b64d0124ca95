import csv
import errno
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_ssd.config import TrainConfig
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import ConfigError, TrainingError
from tf_ssd.train.folder import claimed
from tf_ssd.train.loop import complete
from tf_ssd.train.run import Run
from tf_ssd.train.workers import Workers
from tf_ssd.weights import load_model

ONE = Workers(tf.distribute.get_strategy(), 0, 1)
SETTINGS = {"steps": 5, "batch_size": 1, "width": 0.0625, "checkpoint_every": 2, "eval_every": 2}


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


def new_run(folder, data, **settings):
    config = TrainConfig(dataset="csv", data=(data,), classes=data / "classes.txt", output=folder, **(SETTINGS | settings))
    return Run(config, ONE)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    complete(new_run(folder, data), lambda: False)
    return folder


def rows(folder, name):
    return list(csv.reader((folder / name).read_text().splitlines()))[1:]


def newest(folder):
    return int(max((folder / "checkpoints").iterdir()).stem.removeprefix("step-"))


def test_what_is_made(undisturbed):
    assert [row[0] for row in rows(undisturbed, "loss.csv")] == ["1", "2", "3", "4", "5"]
    assert [row[0] for row in rows(undisturbed, "evaluations.csv")] == ["2", "4", "5"]
    assert newest(undisturbed) == 5


def test_stopped_in_the_middle_of_evaluations_it_makes_them_when_it_goes_on(undisturbed, data, tmp_path, capsys):
    folder = tmp_path / "run"
    for step, evaluated in ((2, []), (5, ["2", "4"])):
        run = new_run(folder, data)
        complete(run, lambda run=run, step=step: run.trainer.step >= step)
        assert f"Stopped after step {step}; the same command goes on from there." in capsys.readouterr().out
        assert newest(folder) == step
        assert [row[0] for row in rows(folder, "evaluations.csv")] == evaluated
        assert not (folder / "average_precision.json").exists()
    complete(new_run(folder, data), lambda: False)
    for name in ("loss.csv", "evaluations.csv", "average_precision.json"):
        assert (folder / name).read_text() == (undisturbed / name).read_text()
    for ours, theirs in zip(*(load_model(path / "model.keras").get_weights() for path in (folder, undisturbed)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_worker_knows_which_evaluations_have_been_made(data, tmp_path):
    """They wait for each other in each: one that evaluated once more would wait forever."""
    first = new_run(tmp_path / "run", data, batch_size=2)
    complete(first, lambda: first.trainer.step >= 4)
    assert [row[0] for row in rows(first.folder, "evaluations.csv")] == ["2"]
    second = Run(first.config, Workers(tf.distribute.get_strategy(), 1, 2))
    assert second.scratch != first.folder
    complete(second, lambda: second.trainer.step >= 4)
    assert rows(second.scratch, "evaluations.csv") == rows(first.folder, "evaluations.csv")


def test_when_another_worker_stops_this_one_gives_up_its_evaluations_too(data, tmp_path, capsys):
    run = new_run(tmp_path / "run", data)

    class StoppedElsewhere(Workers):
        def any_of(self, wish):
            return lambda: wish() or run.trainer.step >= 2

    run.workers = StoppedElsewhere(*ONE)
    complete(run, lambda: False)
    assert "Stopped after step 5" in capsys.readouterr().out
    assert rows(run.folder, "evaluations.csv") == []
    assert not (run.folder / "average_precision.json").exists()


def test_stopped_before_the_first_step_nothing_is_compiled(data, tmp_path, capsys):
    complete(new_run(tmp_path / "run", data), lambda: True)
    printed = capsys.readouterr().out
    assert "Stopped after step 0" in printed
    assert "Compiling" not in printed


def test_a_pixel_that_is_not_finite(data, tmp_path, monkeypatch):
    run = new_run(tmp_path / "run", data, steps=3, eval_every=None)
    batches = list(run.batches())
    batches[2] = batches[2]._replace(images=batches[2].images * np.nan)
    monkeypatch.setattr(run, "batches", lambda: iter(batches))
    name = run.training[int(batches[2].index[0])].id
    cause, effect = f"a pixel of {name} is nan", rf"\w+ of {name}, default box \d+ \(feature map \d, row \d+"
    message = f"step 3: the loss is nan .*, on images {name}: {cause}; .*{effect}"
    with pytest.raises(TrainingError, match=message) as caught:
        complete(run, lambda: False)
    kept = re.search(r"--replay (\S+)", str(caught.value))[1]
    assert kept == str(tmp_path / "run" / "failed-step-3.safetensors")
    assert newest(run.folder) == 2


def test_a_gradient_that_is_too_large(data, tmp_path, monkeypatch):
    run = new_run(tmp_path / "run", data, steps=1, batch_norm=False)
    batches = [batch._replace(images=batch.images * 1e25) for batch in run.batches()]
    monkeypatch.setattr(run, "batches", lambda: iter(batches))
    too_large = r"the gradient is finite, but too large for its norm to be: up to [\d.]+e\+\d+, in \w+/\w+; a lower --learning-rate"
    with pytest.raises(TrainingError, match=rf"step 1: the loss is \d.* the norm of its gradient inf, .*: {too_large}"):
        complete(run, lambda: False)


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
    with claimed(run.folder), pytest.raises(ConfigError, match="another process is training in it"):
        complete(run, lambda: False)
