"""What the tests of several commands share."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest
import tensorflow as tf

from tests import small_network as small
from tf_ssd.model import SSD
from tf_ssd.network.kernels import pooling
from tf_ssd.predict import compiled
from tf_ssd.weights import load_model


class WithoutXLA:
    """TensorFlow, whose functions XLA does not compile, whatever they ask for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(tf, name)

    def function(self, *args: Any, jit_compile: bool | None = None, **settings: Any) -> Any:
        return tf.function(*args, **settings)


@contextmanager
def as_traced() -> Iterator[None]:
    """Inside, graphs are neither rewritten nor compiled by XLA."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tf_ssd.train.trainer.step.image_sums", lambda model: model.multibox_sums)
        patch.setattr(compiled, "tf", WithoutXLA())
        for kernel in ("_pool", "_spread"):
            patch.setattr(pooling, kernel, getattr(pooling, kernel).python_function)
        forget_detectors()
        yield
        forget_detectors()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})


@pytest.fixture(scope="module", autouse=True)
def graphs_as_traced():
    """To rewrite a graph and to compile it by XLA both take longer than to run it the few times that a test does.

    What XLA has compiled also stays in memory until the process ends. The tests of parity, and those of other processes, have their
    graphs optimized as users do. A module where that is what is tested has a fixture of its own by this name.
    """
    with as_traced():
        yield


@pytest.fixture
def graphs_as_traced_here():
    """The same for a test of such a module."""
    with as_traced():
        yield


def forget_detectors() -> None:
    """What was made with XLA is not used without, nor the other way round."""
    compiled.network_function.cache_clear()
    compiled._choice.cache_clear()
    compiled.selection.cache_clear()


@pytest.fixture(scope="module")
def small_network():
    """To trace the steps of a small network takes a third of the time."""
    with small.small_network():
        yield


@pytest.fixture
def loaded_once():
    """Commands that load the same file get the same model: what was traced to detect with it is used again."""
    with loading_once():
        yield


@pytest.fixture(scope="module")
def loaded_once_in_module():
    """The same for all tests of a module and what it makes for them."""
    with loading_once():
        yield


@contextmanager
def loading_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tf_ssd.weights.trained.load_model", lambda path: loaded(path, path.stat().st_mtime_ns))
        yield


@lru_cache(maxsize=2)
def loaded(path, changed_ns) -> SSD:
    return load_model(path)


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window; tests of pages are skipped where there is none, or where Playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("there is no Chromium; on Debian: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()
