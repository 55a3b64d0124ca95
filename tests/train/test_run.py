import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_ssd.config import ModelConfig, TrainConfig
from tf_ssd.data.classes import write_class_names
from tf_ssd.data.synthetic import CLASS_NAMES, SyntheticDataset
from tf_ssd.errors import ConfigError
from tf_ssd.model import ssd300
from tf_ssd.train.run import Run, precision, training_data
from tf_ssd.train.workers import Workers
from tf_ssd.weights import save_model

ONE = Workers(tf.distribute.get_strategy(), 0, 1)
CONFIG = TrainConfig(steps=4, batch_size=2, width=0.0625, seed=3)


def new_run(tmp_path, workers=ONE, **settings):
    return Run(dataclasses.replace(CONFIG, output=tmp_path / "run", **settings), workers)


def numbers(batches):
    return [batch.index.numpy().tolist() for batch in batches]


def test_batches_are_those_that_are_left(tmp_path):
    run = new_run(tmp_path)
    batches = numbers(run.batches())
    assert sorted(itertools.chain(*batches)) == list(range(8))
    run.trainer.step = 3
    assert numbers(run.batches()) == batches[3:]


def test_one_batch_over_and_over(tmp_path):
    run = new_run(tmp_path, overfit_one_batch=True)
    first, *others = run.batches()
    assert len(others) == 3
    assert all(batch is first for batch in others)


def test_weights_follow_from_the_seed(tmp_path):
    kernels = [new_run(tmp_path / str(seed), seed=seed).trainer.model.get_weights()[0] for seed in (3, 3, 4)]
    assert np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_it_starts_from_the_weights_of_another(tmp_path, capsys):
    """And has its network, whatever --width says."""
    start = saved_network(tmp_path / "start", CLASS_NAMES)
    run = new_run(tmp_path, weights=tmp_path / "start", width=1.0)
    assert "its body, its heads" in capsys.readouterr().out
    for ours, theirs in zip(run.trainer.model.get_weights(), start.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_from_weights_for_other_classes_it_keeps_the_body(tmp_path, capsys):
    start = saved_network(tmp_path / "start", ("cat", "dog"))
    model = new_run(tmp_path, weights=tmp_path / "start" / "model.keras").trainer.model
    assert "its body, new heads for 4 classes" in capsys.readouterr().out
    np.testing.assert_array_equal(model.get_layer("fc7").kernel, start.get_layer("fc7").kernel)
    assert model.get_layer("logits_0").kernel.shape[-1] == 4 * 4


def saved_network(folder, class_names):
    folder.mkdir()
    model = ssd300(ModelConfig(num_classes=len(class_names) + 1, width=0.0625))
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


def test_frozen_blocks_are_named_and_not_trained(tmp_path, capsys):
    run = new_run(tmp_path, frozen_blocks=1)
    assert "not trained: conv1_1, conv1_2" in capsys.readouterr().out
    assert not any(variable.path.startswith("conv1_") for variable in run.trainer.model.trainable_variables)


def test_a_kind_of_note_is_printed_when_it_comes_up_and_at_the_end(tmp_path, capsys):
    run = new_run(tmp_path)
    for count in (3, 4, 5):
        run.say_notes(f"boxes dropped: {count}: a.xml; ...", "images skipped: 1: b.png")
    for _ in range(2):
        run.say_notes("boxes dropped: 5: a.xml; ...", "images skipped: 1: b.png", last=True)
    assert [line for line in capsys.readouterr().out.splitlines() if "note" in line] == [
        "note: boxes dropped: 3: a.xml; ...",
        "note: images skipped: 1: b.png",
        "note: boxes dropped: 5: a.xml; ...",
    ]


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_precision_ends_with_the_run(name):
    with precision(TrainConfig(precision=name)):
        assert keras.config.dtype_policy().name == f"mixed_{name}"
    assert keras.config.dtype_policy().name == "float32"


def test_generated_pictures_of_training_and_evaluation_differ():
    training, held_out = training_data(CONFIG)
    assert len(training) == 8
    assert not any(np.array_equal(training[0].image, held_out[index].image) for index in range(20))
    assert isinstance(held_out, SyntheticDataset)


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
