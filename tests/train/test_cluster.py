import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tf_ssd.errors import ConfigError
from tf_ssd.train.cluster import ALONE, Cluster, read_cluster, wait_for_all
from tf_ssd.train.workers import find_workers


def task(kind, index=0):
    return {"type": kind, "index": index}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ALONE),
        ({"task": task("worker")}, ALONE),
        ({"cluster": {"worker": ["a:1"]}, "task": task("worker", "0")}, ALONE),
        ({"cluster": {"chief": ["a:1"]}, "task": task("chief"), "environment": "cloud"}, ALONE),
        ({"cluster": {"master": ["algo-1"]}, "task": task("master"), "environment": "cloud"}, ALONE),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": task("worker", 1)}, Cluster(("a:1", "b:1"), 1)),
        ({"cluster": {"worker": ["b:1"], "chief": ["a:1"]}, "task": task("chief")}, Cluster(("a:1", "b:1"), 0)),
        (
            {"cluster": {"worker": ["b:1", "[::1]:2"], "chief": ["a:1"]}, "task": task("worker", 1)},
            Cluster(("a:1", "b:1", "[::1]:2"), 2),
        ),
    ],
)
def test_the_chief_is_worker_0_and_one_process_is_no_cluster(monkeypatch, config, expected):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert read_cluster() == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "JSONDecodeError"),
        ("[1]", "AttributeError"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "x"}}', "ValueError"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "'worker' 1 is none of the 1 worker"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', "'chief' 0 is none of the 1 worker"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "'ps' is a parameter server, which"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}', "'ps' is a parameter server"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "evaluator", "index": 0}}', "'evaluator' is an evaluator, which"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', "'a:1' is given twice"),
        ('{"cluster": {"worker": ["a:1", "b"]}, "task": {"type": "worker", "index": 0}}', "'b' is no address with a port"),
        ('{"cluster": {"worker": ["a:1", "b:65536"]}, "task": {"type": "worker", "index": 0}}', "'b:65536' is no address"),
    ],
)
def test_a_tf_config_that_cannot_be_used(monkeypatch, text, named):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError, match=named):
        find_workers()


@pytest.fixture
def addresses():
    """Two free ones."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [one.getsockname()[1], other.getsockname()[1]]
    return tuple(f"127.0.0.1:{port}" for port in ports)


def test_workers_that_start_apart_find_each_other(addresses):
    said: list[str] = []
    first = threading.Thread(target=wait_for_all, args=(Cluster(addresses, 0), said.append), kwargs={"limit": 20}, daemon=True)
    first.start()
    while not said:
        time.sleep(0.01)
    wait_for_all(Cluster(addresses, 1), said.append, limit=20)
    with socket.create_server(("127.0.0.1", int(addresses[1].rpartition(":")[2]))):  # as TensorFlow opens it then
        first.join(20)
    assert not first.is_alive()
    assert said[0] == f"waiting for workers at {addresses[1]}"


def test_a_worker_that_does_not_come_is_named(addresses):
    with pytest.raises(ConfigError, match=rf"no answer from {addresses[1]} within 0.1 s"):
        wait_for_all(Cluster(addresses, 0), lambda _: None, limit=0.1)


def test_a_port_that_is_taken(addresses):
    with (
        socket.create_server(("", int(addresses[0].rpartition(":")[2]))),
        pytest.raises(ConfigError, match=r"port \d+ of this worker cannot be used"),
    ):
        wait_for_all(Cluster(addresses, 0), lambda _: None, limit=0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_ends_the_wait(addresses, number):
    code = f"""
import signal, sys
from tf_ssd.train.cluster import Cluster, wait_for_all
signal.signal(signal.SIGINT, signal.default_int_handler)
wait_for_all(Cluster({addresses!r}, 0), lambda text: print(text, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == f"waiting for workers at {addresses[1]}\n"
        process.send_signal(number)
        assert process.wait(10) != 0
