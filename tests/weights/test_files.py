import io
import os
import pickle
import sys
from argparse import Namespace

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.weights.tflite_files import tflite_bytes
from tf_ssd.errors import WeightsError
from tf_ssd.weights import read_weights
from tf_ssd.weights.files import without_prefix

TENSORS = {"body.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "scale": np.float32([1.5, -2])}


def state(tensors=TENSORS):
    return {name: torch.from_numpy(np.array(array)) for name, array in tensors.items()}


def write(path, content):
    """Save a dictionary of torch tensors, or anything else that torch.save takes, in the format of the suffix."""
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(content, path)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, tensor in content.items():
                file[name] = tensor.numpy()
    else:
        torch.save(content, path)
    return path


def assert_read(path, expected=TENSORS):
    tensors = read_weights(path)
    assert tensors.keys() == expected.keys()
    for name, array in expected.items():
        assert tensors[name].dtype == np.float32
        np.testing.assert_array_equal(tensors[name], array)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".h5"])
def test_every_format_holds_the_same(suffix, tmp_path):
    assert_read(write(tmp_path / f"a{suffix}", state()))


def test_the_format_of_torch_before_1_6(tmp_path):
    torch.save(state(), tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    assert_read(tmp_path / "a.pth")


@pytest.mark.parametrize("wrapper", ["model", "state_dict"])
def test_a_checkpoint_with_more_than_the_model(wrapper, tmp_path):
    assert_read(write(tmp_path / "a.pth", {"epoch": 3, wrapper: state(), "optimizer": {"lr": 0.1}}))


def test_parameters_and_strides(tmp_path):
    kernel = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).t())
    assert_read(write(tmp_path / "a.pth", {"k": kernel}), {"k": np.arange(6).reshape(2, 3).T})


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".pth", "float16"), (".pth", "bfloat16"), (".pth", "float64"), (".safetensors", "float16"), (".h5", "float16")],
)
def test_other_floating_point_types_become_float32(suffix, dtype, tmp_path):
    tensors = {name: tensor.to(getattr(torch, dtype)) for name, tensor in state().items()}
    assert_read(write(tmp_path / f"a{suffix}", tensors))


def test_hdf5_names_are_paths_without_the_number_of_the_output(tmp_path):
    path = write(tmp_path / "a.h5", {"layer/layer/kernel:0": torch.ones(2), "layer/layer_b_1:0": torch.zeros(3)})
    assert_read(path, {"layer/layer/kernel": np.ones(2), "layer/layer_b_1": np.zeros(3)})


@pytest.mark.parametrize("kind", ["external", "virtual"])
def test_hdf5_datasets_that_are_kept_elsewhere_are_refused(kind, tmp_path):
    (tmp_path / "secret.raw").write_bytes(np.ones(4, np.float32).tobytes())
    write(tmp_path / "secret.h5", {"secret": torch.ones(4)})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if kind == "external":
            file.create_dataset("k", (4,), "f4", external=[(str(tmp_path / "secret.raw"), 0, h5py.h5f.UNLIMITED)])
        else:
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "secret", (4,))
            file.create_virtual_dataset("k", layout)
    with pytest.raises(WeightsError, match=r"a\.h5: tensor /k is kept in another file, which is not read; copy it into one file"):
        read_weights(tmp_path / "a.h5")


def test_a_checkpoint_of_torchvisions_training_script(tmp_path):
    """It holds the command line as an `argparse.Namespace`, and a scheduler's milestones as a `Counter`."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], 0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1])
    content = {"model": state(), "optimizer": optimizer.state_dict(), "lr_scheduler": scheduler.state_dict(), "epoch": 3}
    assert_read(write(tmp_path / "a.pth", {**content, "args": Namespace(lr=0.1, data_path="/data", aspect=[1, 2])}))


def test_code_in_a_namespace_is_not_run(tmp_path):
    content = {"model": state(), "args": Namespace(code=Code(tmp_path / "made by the pickle"))}
    with pytest.raises(WeightsError, match=r"holds \S*mkdir, which could run code; nothing in it was run"):
        read_weights(write(tmp_path / "a.pth", content))
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (("module.a", "module.b"), "module."),
        (("model.module.a", "model.module.b"), "model.module."),
        (("_orig_mod.module.a", "_orig_mod.module.b"), "_orig_mod.module."),
        (("module.a", "b"), ""),
        (("modules.a", "modules.b"), ""),
    ],
)
def test_what_a_wrapper_put_before_every_name(names, prefix):
    tensors = {name: np.full(1, number) for number, name in enumerate(names)}
    shorter, found = without_prefix(tensors)
    assert found == prefix
    assert shorter == {name.removeprefix(prefix): array for name, array in tensors.items()}


def test_hdf5_links_are_not_followed(tmp_path):
    write(tmp_path / "other.h5", {"secret": torch.ones(2)})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "secret")
    with pytest.raises(WeightsError, match=r"a\.h5: holds no tensors"):
        read_weights(tmp_path / "a.h5")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".h5"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(suffix, value, tmp_path):
    path = write(tmp_path / f"a{suffix}", state() | {"spoiled": torch.tensor([1, value])})
    with pytest.raises(WeightsError, match=f"a\\{suffix}: tensor spoiled holds NaN or infinite"):
        read_weights(path)


def test_what_float32_cannot_hold(tmp_path):
    with pytest.raises(WeightsError, match="tensor large holds NaN or infinite"):
        read_weights(write(tmp_path / "a.h5", {"large": torch.tensor([1e300], dtype=torch.float64)}))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".h5"])
def test_integers_are_named(suffix, tmp_path):
    path = write(tmp_path / f"a{suffix}", state() | {"steps": torch.tensor([7])})
    with pytest.raises(WeightsError, match=r"tensor steps is of type (int64|I64)"):
        read_weights(path)


def test_bfloat16_in_safetensors_is_named(tmp_path):
    with pytest.raises(WeightsError, match="tensor k is of type BF16"):
        read_weights(write(tmp_path / "a.safetensors", {"k": torch.ones(2, dtype=torch.bfloat16)}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**state(), "epoch": 3}, "epoch is a int, not a tensor"),
        ({"model": {"state": state()}}, "state is a dict, not a tensor"),
        ([torch.ones(2)], "holds a list, not a state dict"),
        (torch.ones(2), "holds a Tensor, not a state dict"),
        ({}, "holds no tensors"),
    ],
)
def test_what_is_no_state_dict(content, message, tmp_path):
    with pytest.raises(WeightsError, match=message):
        read_weights(write(tmp_path / "a.pth", content))


class Code:
    """Unpickling it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def pickled(content, path):
    path.write_bytes(pickle.dumps(content, protocol=4))


@pytest.mark.parametrize(
    ("save", "held"), [(torch.save, r"holds \S*mkdir, which could run code"), (pickled, "is no file of tensors alone")]
)
def test_code_in_a_pickle_is_not_run(save, held, tmp_path):
    save({"weight": torch.ones(2), "code": Code(tmp_path / "made by the pickle")}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=rf"a\.pth: {held}; nothing in it was run") as raised:
        read_weights(tmp_path / "a.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]
    assert "weights_only" not in str(raised.value)  # no advice on how to run it after all


def test_a_pickled_module(tmp_path):
    with pytest.raises(WeightsError, match=r"holds torch\.nn\.modules\.linear\.Linear, .* Save the state dict by itself"):
        read_weights(write(tmp_path / "a.pth", torch.nn.Linear(2, 2)))


def test_without_torch(tmp_path, monkeypatch):
    path = write(tmp_path / "a.pth", state())
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(WeightsError, match=r"a\.pth: .*needs PyTorch; pip install torch, or convert"):
        read_weights(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.pth", "no such file"),
        ("folder.h5", "no such file"),
        ("a.ckpt", "one of .pth, .pt, .safetensors, .h5, .onnx, .tflite, .data, not '.ckpt'"),
    ],
)
def test_what_is_no_file(name, message, tmp_path):
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(WeightsError, match=f"{name}: .*{message}"):
        read_weights(tmp_path / name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a good file of each format."""
    folder = tmp_path_factory.mktemp("whole")
    files = {suffix: write(folder / f"a{suffix}", state()).read_bytes() for suffix in (".pth", ".safetensors", ".h5")}
    old = io.BytesIO()
    torch.save(state(), old, _use_new_zipfile_serialization=False)
    constants = [("a/Conv2D", np.ones((2, 1, 1, 3), np.float16)), ("a/BiasAdd", np.ones(2, np.float16))]
    return files | {".pt": old.getvalue(), ".tflite": tflite_bytes(constants)}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".h5", ".tflite"])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file(suffix, share, whole, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / f"cut{suffix}"
    path.write_bytes(whole[suffix][: int(share * len(whole[suffix]))])
    with pytest.raises(WeightsError, match=f"cut\\{suffix}: "):
        read_weights(path)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".tflite"])
@given(data=st.data())
def test_a_damaged_file_gives_a_message_or_numbers(suffix, data, whole, tmp_path_factory):
    content = bytearray(whole[suffix])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / f"damaged{suffix}"
    path.write_bytes(content)
    try:
        tensors = read_weights(path)
    except WeightsError:
        return
    assert all(np.isfinite(array).all() for array in tensors.values())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".h5"])
def test_an_error_page_saved_as_weights(suffix, tmp_path):
    (tmp_path / f"a{suffix}").write_text("<html>404 Not Found</html>")
    with pytest.raises(WeightsError, match=f"a\\{suffix}: "):
        read_weights(tmp_path / f"a{suffix}")
