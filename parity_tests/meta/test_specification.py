"""The specification is complete: no rule without a case or test, no case and no test of a core operation without a rule."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tf_ssd.audit.cases.catalogue import CATALOGUES
from tf_ssd.audit.specification.page import page
from tf_ssd.audit.specification.rules import specification

MODULES = ("boxes", "default_boxes", "coder", "matcher", "loss", "detect", "scores")
CASES = {name for catalogue in CATALOGUES.values() for name in catalogue}
PAGE = Path(__file__).parents[2] / "docs" / "specification.md"


def core_tests() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each test of a core operation, and the rules that it names."""
    for module in MODULES:
        for name, test in vars(importlib.import_module(f"parity_tests.test_{module}")).items():
            if name.startswith("test_"):
                marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "rule"]
                yield f"test_{module}.{name}", tuple(number for mark in marks for number in mark.args)


def test_every_rule_has_a_case_or_a_test() -> None:
    named = {number for _, numbers in core_tests() for number in numbers}
    assert [number for number, rule in specification().rules.items() if not rule.cases and number not in named] == []


def test_every_case_stands_for_a_rule_that_exists() -> None:
    named = [name for rule in specification().rules.values() for name in rule.cases]
    assert CASES - set(named) == set()
    assert set(named) - CASES == set()


@pytest.mark.parametrize(("name", "numbers"), list(core_tests()))
def test_every_test_stands_for_a_rule_that_exists(name: str, numbers: tuple[str, ...]) -> None:
    assert numbers, f"{name} names no rule"
    assert set(numbers) <= set(specification().rules)


def test_numbers_ascend_within_their_section() -> None:
    for section in specification().sections:
        numbers = [int(rule.number.removeprefix(f"R-{section.name}-")) for rule in section.rules]
        assert numbers == sorted(set(numbers))


def test_the_page_is_that_of_the_rules() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(specification())
