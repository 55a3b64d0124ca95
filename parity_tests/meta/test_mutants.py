"""Every known bug is noticed by the ordinary tests, run against the mutated tf_ssd."""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, settings

from parity_tests import (
    network,
    test_bodies,
    test_boxes,
    test_coder,
    test_default_boxes,
    test_descriptions,
    test_detect,
    test_loss,
    test_matcher,
    test_model,
    test_object_detection_api,
    test_optimizer,
    test_pixels,
    test_scores,
)
from parity_tests.adapters import TensorFlow
from parity_tests.meta.mutants import MUTANTS

MODULES = {
    "boxes": test_boxes,
    "coder": test_coder,
    "default_boxes": test_default_boxes,
    "matcher": test_matcher,
    "scores": test_scores,
    "loss": test_loss,
    "detect": test_detect,
    "network": test_model,
    "bodies": test_bodies,
    "descriptions": test_descriptions,
    "optimizer": test_optimizer,
    "pixels": test_pixels,
    "object_detection_api": test_object_detection_api,
}

settings.register_profile("any failure", settings(), phases=[Phase.generate], database=None)


@pytest.fixture(autouse=True)
def any_failure_will_do(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is not made smaller, nor explained, which takes far longer than to find it."""
    before = settings.get_current_profile_name()
    settings.load_profile("any failure")
    monkeypatch.setattr(network, "first_departure", lambda *_: "no layer is looked for")
    yield
    settings.load_profile(before)


def ordinary_tests(module: str) -> Iterator[partial[None]]:
    """The tests of a module, with every parameter set; the constructed cases before the random ones.

    Where some of them take an implementation, those alone; tests that take pytest's fixtures are left out.
    """
    tests = {test: set(inspect.signature(test).parameters) for name, test in vars(MODULES[module]).items() if name[:5] == "test_"}
    some_take_a_side = any("side" in needed for needed in tests.values())
    for test in sorted(tests, key=lambda test: hasattr(test, "hypothesis")):
        needed = tests[test]
        marks = [mark.args for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        given = [(name, values) for name, values in marks if isinstance(name, str) and name not in {"side", "dtype"}]
        unknown = needed - {"side", "dtype"} - {name for name, _ in given}
        if unknown or (some_take_a_side and "side" not in needed):
            continue
        fixed: dict[str, Any] = {"dtype": np.float64} if "dtype" in needed else {}
        if "side" in needed:
            fixed["side"] = TensorFlow("eager")
        for chosen in product(*(values for _, values in given)):
            yield partial(test, **fixed, **dict(zip((name for name, _ in given), chosen, strict=True)))


def notices(test: Callable[[], None]) -> bool:
    """Whether a test fails, be it by an assertion or by a crash; one that was called wrongly is not a test that failed."""
    try:
        test()
    except TypeError:
        raise
    except Exception:
        return True
    return False


@pytest.mark.parametrize("module", MODULES)
def test_without_a_mutant_nothing_is_noticed(module: str) -> None:
    """By the constructed cases; the random ones take long, and the suite itself shows that they pass."""
    constructed = [test for test in ordinary_tests(module) if not hasattr(test.func, "hypothesis")]
    assert not any(notices(test) for test in constructed)


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, replacement, _, tested_in = MUTANTS[name]
    module = target.split(".")[0]
    monkeypatch.setattr(f"tf_ssd.{target}", replacement)
    if module == "optimizer":  # which its tests have imported by name
        monkeypatch.setattr(test_optimizer, "CaffeSGD", replacement)
    assert any(notices(test) for test in ordinary_tests(tested_in or module))
