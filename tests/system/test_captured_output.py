import os

import pytest

from tf_ssd.system.captured_output import captured_output


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
