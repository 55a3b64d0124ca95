"""The processes that TF_CONFIG names. They find each other before TensorFlow is told, whose own waiting nothing can interrupt."""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from tf_ssd.errors import ConfigError
from tf_ssd.system.words import counted

CHIEFS = ("chief", "master")  # worker 0 under another name; "master" is that of older platforms
FORM = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
ADDRESS = re.compile(r"\S+:(\d{1,5})")
WAIT_LIMIT, WAIT_STEP = 600.0, 0.5  # seconds that workers wait for each other, and between two attempts to reach one
LARGEST_PORT = 65535


class Cluster(NamedTuple):
    """The addresses "host:port" of all workers, the chief first if there is one, and the number of this process among them."""

    addresses: tuple[str, ...]
    number: int


ALONE = Cluster((), 0)


def read_cluster() -> Cluster:
    """What the environment variable TF_CONFIG says; `ALONE` if it is not set, or names no cluster or one process.

    Raises:
        ConfigError: it has another form, this process is none of the workers, or an address is repeated or has no port.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return ALONE
    try:
        config = json.loads(text)
        if not config.get("cluster"):
            return ALONE
        jobs = {kind: list(map(str, addresses)) for kind, addresses in config["cluster"].items()}
        kind, index = config["task"]["type"], int(config["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"TF_CONFIG={text!r}: cannot be used ({type(error).__name__}: {error}); write {FORM}") from error
    _check_jobs({*jobs, kind})
    chief = [address for name in CHIEFS for address in jobs.get(name, [])]
    addresses = (*chief, *jobs.get("worker", []))
    group, before = (chief, 0) if kind in CHIEFS else (jobs.get("worker", []), len(chief))
    if not 0 <= index < len(group):
        raise ConfigError(f"TF_CONFIG: the task {kind!r} {index} is none of the {counted(len(addresses), 'worker')}; write {FORM}")
    if len(addresses) == 1:
        return ALONE
    _check_addresses(addresses)
    return Cluster(addresses, before + index)


def _check_jobs(kinds: set[str]) -> None:
    for kind in sorted(kinds - {*CHIEFS, "worker"}):
        role = {"ps": "a parameter server", "evaluator": "an evaluator"}.get(kind, "no worker")
        raise ConfigError(
            f"TF_CONFIG: {kind!r} is {role}, which training does not use: all workers compute; name a chief and workers"
        )


def _check_addresses(addresses: Sequence[str]) -> None:
    for position, address in enumerate(addresses):
        port = ADDRESS.fullmatch(address)
        if port is None or not 0 < int(port[1]) <= LARGEST_PORT:
            raise ConfigError(f"TF_CONFIG: {address!r} is no address with a port; write host:port")
        if address in addresses[:position]:
            raise ConfigError(f"TF_CONFIG: the address {address!r} is given twice; give each worker its own")


def wait_for_all(cluster: Cluster, say: Callable[[str], None], *, limit: float = WAIT_LIMIT) -> None:
    """Return when every other worker can be reached, so that TensorFlow need not wait for any of them.

    This process can be reached meanwhile. A worker that is already in TensorFlow's hands counts as well, since its port is open.

    Args:
        cluster: at least two workers.
        say: is told whom this process waits for, if it has to wait.
        limit: seconds.

    Raises:
        ConfigError: this worker's port is taken, or some workers cannot be reached within the limit.
    """
    end = time.monotonic() + limit
    others = [address for number, address in enumerate(cluster.addresses) if number != cluster.number]
    with _listening(cluster.addresses[cluster.number]):
        missing = _unreached(others)
        if missing:
            say(f"waiting for workers at {', '.join(missing)}")
        while missing:
            if time.monotonic() > end:
                raise ConfigError(
                    f"TF_CONFIG: no answer from {', '.join(missing)} within {limit:g} s; start all workers with the same cluster"
                )
            time.sleep(WAIT_STEP)
            missing = _unreached(missing)


@contextmanager
def _listening(address: str) -> Iterator[None]:
    """Inside, the port of this address is open; connections are taken by the operating system and not read."""
    port = int(address.rpartition(":")[2])
    try:
        server = socket.create_server(("", port))
    except OSError as error:
        raise ConfigError(f"TF_CONFIG: port {port} of this worker cannot be used ({error.strerror}); choose another") from error
    with server:
        yield


def _unreached(addresses: Sequence[str]) -> list[str]:
    return [address for address in addresses if not _reached(address)]


def _reached(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=WAIT_STEP).close()
    except OSError:
        return False
    return True
