import dataclasses
import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_ssd.config import ModelConfig, TrainConfig
from tf_ssd.data.classes import write_class_names
from tf_ssd.data.synthetic import CLASS_NAMES
from tf_ssd.errors import ConfigError, DatasetError, TrainingError
from tf_ssd.model import ssd
from tf_ssd.train.run import Run, precision
from tf_ssd.train.workers import Workers
from tf_ssd.weights import save_model

pytestmark = pytest.mark.usefixtures("small_network")
ONE = Workers(tf.distribute.get_strategy(), 0, 1)
CONFIG = TrainConfig(steps=4, batch_size=2, width=0.0625, seed=3)


def new_run(tmp_path, workers=ONE, **settings):
    return Run(dataclasses.replace(CONFIG, output=tmp_path / "run", **settings), workers)


def numbers(batches):
    return [batch.index.numpy().tolist() for batch in batches]


def test_batches_are_those_that_are_left(tmp_path, capsys):
    run = new_run(tmp_path)
    batches = numbers(run.batches())
    assert sorted(itertools.chain(*batches)) == list(range(8))
    run.trainer.step = 3
    assert numbers(run.batches()) == batches[3:]
    assert capsys.readouterr().err == ""  # a network with batch normalisation learns


def test_one_batch_over_and_over(tmp_path):
    run = new_run(tmp_path, overfit_one_batch=True)
    first, *others = run.batches()
    assert len(others) == 3
    assert all(batch is first for batch in others)


def test_weights_follow_from_the_seed(tmp_path):
    kernels = [new_run(tmp_path / str(seed), seed=seed).trainer.model.get_weights()[0] for seed in (3, 3, 4)]
    assert np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_it_starts_from_weights_whose_network_is_written_down(tmp_path, capsys):
    """Whatever the recipe says."""
    start = saved_network(tmp_path / "start", CLASS_NAMES, batch_norm=True)
    run = new_run(tmp_path, weights=tmp_path / "start", recipe="finetune", width=None)
    assert f"starting from {tmp_path / 'start'}: its body, its heads" in capsys.readouterr().out.replace("\n", "")
    for ours, theirs in zip(run.trainer.model.get_weights(), start.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    network = json.loads((run.folder / "run.json").read_text())["network"]
    assert (network["width"], network["batch_norm"]) == (0.0625, True)


def test_moved_weights_go_on_and_other_weights_do_not(tmp_path, capsys):
    for name in ("start", "other"):
        saved_network(tmp_path / name, CLASS_NAMES)
    new_run(tmp_path, weights=tmp_path / "start")
    (tmp_path / "start").rename(tmp_path / "moved")
    new_run(tmp_path, weights=tmp_path / "moved")
    printed = capsys.readouterr()
    assert f"note: --weights was {tmp_path / 'start'} when" in printed.out
    assert HARDLY not in printed.err
    with pytest.raises(ConfigError, match="holds another run: starting weights was"):
        new_run(tmp_path, weights=tmp_path / "other")


HARDLY = "warning: a network without batch normalisation hardly learns from random weights"


def test_random_weights_without_batch_normalisation_are_warned_of(tmp_path, capsys):
    new_run(tmp_path, recipe="voc", quiet=True)
    assert HARDLY in capsys.readouterr().err


LITE = "ssdlite320_mobilenet_v3_large"


def test_the_network_that_is_trained_is_written_down_whole(tmp_path, capsys):
    """One that is published with batch normalisation is not said to learn hardly, whatever the recipe leaves open."""
    run = new_run(tmp_path, network=LITE, recipe="ssdlite", default_boxes="LITE320", base_rate=0.5)
    written = json.loads((run.folder / "run.json").read_text())["network"]
    assert ModelConfig.from_dict(written) == run.trainer.model.config
    assert (written["name"], written["width"], written["batch_norm"]) == (LITE, 0.0625, True)
    assert capsys.readouterr().err == ""
    factors = {run.trainer.optimizer.rates.get(layer) for layer in ("conv", "conv_1_bn")}
    assert (factors, "extra1_1" in run.trainer.optimizer.rates) == ({0.5}, False)


@pytest.fixture(scope="module")
def ssd300_weights(tmp_path_factory):
    """Of the network that has this name elsewhere."""
    saved_network(folder := tmp_path_factory.mktemp("weights") / "start", CLASS_NAMES, ModelConfig())
    return folder


@pytest.mark.usefixtures("loaded_once")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": LITE}, f"--network='{LITE}': the network of --weights is ssd300_vgg16; leave --network out"),
        ({"frozen_blocks": 6}, "--frozen-blocks=6: vgg16 has 5 blocks to freeze, conv1, conv2, conv3, conv4, conv5"),
        ({"box_sizes": (30, 60, 111)}, "--box-sizes=.*: must be 7 ascending sizes in pixels"),
        ({"default_boxes": "VOC512"}, "--default-boxes='VOC512': is not for ssd300_vgg16"),
    ],
)
def test_what_does_not_fit_the_weights_leaves_nothing(ssd300_weights, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        new_run(tmp_path, weights=ssd300_weights, **settings)
    assert not (tmp_path / "run").exists()


def test_workers_at_different_steps_are_refused(tmp_path):
    class Ahead(Workers):
        def values_of_all(self, own):
            return [own, own + 2]

    with pytest.raises(TrainingError, match="worker 0 would go on after step 0, worker 1 would go on after step 2; every worker"):
        new_run(tmp_path, workers=Ahead(*ONE))


def test_what_another_worker_wrote_for_itself_is_removed(tmp_path):
    second = new_run(tmp_path, workers=Second(ONE.strategy, 1, 2))
    assert second.scratch.is_dir()
    second.close()
    assert not second.scratch.exists()
    assert second.folder.is_dir()


class Second(Workers):
    """One that finds no others."""

    def barrier(self):
        pass

    def values_of_all(self, own):
        return [own, own]


def test_a_finished_run_with_a_damaged_checkpoint_says_nothing_of_it(tmp_path, capsys):
    run = new_run(tmp_path)
    run.trainer.save()
    (run.folder / "average_precision.json").write_text("{}")
    (run.folder / "checkpoints/step-00000000.safetensors").write_bytes(b"")
    capsys.readouterr()
    assert new_run(tmp_path).is_finished
    printed = capsys.readouterr()
    assert "Continuing" not in printed.out
    assert printed.err == ""


def saved_network(folder, class_names, network="ssd300_vgg16", **settings):
    folder.mkdir()
    model = ssd(network, num_classes=len(class_names) + 1, width=0.0625, **settings)
    save_model(model, folder / "model.keras")
    write_class_names(folder / "classes.txt", class_names)
    return model


def test_the_end_of_the_schedule_is_the_end_of_the_run(tmp_path):
    rate = new_run(tmp_path, optimizer="sgd", drops=(0.5, 0.75), learning_rate=0.1).trainer.optimizer._learning_rate
    np.testing.assert_allclose([float(rate(step)) for step in range(4)], [0.1, 0.1, 0.01, 0.001])


def test_what_continues_is_said(tmp_path, capsys):
    run = new_run(tmp_path)
    run.trainer.save()
    assert "Continuing after step 0." not in capsys.readouterr().out
    new_run(tmp_path)
    assert "Continuing after step 0." in capsys.readouterr().out
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        path.write_bytes(b"")
    new_run(tmp_path)
    printed = capsys.readouterr()
    assert "step-00000000.safetensors: damaged, and left out" in printed.err
    assert "No checkpoint to go on from: starting at step 0." in printed.out


def test_a_run_in_another_order_is_not_continued(tmp_path, monkeypatch):
    """As another version of tf_ssd or NumPy would draw it: some records would come twice in an epoch, and others not at all."""
    new_run(tmp_path)
    monkeypatch.setattr(np.random, "default_rng", lambda key: np.random.Generator(np.random.MT19937(key)))
    with pytest.raises(ConfigError, match="holds another run: training order was"):
        new_run(tmp_path)


def csv_data(folder):
    """Four pictures, of which one has the class "rare"; two of the boxes of each."""
    folder.mkdir()
    for number in range(4):
        Image.new("RGB", (60, 40)).save(folder / f"{number}.png")
    rows = [
        f"{number}.png,{'rare' if number == 2 else 'common'},{10 * box},5,{10 * box + 20},30\n"
        for number in range(4)
        for box in (0, 2)
    ]
    for split in ("train", "val"):
        (folder / f"{split}.csv").write_text("".join(rows))
    return folder


def test_weights_of_classes_and_the_balance_reach_the_loss_and_the_batches(tmp_path, capsys):
    (tmp_path / "weights.json").write_text('{"rare": 3}')
    settings = {"dataset": "csv", "data": (csv_data(tmp_path / "data"),), "steps": 10}
    run = new_run(tmp_path, **settings, class_weights=tmp_path / "weights.json", balance=1.0)
    assert run.trainer.model.config.loss.class_weights == (1.0, 1.0, 3.0)  # background, common, rare
    assert "an epoch has 6 images; 4 of 4 repeatedly" in capsys.readouterr().out
    counts = np.bincount(np.concatenate(numbers(run.batches()))[:18], minlength=4)  # three epochs
    assert counts[2] == counts.max() > 4
    (tmp_path / "weights.json").write_text('{"rare": 2}')
    with pytest.raises(ConfigError, match="holds another run: class weights was '1 3' and is '1 2'"):
        new_run(tmp_path, **settings, class_weights=tmp_path / "weights.json", balance=1.0)
    (tmp_path / "weights.json").write_text('{"scarce": 2}')
    with pytest.raises(DatasetError, match=r"weights\.json: there is no class 'scarce'; the classes are 'common', 'rare'"):
        new_run(tmp_path / "other", **settings, class_weights=tmp_path / "weights.json")
    assert not (tmp_path / "other").exists()


def test_frozen_blocks_are_named_and_not_trained(tmp_path, capsys):
    run = new_run(tmp_path, frozen_blocks=1)
    assert "not trained: conv1\n" in capsys.readouterr().out
    assert not any(variable.path.startswith("conv1_") for variable in run.trainer.model.trainable_variables)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_precision_ends_with_the_run(name):
    with precision(TrainConfig(precision=name)):
        assert keras.config.dtype_policy().name == f"mixed_{name}"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("workers", "settings", "named"),
    [
        (Workers(ONE.strategy, 0, 2), {"output": None}, "--output=None: several workers need one folder"),
        (Workers(tf.distribute.MirroredStrategy(["CPU:0"]), 0, 1), {"micro_batches": 2, "batch_size": 3}, "must divide"),
    ],
)
def test_what_workers_cannot_share(workers, settings, named):
    with pytest.raises(ConfigError, match=named):
        Run(dataclasses.replace(CONFIG, **settings), workers)
