"""What the tests of several commands share."""

from functools import lru_cache

import pytest

from tf_ssd.model import SSD300
from tf_ssd.weights import load_model


@pytest.fixture
def loaded_once(monkeypatch):
    """Commands that load the same file get the same model: what was traced to detect with it is used again."""
    monkeypatch.setattr("tf_ssd.weights.trained.load_model", lambda path: loaded(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=2)
def loaded(path, changed_ns) -> SSD300:
    return load_model(path)
