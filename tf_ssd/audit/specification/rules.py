"""The numbered rules, as data."""

from functools import cache
from importlib.resources import files

import msgspec


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule.

    Attributes:
        number: its name for good, such as "R-IOU-1".
        text: what must be, in one sentence.
        source: where it comes from, or that it is a choice.
        formula: the same as a formula.
        edge: what it says at the edge.
        cases: names of the audit's cases that stand for it.
    """

    number: str
    text: str
    source: str
    formula: str = ""
    edge: str = ""
    cases: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of some operations, and the dtype in which these compute."""

    name: str
    title: str
    operations: tuple[str, ...]
    dtype: str
    rules: tuple[Rule, ...]


class Specification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All sections; the version's first number rises when a rule changes or goes, its second when one is added."""

    version: str
    sections: tuple[Section, ...]

    @property
    def rules(self) -> dict[str, Rule]:
        """The rules by number, in the order of the sections."""
        return {rule.number: rule for section in self.sections for rule in section.rules}

    def of_case(self, name: str) -> tuple[Rule, ...]:
        """The rules that a case of the audit stands for."""
        return tuple(rule for rule in self.rules.values() if name in rule.cases)


@cache
def specification() -> Specification:
    """The specification of this version of the package."""
    text = files("tf_ssd.audit.specification").joinpath("rules.toml").read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=Specification)
