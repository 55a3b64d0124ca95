import os
import subprocess
import sys

import pytest

from tf_ssd.system.captured_output import captured_output, captured_stderr


def test_nothing_is_seen(capfd):
    with captured_output():
        os.write(2, b"from C++\n")
        print("from a tool")
    print("after")
    assert capfd.readouterr() == ("after\n", "")


def test_all_is_seen_if_something_fails(capfd):
    with pytest.raises(KeyError):
        _fail()
    out, err = capfd.readouterr()
    assert out == ""
    assert sorted(err.splitlines()) == ["from C++", "from a tool"]


def _fail():
    with captured_output():
        os.write(2, b"from C++\n")
        print("from a tool")
        raise KeyError


def test_a_stream_that_stays_visible(capfd):
    with captured_stderr() as shown:
        os.write(2, b"from C++\n")
        print("said", file=shown, flush=True)
        print("on stdout")
    assert capfd.readouterr() == ("on stdout\n", "said\n")


@pytest.mark.parametrize("death", ["os.abort()", "os.kill(os.getpid(), 9)", "os._exit(3)"])
def test_all_is_seen_if_the_process_ends_without_a_word(death):
    start = "import os\nfrom tf_ssd.system.captured_output import captured_output\n"
    body = f"{start}with captured_output():\n os.write(2, b'why'); {death}"
    run = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert run.stderr == "why"


def test_nothing_stays_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with captured_stderr():
        os.write(2, b"x")
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_a_shell_it_works_too(capfd, monkeypatch):
    monkeypatch.setattr("tf_ssd.system.captured_output.WATCHER", ("/nowhere/sh",))
    with captured_stderr() as shown:
        os.write(2, b"from C++\n")
        print("said", file=shown, flush=True)
    assert capfd.readouterr() == ("", "said\n")
