import json

import pytest

from tf_ssd.errors import ConfigError
from tf_ssd.train.stretches import Stretch, finished_after, planned, record


def run_folder(folder, *, results=None, **run):
    (folder / "run.json").write_text(json.dumps({"settings": {}, **run}))
    if results is not None:
        (folder / "average_precision.json").write_text(json.dumps(results))
    return folder


def test_a_run_is_one_stretch_until_it_is_extended(tmp_path):
    folder = run_folder(tmp_path, results={"step": 400})
    assert planned(folder, 400, None) == (Stretch(0, 400),)
    extended = planned(folder, 400, 200)
    assert extended == (Stretch(0, 400), Stretch(400, 200))
    assert (finished_after(folder, extended[:1]), finished_after(folder, extended)) == (400, None)
    record(folder, extended)
    assert json.loads((folder / "run.json").read_text()) == {"settings": {}, "extensions": [[400, 200]]}
    for extend in (None, 200):  # the same command goes on, also without saying it
        assert planned(folder, 400, extend) == extended


def test_extensions_add_up_from_where_each_stretch_ended(tmp_path):
    """That may be before its last step."""
    folder = run_folder(tmp_path, results={"step": 550}, extensions=[[300, 300]])
    assert planned(folder, 400, 500) == (Stretch(0, 400), Stretch(300, 300), Stretch(550, 200))
    with pytest.raises(
        ConfigError, match=r"--extend=200: the run in .* has been extended by 300 steps already; give as many, or more"
    ):
        planned(folder, 400, 200)


@pytest.mark.parametrize(
    ("run", "results", "message"),
    [
        ({}, None, "--extend 200: the run in .* is not finished; give the same command without --extend first"),
        ({"extensions": [[400, 100]]}, {"step": 400}, "the run in .* is not finished; give --extend 100 first"),
    ],
)
def test_only_a_finished_run_is_extended(tmp_path, run, results, message):
    with pytest.raises(ConfigError, match=message):
        planned(run_folder(tmp_path, results=results, **run), 400, 200)


def test_no_run(tmp_path):
    with pytest.raises(ConfigError, match=r"--output='.*': holds no run; --extend goes on with one that is finished"):
        planned(tmp_path, 400, 200)


def test_results_of_an_older_version_are_those_of_all_steps(tmp_path):
    assert planned(run_folder(tmp_path, results={"mean": 0.5}), 400, 100)[1] == Stretch(400, 100)


@pytest.mark.parametrize("content", ["", "[]", "3"])
def test_damaged_results(tmp_path, content):
    folder = run_folder(tmp_path)
    (folder / "average_precision.json").write_text(content)
    with pytest.raises(ConfigError, match=r"average_precision\.json: cannot be read"):
        planned(folder, 400, 100)
