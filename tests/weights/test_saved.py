import dataclasses
import json
import shutil
import zipfile

import keras
import numpy as np
import pytest

from tf_ssd.config import COCO300, ModelConfig
from tf_ssd.errors import WeightsError
from tf_ssd.model import ssd300
from tf_ssd.weights import load_model, save_model, transfer

SMALL = ModelConfig(num_classes=4, width=0.0625)


def network(seed, **changes):
    keras.utils.set_random_seed(seed)
    return ssd300(dataclasses.replace(SMALL, **changes))


@pytest.fixture(scope="module")
def model():
    return network(0)


@pytest.fixture(scope="module")
def saved_once(model, tmp_path_factory):
    """A file, and its folder, which holds nothing else."""
    save_model(model, path := tmp_path_factory.mktemp("saved") / "model.keras")
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]
    return path


@pytest.fixture
def saved(saved_once, tmp_path):
    """A copy of it, which may be broken."""
    return shutil.copy(saved_once, tmp_path / "model.keras")


def assert_equal(actual, expected):
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def rewrite(path, member, change):
    """Replace a member of a .keras file by what `change` makes of its JSON; None removes it."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    changed = change(json.loads(content[member])) if member.endswith(".json") else None
    content[member] = json.dumps(changed).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            if name != member or changed is not None:
                archive.writestr(name, data)


def test_save_and_load(model, saved):
    loaded = load_model(saved)
    assert loaded.config == model.config
    assert_equal(loaded.get_weights(), model.get_weights())


def test_a_file_from_the_time_of_one_network(model, saved):
    """Which says nothing of what it is made of, and has sizes and ratios in place of shapes."""

    def older(content):
        config = content["config"]["config"]
        for name in ("architecture", "name", "detection", "scores"):
            del config[name]
        del config["boxes"]["shapes"]
        config["boxes"]["aspect_ratios"] = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
        config["boxes"] |= {"min_sizes": [30, 60, 111, 162, 213, 264], "max_sizes": [60, 111, 162, 213, 264, 315]}
        return content | {"class_name": "SSD300", "registered_name": "tf_ssd>SSD300"}

    rewrite(saved, "config.json", older)
    loaded = load_model(saved)
    assert loaded.config == model.config
    assert_equal(loaded.get_weights(), model.get_weights())


def test_a_compiled_and_trained_model_is_loaded_without_its_optimizer(model, tmp_path):
    model.compile(keras.optimizers.Adam(1e-3))
    model.save(tmp_path / "model.keras")
    assert not load_model(tmp_path / "model.keras").compiled


def test_a_model_that_cannot_be_written_leaves_nothing(model, tmp_path):
    with pytest.raises(WeightsError, match=r"missing/model\.keras: cannot be written"):
        save_model(model, tmp_path / "missing" / "model.keras")


def test_a_full_disk_leaves_what_was_there(model, saved, monkeypatch):
    before = saved.read_bytes()

    def fill(path):
        path.write_bytes(b"half a mod")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", fill)
    with pytest.raises(WeightsError, match="No space left on device"):
        save_model(model, saved)
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]
    assert saved.read_bytes() == before


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_truncated_file(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match=r"model\.keras: not a \.keras file, or not a whole one"):
        load_model(saved)


def test_a_changed_byte_among_the_weights(saved):
    content = bytearray(saved.read_bytes())
    content[len(content) // 2] ^= 1
    saved.write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.weights\.h5 inside it is damaged"):
        load_model(saved)


def test_another_model(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    with pytest.raises(WeightsError, match=r"other\.keras: holds 'Sequential', not an SSD of tf_ssd"):
        load_model(tmp_path / "other.keras")


@pytest.mark.parametrize(
    ("member", "change", "message"),
    [
        ("config.json", lambda content: [], "not a .keras file"),
        ("config.json", lambda content: content | {"config": {"config": {"rotated": True}, "name": "ssd300"}}, "cannot be loaded"),
        ("metadata.json", lambda content: None, "not a .keras file"),
        ("model.weights.h5", None, "cannot be loaded"),
    ],
)
def test_a_file_of_another_version(saved, member, change, message):
    rewrite(saved, member, change)
    with pytest.raises(WeightsError, match=rf"model\.keras: {message}"):
        load_model(saved)


def test_the_message_about_another_version_names_both(saved):
    rewrite(saved, "metadata.json", lambda content: content | {"keras_version": "9.1"})
    rewrite(saved, "model.weights.h5", None)
    with pytest.raises(WeightsError, match=rf"written with Keras '9\.1', this is Keras {keras.__version__} and tf_ssd"):
        load_model(saved)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/outside.txt", r"..\outside.txt", "assets/../../x", "C:/outside.txt"])
def test_an_archive_whose_paths_lead_out_is_refused(saved, name):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr(name, "outside")
    with pytest.raises(WeightsError, match=r"model\.keras: holds a file '.*', outside of the archive; nothing was loaded"):
        load_model(saved)


def test_what_a_file_says_is_not_repeated_at_length(saved):
    """Neither a configuration that was put there nor a name that has no end."""
    secret = "x" * 500
    for changes in (
        {"config": {"config": {"boxes": {"secret": secret}}, "name": "ssd300"}},
        {"config": {"config": dataclasses.asdict(SMALL) | {"width": secret}, "name": "ssd300"}},
        {"config": secret},
        {"registered_name": secret, "class_name": secret},
    ):
        rewrite(saved, "config.json", lambda content, changes=changes: content | changes)
        with pytest.raises(WeightsError) as raised:
            load_model(saved)
        assert "x" * 61 not in str(raised.value)
        assert len(str(raised.value)) < 400


def test_commands_load_a_model_in_the_present_policy(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        save_model(network(0), tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    assert load_model(tmp_path / "model.keras").get_layer("conv1_1").compute_dtype == "float32"


@pytest.mark.parametrize(("name", "message"), [("model.h5", "the suffix must be .keras"), ("missing.keras", "no such file")])
def test_what_is_no_file_of_ours(name, message, tmp_path):
    with pytest.raises(WeightsError, match=f"{name}: {message}"):
        load_model(tmp_path / name)


def test_transfer_between_equal_networks(model):
    other = network(1, boxes=COCO300)
    assert transfer(model, other) == ()
    assert_equal(other.get_weights(), model.get_weights())


def test_transfer_to_other_classes_leaves_the_heads(model):
    other = network(1, num_classes=7)
    before = {layer.name: layer.get_weights() for layer in other.layers}
    left = transfer(model, other)
    assert set(left) == {f"{head}_{level}" for head in ("offsets", "logits") for level in range(6)}
    for layer in other.layers:
        expected = before[layer.name] if layer.name in left else model.get_layer(layer.name).get_weights()
        assert_equal(layer.get_weights(), expected)


def test_transfer_with_batch_normalisation_takes_the_statistics_too():
    source, other = network(2, batch_norm=True), network(3, batch_norm=True, num_classes=7)
    source.get_layer("fc7_bn").moving_mean.assign_add(np.ones(64, np.float32))
    transfer(source, other)
    assert_equal(other.get_layer("fc7_bn").get_weights(), source.get_layer("fc7_bn").get_weights())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0.125}, r"conv1_1: the weights have \(3, 3, 3, 4\) and \(4,\), the network has \(3, 3, 3, 8\) and \(8,\)"),
        (
            {"batch_norm": True},
            r"conv1_1: the weights have \(3, 3, 3, 4\) and \(4,\), the network has \(3, 3, 3, 4\); .*batch_norm=False",
        ),
    ],
)
def test_transfer_to_a_network_that_does_not_fit(model, changes, message):
    other = network(1, **changes)
    before = other.get_weights()
    with pytest.raises(WeightsError, match=message):
        transfer(model, other)
    assert_equal(other.get_weights(), before)


def test_a_file_made_with_keras_own_batch_normalisation(tmp_path, monkeypatch):
    """Files name weights by the class of their layer."""
    with monkeypatch.context() as before:
        before.setattr("tf_ssd.network.convolution.BatchNormalization", keras.layers.BatchNormalization)
        save_model(made := network(3, batch_norm=True), tmp_path / "old.keras")
    assert_equal(load_model(tmp_path / "old.keras").get_weights(), made.get_weights())
