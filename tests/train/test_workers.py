"""Workers as real processes: `python tests/train/test_workers.py OUTPUT REPLICAS` is one of them."""

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from tf_ssd.config import DefaultBoxesConfig, ModelConfig, network_named
from tf_ssd.data.batches.generator import Batch
from tf_ssd.errors import TrainingError
from tf_ssd.model import SSD, ssd
from tf_ssd.network.convolution import convolution, depthwise
from tf_ssd.optimizer import CaffeSGD, WarmupAndDrops, WeightAverage
from tf_ssd.train.ending import ended_by
from tf_ssd.train.trainer.checkpoints import Checkpoints
from tf_ssd.train.trainer.trainer import Trainer
from tf_ssd.train.workers import Workers, find_workers

STEPS, BATCH = 4, 4
ONE = Workers(tf.distribute.get_strategy(), 0, 1)


def share(step: int, workers: Workers) -> Batch:
    """A worker's part of a batch; positives and images without labels are not spread evenly."""
    random = np.random.default_rng(step)
    images, boxes = random.uniform(0, 255, (BATCH, 300, 300, 3)), np.zeros((BATCH, 8, 4))
    labels = np.zeros((BATCH, 8), np.int32)
    for image in range(step % 2, BATCH - 1):
        for row in range(image + 1):
            corner = random.uniform(0, 0.5, 2)
            boxes[image, row], labels[image, row] = [*corner, *(corner + random.uniform(0.1, 0.5, 2))], 1 + row % 2
    part = slice(workers.number * BATCH // workers.total, (workers.number + 1) * BATCH // workers.total)
    columns = (images, boxes, labels, labels > 5, labels > 5, np.arange(BATCH))
    return Batch(*(tf.constant(column[part]) for column in columns))


def network(*, batch_norm: bool, **settings: Any) -> SSD:
    """A network with a body of two layers: what workers exchange are lists of tensors, whatever layers these belong to.

    That each network of the family adds up from shares is shown in one process (`tests/test_battery.py`).
    """

    def body(pixels: tf.Tensor, config: ModelConfig) -> dict[str, tf.Tensor]:
        first = convolution(keras.layers.AveragePooling2D(12)(pixels), "conv_pw_11", 64, 3, config, padding="same")
        return {"conv_pw_11": first, "conv_pw_13": depthwise(first, "conv_pw_13", 3, config, stride=2)}

    described = network_named("ssd300_mobilenet_v1")
    parts = {"taps": ("conv_pw_11", "conv_pw_13"), "extras": (), "heads": "depthwise"}
    boxes = DefaultBoxesConfig(described.boxes.shapes[:2], feature_maps=(25, 13), steps=(12, 24))
    described = replace(described, boxes=boxes, architecture=replace(described.architecture, **parts))
    with mock.patch.dict("tf_ssd.model.BODIES", {"mobilenet_v1": body}):
        keras.utils.set_random_seed(0)
        return ssd(described, num_classes=3, width=0.25, batch_norm=batch_norm, **settings)


def train(workers: Workers, path: Path) -> None:
    """A few steps in float64, whose results and state the first worker writes down."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        with workers.strategy.scope():
            model = network(batch_norm=False, scores="softmax")
            optimizer = CaffeSGD(WarmupAndDrops(1e-4, drops=(3,), warmup=2))
            average = WeightAverage(model.trainable_variables, decay=0.9)
            trainer = Trainer(model, optimizer, Checkpoints(path.parent), average=average, clip_norm=50.0)
            results = [tuple(result) for result in trainer.train(share(step, workers) for step in range(STEPS))]
            normalised = train_with_normalisation(workers, path.parent)
            last = workers.number == workers.total - 1
            wishes = [float(workers.any_of(lambda wish=wish: wish)()) for wish in (last, False)]
            ends = [float(ends_by_patience(workers, is_over=is_over)) for is_over in (last, False)]
            values = workers.values_of_all(100 + workers.number)
            if workers.is_first:
                state = {name: np.asarray(value) for name, value in trainer._state().items()}
                found = {"results": results, "wishes": wishes, "ends": ends, "values": values}
                np.savez(path, **{name: np.array(value) for name, value in found.items()}, **state, **normalised)
            workers.barrier()
    finally:
        keras.config.set_dtype_policy(before)


def train_with_normalisation(workers: Workers, folder: Path) -> dict[str, np.ndarray]:
    """Weights and moving statistics after two steps; one worker takes the shares of two as parts of its batch."""
    model, parts = network(batch_norm=True), 2 // workers.strategy.num_replicas_in_sync
    optimizer = CaffeSGD(WarmupAndDrops(1e-3, drops=(), warmup=1))
    trainer = Trainer(model, optimizer, Checkpoints(folder), micro_batches=parts)
    list(trainer.train(share(step, workers) for step in range(2)))
    return {f"normalised/{variable.path}": np.asarray(variable) for variable in model.variables}


def ends_by_patience(workers: Workers, *, is_over: bool) -> bool:
    """Whether a run ends after a step at which this worker's patience is over, or not."""
    config = SimpleNamespace(patience=2, seconds=None)
    run = {"trainer": SimpleNamespace(step=3), "stretch": SimpleNamespace(last=9), "console": Console(quiet=True)}
    held_out = SimpleNamespace(best=(1, 0.5), without_better=2 if is_over else 1)
    return ended_by(SimpleNamespace(config=config, workers=workers, **run), held_out)()


def free_addresses(number: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def start(path: Path, *, workers: int, replicas: int) -> list[subprocess.Popen[str]]:
    """Processes that train together."""
    addresses, processes = free_addresses(workers), []
    for index in range(workers):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = os.environ | ({"TF_CONFIG": json.dumps(cluster)} if workers > 1 else {})
        command = [sys.executable, __file__, str(path), str(replicas)]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    return processes


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """The end of the same steps, by who made them."""
    folder = tmp_path_factory.mktemp("workers")
    settings = {"two workers": {"workers": 2, "replicas": 1}, "two replicas": {"workers": 1, "replicas": 2}}
    started = {name: start(folder / f"{name}.npz", **setting) for name, setting in settings.items()}
    train(ONE, folder / "one.npz")
    for process in itertools.chain(*started.values()):
        errors = process.communicate(timeout=300)[1]
        assert process.returncode == 0, errors
    return {name: dict(np.load(folder / f"{name}.npz")) for name in ("one", *started)}


@pytest.mark.parametrize("name", ["two workers", "two replicas"])
def test_a_batch_shared_is_the_batch(states, name):
    expected, found = states["one"], states[name]
    assert found.keys() == expected.keys()
    assert np.ptp(expected["results"][:, 2]) > 0.1  # the loss of four steps, which differ
    for key, value in expected.items():
        # Parts of a batch on one worker move the statistics one after another, those of several workers at once.
        if key == "values" or "/moving_" in key:
            continue
        np.testing.assert_allclose(found[key], value, rtol=1e-12, atol=1e-12 * np.abs(value).max(), err_msg=key)


def test_moving_statistics_are_averaged_over_workers_as_over_replicas(states):
    moving = [key for key in states["one"] if "/moving_" in key]
    assert moving
    for key in moving:
        expected, found = states["two replicas"][key], states["two workers"][key]
        assert np.ptp(expected) > 0
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=key)


def test_what_the_last_worker_wishes_is_known_to_the_first(states):
    assert states["two workers"]["wishes"].tolist() == [1, 0]


def test_workers_end_together_when_the_patience_of_one_is_over(states):
    assert all(state["ends"].tolist() == [1, 0] for state in states.values())


def test_each_worker_knows_the_values_of_all(states):
    values = {name: state["values"].tolist() for name, state in states.items()}
    assert values == {"one": [100], "two workers": [100, 101], "two replicas": [100]}


def test_without_tf_config_one_worker(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    workers = find_workers()
    assert (workers.number, workers.total, workers.is_first) == (0, 1, True)
    workers.barrier()


def test_a_lost_worker_is_one_message():
    workers = Workers(ONE.strategy, 1, 3)
    lost = tf.errors.UnavailableError(None, None, "Graph execution error:\n\nDetected at node X\nconnection refused\nmore")
    message = r"worker 1 of 3 has lost the others \(UnavailableError: connection refused\); start all of them again"
    with pytest.raises(TrainingError, match=message), workers.losses_reported():
        raise lost


def test_other_errors_stay_what_they_are():
    error = tf.errors.InvalidArgumentError(None, None, "shapes")
    with pytest.raises(tf.errors.InvalidArgumentError), Workers(ONE.strategy, 1, 3).losses_reported():
        raise error
    alone = tf.errors.InternalError(None, None, "broken")
    with pytest.raises(tf.errors.InternalError), ONE.losses_reported():
        raise alone


if __name__ == "__main__":
    output, count = Path(sys.argv[1]), int(sys.argv[2])
    if count == 1:
        train(find_workers(), output)
    else:
        devices = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
        train(Workers(tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(count)]), 0, 1), output)
