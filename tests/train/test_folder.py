import dataclasses
import errno
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tf_ssd.config import ModelConfig, TrainConfig
from tf_ssd.errors import ConfigError
from tf_ssd.train import folder as folders
from tf_ssd.train.folder import claimed

CONFIG = TrainConfig(steps=3)
CLASSES = ("cat", "dog")
DATA = {"training data": "abc"}


def open_run(folder, config, class_names, data, told=None):
    """With what is noted in the list `told`."""
    note = (told if told is not None else []).append
    return folders.open_run(folder, config, class_names, data=data, network=ModelConfig(width=0.5), note=note)


def test_made_once_and_found_again(tmp_path):
    folder = tmp_path / "deep" / "run"
    assert not open_run(folder, CONFIG, CLASSES, DATA)
    assert {path.name for path in folder.iterdir()} == {"run.json", "classes.txt"}
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert open_run(folder, CONFIG, CLASSES, DATA)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_written_down(tmp_path):
    open_run(tmp_path, TrainConfig(dataset="csv", data=(Path("a/b"),), recipe="voc"), CLASSES, DATA)
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["settings"]["data"] == ["a/b"]
    assert run["recipe"]["batch_size"] == 32
    assert (run["network"]["width"], "width" in run["recipe"]) == (0.5, False)  # what the network is, whatever the recipe says
    assert run["versions"].keys() == {"tf_ssd", "tensorflow", "keras", "numpy", "python"}
    assert (tmp_path / "classes.txt").read_text() == "cat\ndog\n"


def test_a_run_of_an_older_version_goes_on(tmp_path):
    """It knew one learning rate alone, and nothing of weights of classes."""
    config = dataclasses.replace(CONFIG, dataset="csv", data=(Path("a"),))
    open_run(tmp_path, config, CLASSES, DATA)
    run = json.loads((tmp_path / "run.json").read_text())
    del run["recipe"]["base_rate"]
    for name in ("base_rate", "difficult", "balance", "class_weights"):
        del run["settings"][name]
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert open_run(tmp_path, config, CLASSES, DATA)
    for name, value, was in (("base_rate", 0.5, "1.0|None"), ("difficult", "ignore", "'train'"), ("balance", 0.1, "None")):
        with pytest.raises(ConfigError, match=f"{name} was ({was}) and is {value!r}"):
            open_run(tmp_path, dataclasses.replace(config, **{name: value}), CLASSES, DATA)


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("seed", 5, "seed was 0 and is 5; choose"),
        ("steps", 4, "steps was 3 and is 4; the rate of each step .* start another from its weights: --weights {folder} and"),
        ("ema", 0.9, "ema was None and is 0.9"),
        ("recipe", "voc", "recipe was 'quick' and is 'voc'"),
        ("vertical_flip", True, "vertical_flip was False and is True"),
    ],
)
def test_other_settings_are_named(tmp_path, setting, value, named):
    open_run(tmp_path, CONFIG, CLASSES, DATA)
    with pytest.raises(ConfigError, match=f"{tmp_path} holds another run: {named.format(folder=tmp_path)}"):
        open_run(tmp_path, dataclasses.replace(CONFIG, **{setting: value}), CLASSES, DATA)


def test_a_run_that_leaves_no_weights_is_not_to_be_started_from(tmp_path):
    config = dataclasses.replace(CONFIG, overfit_one_batch=True)
    open_run(tmp_path, config, CLASSES, DATA)
    with pytest.raises(ConfigError, match="steps was 3 and is 4; choose another folder"):
        open_run(tmp_path, dataclasses.replace(config, steps=4), CLASSES, DATA)


@pytest.mark.parametrize(
    "change", [{"quiet": True}, {"checkpoint_every": 7}, {"on_bad_image": "skip"}, {"output": Path("x")}, {"until": "1h"}]
)
def test_what_may_change(tmp_path, change):
    open_run(tmp_path, CONFIG, CLASSES, DATA)
    assert open_run(tmp_path, dataclasses.replace(CONFIG, **change), CLASSES, DATA)


PLACES = {"data": ("a/b", "c"), "eval_data": ("d",), "classes": "classes.txt", "weights": "start.keras"}
MOVED = {"data": ("/elsewhere/b", "c"), "eval_data": (), "classes": None, "weights": "/other/start.keras"}


def placed(places):
    """Settings with these paths."""
    paths = {name: tuple(map(Path, value)) if isinstance(value, tuple) else value and Path(value) for name, value in places.items()}
    return dataclasses.replace(CONFIG, dataset="csv", **paths)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("data", "--data was a/b c when the run was started, and is /elsewhere/b c: what is there is the same"),
        ("eval_data", "--eval-data was d when the run was started, and is not given: what is there is the same"),
        ("classes", "--classes was classes.txt when the run was started, and is not given: what is there is the same"),
        ("weights", "--weights was start.keras when the run was started, and is /other/start.keras: what is there is the same"),
    ],
)
def test_what_lies_elsewhere_is_noted_and_the_run_goes_on(tmp_path, name, note):
    open_run(tmp_path, placed(PLACES), CLASSES, DATA)
    assert open_run(tmp_path, placed(PLACES | {name: MOVED[name]}), CLASSES, DATA, told := [])
    assert told == [note]


def test_a_path_written_another_way_is_the_same(tmp_path):
    open_run(tmp_path, placed(PLACES), CLASSES, DATA)
    again = PLACES | {"data": (str(Path.cwd() / "a" / "b"), "a/../c")}
    assert open_run(tmp_path, placed(again), CLASSES, DATA, told := [])
    assert told == []


def test_other_classes_data_or_order(tmp_path):
    open_run(tmp_path, CONFIG, CLASSES, DATA)
    with pytest.raises(ConfigError, match="label 2 is 'dog' but 'cow'"):
        open_run(tmp_path, CONFIG, ("cat", "cow"), DATA)
    with pytest.raises(ConfigError, match="training data was 'abc' and is 'abd'"):
        open_run(tmp_path, CONFIG, CLASSES, {"training data": "abd"})
    with pytest.raises(
        ConfigError, match="training order was None and is 'xyz'; choose another folder, or the same settings, data and versions"
    ):
        open_run(tmp_path, CONFIG, CLASSES, DATA | {"training order": "xyz"})


def test_other_versions_may_go_on(tmp_path):
    open_run(tmp_path, CONFIG, CLASSES, DATA)
    run = json.loads((tmp_path / "run.json").read_text())
    run["versions"]["keras"] = "2.0"
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert open_run(tmp_path, CONFIG, CLASSES, DATA)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"settings": 1, "recipe": 2, "data": 3}', "\udcff"])
def test_a_damaged_run(tmp_path, content):
    open_run(tmp_path, CONFIG, CLASSES, DATA)
    (tmp_path / "run.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"run\.json: cannot be read"):
        open_run(tmp_path, CONFIG, CLASSES, DATA)


def test_a_folder_with_other_things_in_it(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ConfigError, match="not empty"):
        open_run(tmp_path, CONFIG, CLASSES, DATA)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_killed_while_it_was_made(tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "unfinished-run.json").write_text("{")
    assert not open_run(tmp_path, CONFIG, CLASSES, DATA)


def test_a_class_map_of_something_else_is_not_overwritten(tmp_path):
    (tmp_path / "classes.txt").write_text("cow\n")
    with pytest.raises(ConfigError, match="class maps differ"):
        open_run(tmp_path, CONFIG, CLASSES, DATA)
    assert (tmp_path / "classes.txt").read_text() == "cow\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        open_run(tmp_path / "run", CONFIG, CLASSES, DATA)


def test_an_unfinished_file_of_somebody_else_is_something_else(tmp_path):
    (tmp_path / "unfinished-thesis.txt").write_text("precious")
    with pytest.raises(ConfigError, match="not empty"):
        open_run(tmp_path, CONFIG, CLASSES, DATA)


def silent(text):
    pytest.fail(text)


def test_one_process_at_a_time(tmp_path):
    with claimed(tmp_path, silent), pytest.raises(ConfigError, match="another process is training"), claimed(tmp_path, silent):
        pass
    with claimed(tmp_path, silent):
        pass


def test_without_a_lock_there_is_a_warning(tmp_path, monkeypatch):
    """As on network drives, and on systems whose Python has no such module."""

    def fail(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    told = []
    for reason, module in (("No locks available", SimpleNamespace(flock=fail, LOCK_EX=2, LOCK_NB=4)), ("this system", None)):
        monkeypatch.setitem(sys.modules, "fcntl", module)
        with claimed(tmp_path, told.append):
            assert reason in told.pop()


def test_what_a_killed_run_had_half_written_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    ours = ("unfinished-best.keras", "unfinished-failed-step-3.safetensors", "checkpoints/unfinished-step-00000009.safetensors")
    others = ("unfinished-thesis.txt", "checkpoints/unfinished-notes.md", "checkpoints/step-00000001.safetensors")
    for name in (*ours, *others):
        (tmp_path / name).write_text("")
    with claimed(tmp_path, silent):
        left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(others)
