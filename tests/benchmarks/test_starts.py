import json
import subprocess

import pytest

from benchmarks import starts
from tf_ssd.config import NETWORKS

MEASURED = {"parameters": 2_000_000, "milliseconds": 12.4}


@pytest.fixture
def commands(monkeypatch):
    """The commands that are run, without Python itself; none of them really is. A training leaves what it would."""
    made = []

    def run(command, **_):
        _, *arguments = command
        made.append(arguments)
        if arguments[1] == "tf_ssd.train":
            given = dict(zip(arguments[2::2], arguments[3::2], strict=True))
            leave(starts.Path(given["--output"]), given)
        return subprocess.CompletedProcess(command, 0, json.dumps(MEASURED))

    monkeypatch.setattr(subprocess, "run", run)
    return made


def leave(folder, given):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"network": {"name": given.get("--network", "ssd300_vgg19")}}))
    if given.get("--seed") != "13":
        (folder / "model.keras").write_bytes(bytes(5_500_000))
        (folder / "average_precision.json").write_text(json.dumps({"mean": 0.4567}))


def trainings(commands):
    return [" ".join(arguments[2:]) for arguments in commands if arguments[1] == "tf_ssd.train"]


def cells(line):
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_every_start_is_a_row_with_its_command(commands, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "vgg19.keras").touch()
    start, runs = f"imagenet={tmp_path}/vgg19.keras", tmp_path / "runs"
    given = ["--network", "ssd300_mobilenet_v1", "--start", start, "--output", str(runs), "--random-flags=--width 0.5"]
    assert starts.main([*given, "--dataset", "voc", "--data", "photos", "--json", str(tmp_path / "rows.json")]) == 0
    shared = "--dataset voc --data photos"
    assert trainings(commands) == [
        f"--output {runs}/ssd300_mobilenet_v1 --network ssd300_mobilenet_v1 --width 0.5 {shared}",
        f"--output {runs}/imagenet --weights {tmp_path}/vgg19.keras --recipe finetune {shared}",
    ]
    printed = capsys.readouterr().out
    assert [cells(line) for line in printed.splitlines() if "M" in line and "│" in line] == [
        ["ssd300_mobilenet_v1", "random", "0.457", "0.0", "0.0", "2.00 M", "5.5 MB", "12 ms"],
        ["ssd300_vgg19", "imagenet", "0.457", "0.0", "0.0", "2.00 M", "5.5 MB", "12 ms"],
    ]
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [row["command"] for row in rows] == [f"python -m tf_ssd.train {flags}" for flags in trainings(commands)]
    assert all(row["command"] in printed.splitlines() for row in rows)


def test_all_networks_from_random_weights_by_default(commands, tmp_path):
    starts.main(["--output", str(tmp_path)])
    assert trainings(commands) == [f"--output {tmp_path}/{name} --network {name}" for name in NETWORKS]
    commands.clear()
    starts.main(["--output", str(tmp_path), "--network"])
    assert commands == []


def test_what_is_finished_is_not_done_again(commands, tmp_path, capsys):
    given = ["--output", str(tmp_path), "--network", "ssd300_vgg16"]
    starts.main(given)
    first = capsys.readouterr().out
    commands.clear()
    assert starts.main(given) == 0
    assert commands == []
    assert capsys.readouterr().out == first
    starts.main([*given, "--steps", "9"])
    assert len(trainings(commands)) == 1, "another command is left to the training, which compares it with the run"


def test_the_minutes_of_a_stopped_training_count(commands, tmp_path, monkeypatch):
    (tmp_path / "ssd300_vgg16").mkdir()
    working = subprocess.run

    def stopped(*_, **__):
        raise KeyboardInterrupt

    clock = iter((0, 120, 1000, 1060))
    monkeypatch.setattr(starts.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(subprocess, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        starts.row("ssd300_vgg16", [], tmp_path)
    monkeypatch.setattr(subprocess, "run", working)
    assert starts.row("ssd300_vgg16", [], tmp_path).minutes == 3


def test_a_training_that_does_not_end_leaves_the_others(commands, tmp_path, capsys):
    given = ["--output", str(tmp_path), "--network", "ssd300_vgg16", "ssd300_vgg19"]
    starts.main(["--output", str(tmp_path), "--network", "ssd300_vgg16", "--seed", "13"])
    capsys.readouterr()
    assert starts.main([*given, "--seed", "13"]) == 1
    assert "not finished: ssd300_vgg19" in capsys.readouterr().err
    assert starts.main([*given, "--seed", "14"]) == 0


@pytest.mark.parametrize("start", ["imagenet", "imagenet=none.keras", "../up={}", "ssd300_vgg16={}"])
def test_a_start_that_cannot_be_one(start, commands, tmp_path, capsys):
    (tmp_path / "a.keras").touch()
    with pytest.raises(SystemExit):
        starts.main(["--output", str(tmp_path), "--start", start.format(tmp_path / "a.keras")])
    assert "error: " in capsys.readouterr().err
    assert commands == []
