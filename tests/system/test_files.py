import errno
import json
import os
from pathlib import Path

import pytest

from tf_ssd.errors import ConfigError, DatasetError, WeightsError
from tf_ssd.system.files import (
    check_free,
    json_bytes,
    move_to_new,
    require_file,
    unwritable,
    write_json,
    write_new,
    writing,
    written_beside,
)


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
        write_new(tmp_path / "folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_exists_is_not_replaced_where_it_must_be_new(tmp_path):
    path, source = tmp_path / "scores.json", tmp_path / "source"
    path.write_text("a user's")
    source.write_text("ours")
    for write in (lambda: write_new(path, b"ours"), lambda: _beside(path, new=True)):
        with pytest.raises((ConfigError, FileExistsError), match=r"scores\.json.*exists already|exists already.*scores\.json"):
            write()
    with pytest.raises(FileExistsError):
        move_to_new(source, path)
    assert path.read_text() == "a user's"
    assert sorted(tmp_path.iterdir()) == [path, source]
    _beside(path)
    assert path.read_text() == "ours"
    move_to_new(source, tmp_path / "new")
    assert (tmp_path / "new").read_text() == "ours"


def _beside(path, **options):
    with written_beside(path, **options) as unfinished:
        unfinished.write_text("ours")


def test_a_link_to_nowhere_exists_and_so_does_an_empty_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "folder").mkdir()
    (tmp_path / "source").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(FileExistsError):
            move_to_new(tmp_path / "source", tmp_path / name)


def test_what_is_unfinished_has_the_name_of_no_other_file(tmp_path):
    """Not even of one that is called as if it were unfinished, and not one that is too long for the disk."""
    other, path = tmp_path / "unfinished-a.jpg", tmp_path / "a.jpg"
    other.write_text("a user's")
    _beside(path)
    _beside(tmp_path / ("x" * 250 + ".jpg"))
    with written_beside(path) as first, written_beside(path) as second:
        assert first != second
        first.write_text("1")
        second.write_text("2")
    assert other.read_text() == "a user's"


def test_names_that_are_taken_are_counted(tmp_path):
    check_free(tmp_path, ["a", "b"], "--output")
    check_free(tmp_path / "gone", ["a", "b"], "--output")
    (tmp_path / "b").touch()
    (tmp_path / "c").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=rf"^--output {tmp_path}: the folder holds b and 1 more already; .*--overwrite"):
        check_free(tmp_path, ["a", "b", "c"], "--output")


def test_bytes_of_json():
    assert json.loads(json_bytes({"path": Path("a"), "name": "ö"})) == {"path": "a", "name": "ö"}


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
