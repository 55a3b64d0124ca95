"""Set up the test session: torchvision before TensorFlow, Hypothesis profiles, no start-up chatter."""

import ctypes
import gc
import os
import sys
from collections.abc import Generator, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:  # one process per core already
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(variable, "1")

# XLA splits each program into tens of modules to compile them at the same time; as one module the same takes a quarter less CPU.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_parallel_codegen_split_count=1")

import parity_tests  # noqa: F401  before anything imports TensorFlow

import pytest  # isort: skip
from hypothesis import HealthCheck, Phase, settings  # isort: skip

gc.disable()  # until tests are collected: to import them makes millions of objects that stay
pytest_plugins = ["parity_tests.summary"]

# Tensors are slow to draw and first calls compile; neither says anything about the code under test.
settings.register_profile(
    "default",
    max_examples=15,
    deadline=None,
    print_blob=True,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("deep", settings.get_profile("default"), max_examples=10_000, derandomize=False)
# For who asks whether a test fails, and not for what.
settings.register_profile("unshrunk", settings.get_profile("default"), phases=(Phase.explicit, Phase.generate))
settings.load_profile("default")  # Hypothesis loads that of --hypothesis-profile later


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What there is before the first test stays: it is not looked through again each time that garbage is collected.

    Garbage is collected less often than Python would: to trace a network makes a million objects, of which most stay.
    """
    result = yield
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 3)
    gc.enable()
    return result


def pytest_unconfigure() -> None:
    """Libraries written in C++ look for what has leaked when the process ends."""
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def nothing_left_over() -> Iterator[None]:
    """Networks and their graphs are cycles of objects, of which hundreds of megabytes would wait for the next collection.

    What is left belongs to libraries, which keep what they have compiled: it is not looked through again either. What is freed, a
    gigabyte after large weights, goes back to the system, which the C library would not do by itself.
    """
    yield
    gc.collect()
    gc.freeze()
    if sys.platform == "linux" and (give_back := getattr(ctypes.CDLL(None), "malloc_trim", None)):  # musl has none
        give_back(0)


# Modules that take long for their few tests, or much memory: first, when processes are small and none is left alone with one.
FIRST = (
    *("parity_tests/test_training.py", "parity_tests/test_weights.py", "parity_tests/test_small_worlds.py"),
    *("parity_tests/meta/test_pins.py", "parity_tests/meta/test_mutants.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring forward what should run first."""
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))
