import os

import pytest

from tf_ssd.system.names import printable


@pytest.mark.parametrize("name", ["a.jpg", "ö", "名", "a\\b"])
def test_ordinary_names_stay(name):
    assert printable(name) == name


def test_odd_bytes_become_text():
    name = os.fsdecode(b"caf\xe9\xff.jpg")
    assert printable(name) == r"caf\udce9\udcff.jpg"
    assert printable(printable(name)).encode() == rb"caf\udce9\udcff.jpg"
