import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import torch

from tests.help_text import help_text
from tests.weights.tables import CLASSES, KERAS, filled, shapes_of
from tf_ssd import weights
from tf_ssd.config import COCO300, NETWORKS, VOC300, ModelConfig
from tf_ssd.config.network import VGG16_300
from tf_ssd.data.classes import read_class_names
from tf_ssd.errors import ConfigError, WeightsError
from tf_ssd.weights import __main__ as command
from tf_ssd.weights import import_weights, load_model, published
from tf_ssd.weights.checks import check_shapes
from tf_ssd.weights.class_names import PUBLISHED
from tf_ssd.weights.tables.amdegroot import AMDEGROOT, REDUCED_FC
from tf_ssd.weights.tables.keras_applications import MOBILENET
from tf_ssd.weights.tables.table import OF_WEIGHTS, is_head
from tf_ssd.weights.tables.torchvision import MOBILENET_V2, MOBILENET_V3, SSDLITE
from tf_ssd.weights.tables.torchvision import SSD300 as TORCHVISION

FILE = Path("published.pth")


@pytest.fixture(scope="module")
def shapes():
    """Of all variables of SSD300, "layer.variable"."""
    return shapes_of(NETWORKS["ssd300_vgg16"])


@pytest.fixture
def publish(monkeypatch):
    """Make `import_weights` find a file as a table describes it, with changes; None for a tensor leaves it out.

    Each tensor is filled with one number, which takes no memory, and no two with the same.
    """

    def put_there(table, **changes):
        tensors = filled(table, shapes_of(table.config)) | changes
        tensors = {name: array for name, array in tensors.items() if array is not None}
        monkeypatch.setattr(published, "read_weights", lambda _: tensors)
        return tensors

    return put_there


@pytest.fixture
def publish_a_detector(publish):
    publish(AMDEGROOT)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_published_names():
    """Names that other projects' code quotes, and what they stand for."""
    assert TORCHVISION.targets["backbone.features.21.weight"].variable == "conv4_3.kernel"
    assert TORCHVISION.targets["backbone.extra.0.7.3.bias"].variable == "fc7.bias"
    assert AMDEGROOT.targets["L2Norm.weight"].variable == "conv4_3_norm.scale"
    assert AMDEGROOT.targets["extras.7.bias"].variable == "conv11_2.bias"
    assert AMDEGROOT.targets["conf.5.weight"].variable == "logits_5.kernel"
    assert REDUCED_FC.targets["31.weight"].variable == "fc6.kernel"
    assert KERAS["named, without top"].targets["block5_conv3/kernel"].variable == "conv5_3.kernel"
    assert KERAS["named, with top"].targets["predictions/bias"] is None


@pytest.mark.parametrize(
    ("table", "boxes", "tensors"), [(TORCHVISION, COCO300, 71), (AMDEGROOT, VOC300, 71)], ids=["torchvision", "amdegroot"]
)
def test_a_complete_detector(table, boxes, tensors, publish):
    given = publish(table)
    imported = published.import_published(table.source, FILE, num_classes=None, channels=None)
    assert len(imported.copied) == tensors
    assert (imported.new, imported.unused) == ((), ())
    config = imported.model.config
    assert (config.num_classes, config.width, config.batch_norm, config.loss) == (CLASSES, 1, False, ModelConfig().loss)
    assert config.boxes.shapes == boxes.shapes
    assert config.boxes.clip == {"torchvision": "size", "amdegroot": "cxcywh"}[table.source]
    for name, target in table.targets.items():
        layer, variable = target.variable.split(".")
        assert np.unique(getattr(imported.model.get_layer(layer), variable)) == given[name].flat[0]


def test_a_wrapped_network_for_the_same_number_of_classes(publish, monkeypatch):
    """DataParallel's "module." is left out, and the account says so; the heads are kept."""
    given = publish(AMDEGROOT)
    monkeypatch.setattr(published, "read_weights", lambda _: {f"module.{name}": array for name, array in given.items()})
    imported = published.import_published("amdegroot", FILE, num_classes=CLASSES, channels=None)
    assert (imported.prefix, len(imported.copied), imported.new) == ("module.", 71, ())


def test_another_number_of_classes_makes_new_heads(publish):
    publish(AMDEGROOT)
    imported = published.import_published("amdegroot", FILE, num_classes=3, channels=None)
    assert set(imported.new) == {f"{head}_{level}" for head in ("offsets", "logits") for level in range(6)}
    assert set(imported.unused) == {name for name in AMDEGROOT.targets if name.startswith(("loc", "conf"))}
    assert len(imported.copied) == 71 - 24
    assert imported.model.output["logits"].shape == (None, 8732, 3)
    logits = imported.model.get_layer("logits_1")
    assert np.std(logits.kernel) == pytest.approx(0.003, rel=0.05)
    assert not np.any(logits.bias)


def test_new_layers_on_a_published_body(publish):
    publish(KERAS["named, without top"])
    keras.utils.set_random_seed(5)
    imported = published.import_published("vgg16", FILE, num_classes=None, channels=None)
    model = imported.model
    assert model.config == KERAS["named, without top"].config
    assert (model.config.num_classes, model.config.boxes) == (21, VOC300)
    assert model.config.architecture == replace(VGG16_300, pixel_mean=(123.68, 116.779, 103.939))
    assert {"conv4_3_norm", "fc6", "fc7", "conv8_1", "conv11_2", "offsets_0", "logits_5"} <= set(imported.new)
    assert len(imported.new) == 3 + 8 + 12
    np.testing.assert_array_equal(model.get_layer("conv4_3_norm").scale, np.full(512, 20))
    for name, fan_in, fan_out in (("fc6", 9 * 512, 9 * 1024), ("conv8_1", 1024, 256), ("conv11_2", 9 * 128, 9 * 256)):
        layer, limit = model.get_layer(name), np.sqrt(6 / (fan_in + fan_out))
        assert np.abs(layer.kernel).max() == pytest.approx(limit, rel=0.01)
        assert np.std(layer.kernel) == pytest.approx(limit / np.sqrt(3), rel=0.02)
        assert not np.any(layer.bias)
    keras.utils.set_random_seed(5)
    again = import_weights("vgg16", FILE)
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_many_names_are_shown_by_how_they_begin():
    few = ("predictions/kernel", "fc6", "conv8_1", "conv8_2")
    assert command._grouped(few) == list(few)
    names = ("conv4_3_norm", "conv8_1", "conv8_2", "logits_0", "logits_1", "fc6", "classifier.0.weight", "classifier.0.bias")
    assert command._grouped(names) == ["conv4_3_norm", "conv8_* (2)", "logits_* (2)", "fc6", "classifier.* (2)"]


def test_the_top_is_known_and_not_used(publish):
    publish(KERAS["named, with top"])
    imported = published.import_published("vgg16", FILE, num_classes=None, channels=None)
    assert imported.unused == ("predictions/kernel", "predictions/bias")
    assert not {"fc6", "fc7"} & set(imported.new)
    assert len(imported.new) == 1 + 8 + 12


def test_a_body_in_another_network_that_has_it(publish):
    """Pixels, padding and normalisation are those of the weights, all else that of the network."""
    publish(MOBILENET_V2)
    imported = published.import_published("torchvision", FILE, network="ssdlite320_mobilenet_v2", num_classes=3, channels=None)
    config, named = imported.model.config, NETWORKS["ssdlite320_mobilenet_v2"]
    ours = config.architecture
    assert (ours.padding, ours.norm_epsilon, ours.norm_momentum) == ("both", 1e-5, 0.9)
    np.testing.assert_allclose((ours.pixel_mean, ours.pixel_std), [(123.675, 116.28, 103.53), (58.395, 57.12, 57.375)])
    kept = {name: getattr(named.architecture, name) for name in OF_WEIGHTS}
    assert replace(config, num_classes=21, architecture=replace(ours, **kept)) == named
    assert len(imported.copied) == 52 * 5
    assert "classifier.1.weight" in imported.unused
    assert all(is_head(name) or name.startswith("extra") for name in imported.new)


@pytest.mark.parametrize(
    ("table", "network", "fitting"),
    [
        (MOBILENET_V3, "ssdlite320_mobilenet_v3_large", "ssdlite320_mobilenet_v3_large_full_tail"),
        (MOBILENET_V2, "ssd300_vgg16", "ssd300_mobilenet_v2 or ssdlite320_mobilenet_v2"),
        (TORCHVISION, "ssd512_vgg16", "ssd300_vgg16"),
        (REDUCED_FC, "ssd300_vgg19", "ssd300_vgg16 or ssd512_vgg16"),
    ],
)
def test_a_network_that_the_file_does_not_fit(table, network, fitting, publish):
    publish(table)
    message = f"--network='{network}': published.pth is {re.escape(table.description)}, which fits into {fitting}"
    with pytest.raises(ConfigError, match=message):
        import_weights(table.source, FILE, network=network)


@pytest.mark.parametrize(
    ("source", "actual"),
    [
        ("torchvision", AMDEGROOT),
        ("torchvision", REDUCED_FC),
        ("torchvision", MOBILENET[0]),
        ("amdegroot", KERAS["numbered, without top"]),
        ("vgg16", TORCHVISION),
        ("keras", SSDLITE),
    ],
)
def test_the_file_of_another_source(source, actual, publish):
    publish(actual, **{next(iter(actual.targets)): None})
    with pytest.raises(WeightsError, match=rf"published\.pth: not .* but, it seems, .*: try --from {actual.source}"):
        import_weights(source, FILE)


def test_a_file_of_another_model(publish):
    others, kept = {name: np.zeros(3) for name in "abcd"}, "backbone.features.0.bias"
    publish(TORCHVISION, **{name: None for name in TORCHVISION.targets if name != kept}, **others)
    message = r"70 tensors missing \(backbone.features.0.weight, .*, \.\.\.\), 4 tensors unexpected \(a, b, c, \.\.\.\)"
    with pytest.raises(WeightsError, match=f"not a state dict of torchvision's ssd300_vgg16: {message}"):
        import_weights("torchvision", FILE)


def test_a_file_of_which_nothing_is_known(publish):
    """Nothing is called the nearest then."""
    publish(TORCHVISION, **dict.fromkeys(TORCHVISION.targets), **{name: np.zeros(3) for name in "abcd"})
    with pytest.raises(WeightsError, match=r"holds 4 tensors, of which --from torchvision knows none \(a, b, c, \.\.\.\); --help"):
        import_weights("torchvision", FILE)
    publish(SSDLITE)
    with pytest.raises(
        WeightsError, match=r"not a file of --from keras but, it seems, .* with the reduced tail: try --from torchvi"
    ):
        import_weights("keras", FILE)


def test_a_missing_tensor(publish):
    publish(TORCHVISION, **{"backbone.scale_weight": None})
    with pytest.raises(
        WeightsError, match=r"1 tensor missing \(backbone.scale_weight\), 0 tensors unexpected; is it the right file"
    ):
        import_weights("torchvision", FILE)


def test_an_unexpected_tensor(publish):
    publish(AMDEGROOT, **{"extras.8.weight": np.zeros(3)})
    with pytest.raises(WeightsError, match=r"0 tensors missing, 1 tensor unexpected \(extras.8.weight\)"):
        import_weights("amdegroot", FILE)


@pytest.mark.parametrize(
    ("table", "name", "shape", "expected"),
    [
        (TORCHVISION, "backbone.features.2.weight", (3, 3, 64, 64), (64, 64, 3, 3)),
        (TORCHVISION, "head.classification_head.module_list.1.weight", (24, 512, 3, 3), (24, 1024, 3, 3)),
        (AMDEGROOT, "L2Norm.weight", (512, 1), (512,)),
        (REDUCED_FC, "31.weight", (4096, 512, 7, 7), (1024, 512, 3, 3)),
        (KERAS["named, with top"], "fc1/kernel", (512, 4096), (25088, 4096)),
        (KERAS["named, with top"], "fc2/bias", (1024,), (4096,)),
        (KERAS["named, without top"], "block3_conv1/kernel", (256, 128, 3, 3), (3, 3, 128, 256)),
    ],
)
def test_a_misshapen_tensor(table, name, shape, expected, shapes):
    tensors = filled(table, shapes) | {name: np.zeros(shape)}
    with pytest.raises(
        WeightsError, match=f"tensor {name} has shape {re.escape(str(shape))}, but .* has {re.escape(str(expected))}"
    ):
        check_shapes(table, tensors, shapes, FILE)


def test_a_misshapen_head_that_would_not_be_used(publish):
    publish(AMDEGROOT, **{"conf.1.weight": np.zeros((24, 512, 3, 3))})
    with pytest.raises(WeightsError, match=r"tensor conf\.1\.weight has shape .*, but .* has \(24, 1024, 3, 3\)"):
        import_weights("amdegroot", FILE, num_classes=CLASSES + 3)


@pytest.mark.parametrize(("channels", "count"), [(24 + 6, "5"), (4, "0.666667"), (0, "0")])
def test_heads_that_disagree_about_the_classes(channels, count, publish):
    publish(AMDEGROOT, **{"conf.3.bias": np.zeros(channels)})
    with pytest.raises(
        WeightsError, match=rf"do not agree on a number of classes.*conf.2.bias 4, conf.3.bias {count}, conf.4.bias 4"
    ):
        import_weights("amdegroot", FILE)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"source": "caffe"}, "source='caffe'"),
        ({"source": "vgg16", "channels": "rgb"}, "channels='rgb': only weights of amdegroot"),
        ({"source": "amdegroot", "channels": "gbr"}, "channels='gbr'"),
        ({"source": "amdegroot", "num_classes": 0}, "num_classes=0"),
    ],
)
def test_settings_out_of_range(settings, named, publish):
    publish(AMDEGROOT)
    with pytest.raises(ConfigError, match=named):
        import_weights(file=FILE, **settings)


def test_the_package_imports_its_functions_when_they_are_used():
    assert all(callable(getattr(weights, name)) for name in weights.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = weights.nothing


@pytest.fixture(scope="module")
def reduced_fc(shapes, tmp_path_factory):
    """A whole file on disk."""
    path = tmp_path_factory.mktemp("published") / "vgg16_reducedfc.pth"
    torch.save({name: torch.from_numpy(array.copy()) for name, array in filled(REDUCED_FC, shapes).items()}, path)
    return path


def test_the_command(reduced_fc, tmp_path, capsys):
    output = tmp_path / "body.keras"
    arguments = ["--from", "vgg16", str(reduced_fc), "--num-classes", "5", "--output", str(output)]
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    assert re.search(r"tensors copied +│ 30 ", printed)
    assert "VOC300, clip 'none'" in printed
    assert "conv8_* (2)" in printed
    assert "5, background included" in printed
    assert "BGR" in printed
    assert f"Written to {output}" in printed.replace("\n", "")
    assert names_in(tmp_path) == ["body.keras"]
    keras.utils.set_random_seed(0)
    expected = import_weights("vgg16", reduced_fc, num_classes=5)
    loaded = load_model(output)
    assert loaded.config == expected.config
    for ours, theirs in zip(loaded.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)

    before = output.stat()
    assert command.main(arguments) == 2
    assert "body.keras': exists already" in capsys.readouterr().err
    assert output.stat() == before


@pytest.fixture
def saved(monkeypatch):
    """The models that the command would have written."""
    models = []
    monkeypatch.setattr("tf_ssd.weights.saved.save_model", lambda model, path: models.append(model) or path.touch())
    return models


@pytest.mark.parametrize("channels", ["rgb", "bgr", None])
def test_colours_and_what_the_command_says_of_them(publish, channels, saved, tmp_path, capsys):
    kernel = np.random.default_rng(0).normal(size=(64, 3, 3, 3)).astype(np.float32)
    publish(AMDEGROOT, **{"vgg.0.weight": kernel})
    (tmp_path / "ssd.pth").touch()
    arguments = ["--from", "amdegroot", str(tmp_path / "ssd.pth"), "--output", str(tmp_path / "a.keras")]
    assert command.main([*arguments, *(["--channels", channels] if channels else [])]) == 0
    printed = capsys.readouterr().out
    assert re.search("their names +│ not known", printed)
    assert names_in(tmp_path) == ["a.keras", "ssd.pth"]
    assert ("need --channels rgb" in printed) == (channels is None)
    as_ours = kernel.transpose(2, 3, 1, 0)
    if channels == "rgb":
        assert "RGB, as ours" in printed
    else:
        assert "BGR; the first kernel was reversed" in printed
        as_ours = as_ours[:, :, ::-1]
    np.testing.assert_array_equal(saved[0].get_layer("conv1_1").kernel, as_ours)


@pytest.mark.usefixtures("publish_a_detector", "saved")
def test_a_detector_brings_the_names_of_its_classes(tmp_path, capsys, monkeypatch):
    names = tuple(f"class {label}" for label in range(1, CLASSES))
    monkeypatch.setitem(PUBLISHED, "amdegroot", names)
    (tmp_path / "ssd.pth").touch()
    arguments = ["--from", "amdegroot", str(tmp_path / "ssd.pth"), "--output", str(tmp_path / "a.keras")]
    assert command.main([*arguments, "--num-classes", str(CLASSES + 1)]) == 0
    assert names_in(tmp_path) == ["a.keras", "ssd.pth"], "other classes have other names"
    (tmp_path / "a.keras").unlink()
    assert command.main(arguments) == 0
    assert read_class_names(tmp_path / "a.classes.txt") == names
    assert "a.classes.txt" in capsys.readouterr().out.replace("\n", "")
    (tmp_path / "a.keras").unlink()
    assert command.main(arguments) == 2
    assert "a.classes.txt: the class map of that name exists already" in capsys.readouterr().err
    assert names_in(tmp_path) == ["a.classes.txt", "ssd.pth"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--from", "vgg16", "missing.pth", "--output", "a.keras"], "missing.pth: no such file"),
        (["--from", "vgg16", "cut.pth", "--output", "a.keras"], "cut.pth: cannot be read"),
        (
            ["--from", "torchvision", "small.pth", "--output", "a.keras"],
            "small.pth: holds 1 tensor, of which --from torchvision knows none",
        ),
        (["--from", "vgg16", "small.pth", "--output", "a.h5"], "--output='a.h5': must end in .keras"),
        (["--from", "vgg16", "small.pth", "--output", "nowhere/a.keras"], "there is no folder nowhere"),
        (["--from", "vgg16", "small.pth", "--output", "a.keras", "--num-classes", "1"], "--num-classes=1"),
        (["--from", "vgg16", "small.pth", "--output", "a.keras", "--channels", "rgb"], "only weights of amdegroot"),
        (["--from", "keras", "imagenet", "--output", "a.keras", "--network", "ssdlite320_mobilenet_v3_large"], "has the bodies"),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(arguments, named, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.ones(2)}, "small.pth")
    Path("cut.pth").write_bytes(Path("small.pth").read_bytes()[:-9])
    assert command.main(arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert named in message
    assert names_in(tmp_path) == ["cut.pth", "small.pth"]


def test_in_a_process_of_its_own(tmp_path):
    """There TensorFlow is imported before PyTorch."""
    torch.save({"weight": torch.ones(2)}, tmp_path / "small.pth")
    arguments = ["--from", "amdegroot", str(tmp_path / "small.pth"), "--output", str(tmp_path / "a.keras")]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command_line = [sys.executable, "-m", "tf_ssd.weights", *arguments]
    run = subprocess.run(command_line, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 2
    assert re.fullmatch("error: .*holds 1 tensor, of which --from amdegroot knows none.*\n", run.stderr)


def test_help_answers_at_once():
    text, seconds = help_text("tf_ssd.weights")
    assert seconds < 1
    assert "{torchvision,amdegroot,keras,vgg16,mediapipe}" in text
