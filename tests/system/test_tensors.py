import numpy as np
import pytest

from tf_ssd.system.tensors import UNREADABLE, read_tensors, write_tensors


def test_what_is_written_is_read(tmp_path):
    tensors = {"scalar": np.asarray(np.int64(7)), "kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}
    write_tensors(tmp_path / "a.safetensors", tensors, {"step": 3, "names": ["x", "y"]})
    found, about = read_tensors(tmp_path / "a.safetensors")
    assert about == {"step": 3, "names": ["x", "y"]}
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert (found[name].shape, found[name].dtype) == (value.shape, value.dtype)
        np.testing.assert_array_equal(found[name], value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_the_same_contents_are_the_same_bytes(tmp_path):
    for name in ("a.safetensors", "b.safetensors"):
        write_tensors(tmp_path / name, {"x": np.ones(3), "y": np.zeros(2)}, {"step": 1, "digest": "d"})
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize("content", [b"", b"{}", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_a_file_of_something_else(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(UNREADABLE):
        read_tensors(tmp_path / "a.safetensors")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UNREADABLE):
        write_tensors(tmp_path / "missing" / "a.safetensors", {"x": np.ones(1)}, {})
