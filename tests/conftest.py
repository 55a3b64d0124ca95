"""What the tests of several commands share."""

import shutil
from functools import lru_cache

import pytest
import tensorflow as tf

from tf_ssd.model import SSD
from tf_ssd.weights import load_model


@pytest.fixture(scope="module", autouse=True)
def graphs_as_traced():
    """Graphs are neither rewritten nor compiled by XLA: both take longer than to run a graph the few times that a test does.

    The tests of parity, and those of other processes, have their graphs optimized as users do. A module where that is what is
    tested has a fixture of its own by this name.
    """
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tf_ssd.train.trainer.step.image_sums", lambda model: model.multibox_sums)
        yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})


@pytest.fixture
def loaded_once(monkeypatch):
    """Commands that load the same file get the same model: what was traced to detect with it is used again."""
    monkeypatch.setattr("tf_ssd.weights.trained.load_model", lambda path: loaded(path, path.stat().st_mtime_ns))


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
