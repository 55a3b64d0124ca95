"""Every known bug is noticed by the ordinary tests, run against the mutated tf_ssd."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest

from parity_tests import test_boxes, test_coder, test_detect, test_loss, test_matcher
from parity_tests.adapters import TensorFlow
from parity_tests.meta.mutants import MUTANTS

MODULES = {"boxes": test_boxes, "coder": test_coder, "matcher": test_matcher, "loss": test_loss, "detect": test_detect}


def ordinary_tests(module: str) -> Iterator[partial[None]]:
    """The tests of a module that need an implementation, with every parameter set; the constructed cases before the random ones."""
    tests = [value for name, value in vars(MODULES[module]).items() if name.startswith("test_")]
    for test in sorted(tests, key=lambda test: hasattr(test, "hypothesis")):
        needed = set(inspect.signature(test).parameters)
        if "side" not in needed:
            continue
        marks = [mark.args for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        given = [(name, values) for name, values in marks if isinstance(name, str) and name not in {"side", "dtype"}]
        fixed: dict[str, Any] = {"dtype": np.float64} if "dtype" in needed else {}
        for chosen in product(*(values for _, values in given)):
            yield partial(test, **fixed, **dict(zip((name for name, _ in given), chosen, strict=True)))


def notices(test: Callable[..., None], side: TensorFlow) -> bool:
    """Whether a test fails, be it by an assertion or by a crash; one that was called wrongly is not a test that failed."""
    try:
        test(side=side)
    except TypeError:
        raise
    except Exception:
        return True
    return False


@pytest.mark.parametrize("module", MODULES)
def test_without_a_mutant_nothing_is_noticed(module: str) -> None:
    """By the constructed cases; the random ones take long, and the suite itself shows that they pass."""
    constructed = [test for test in ordinary_tests(module) if not hasattr(test.func, "hypothesis")]
    assert not any(notices(test, TensorFlow("eager")) for test in constructed)


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, replacement, _ = MUTANTS[name]
    module, attribute = target.split(".")
    monkeypatch.setattr(importlib.import_module(f"tf_ssd.{module}"), attribute, replacement)
    where = {"boxes.clip": "detect"}.get(target, module)
    assert any(notices(test, TensorFlow("eager")) for test in ordinary_tests(where))
