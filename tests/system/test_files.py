import errno
import json
import os
from pathlib import Path

import pytest

from tf_ssd.errors import ConfigError, DatasetError, WeightsError
from tf_ssd.system.files import require_file, unwritable, write_json, write_whole, writing, written_beside


def test_the_name_appears_when_the_content_is_whole(tmp_path):
    path = tmp_path / "table.csv"
    with written_beside(path) as unfinished:
        unfinished.write_text("half")
        assert unfinished.suffix == ".csv"
        assert not path.exists()
        unfinished.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_or_a_device_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(OSError, match=f"a named pipe, a socket or a device, not a file: '{path}'"):
            require_file(path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    for path in (tmp_path / "file", tmp_path / "link", tmp_path / "gone", tmp_path):
        assert require_file(path) == path


def test_what_fails_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail():
        with written_beside(path) as unfinished:
            unfinished.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_holds_paths_as_text(tmp_path):
    write_json(tmp_path / "run.json", {"data": (Path("a/b"),), "steps": 3})
    assert json.loads((tmp_path / "run.json").read_text()) == {"data": ["a/b"], "steps": 3}


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="folder: cannot be written"):
        write_whole(tmp_path / "folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def fail(error, *place):
    with writing(*place):
        raise error


def test_what_cannot_be_written_is_one_message_and_other_errors_pass():
    message = r"^--plot x\.png: cannot be written \(No space left\); choose another place$"
    with pytest.raises(ConfigError, match=message) as caught:
        fail(OSError(errno.ENOSPC, "No space left"), "--plot x.png")
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(WeightsError, match=r"a\.keras: cannot be written \(unable to lock file\)"):
        fail(OSError("unable to lock file"), Path("a.keras"), WeightsError)
    with pytest.raises(DatasetError, match=r"^something else$"):
        fail(DatasetError("something else"), "--plot x.png")


def test_the_advice_can_be_another():
    assert unwritable("a", ValueError("odd"), advice="make room") == "a: cannot be written (odd); make room"
