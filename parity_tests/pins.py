"""Which test holds which constant and which option in its place.

`@pins("matcher", "MIN_OVERLAP")` says that the test fails once that constant is moved. `@pins("matcher.match", "threshold")` says
that it fails once that option is dropped, or its default moved. `@pins("model.SSD.targets")` says that it fails once this caller
drops any option of an operation that it calls. `meta/test_pins.py` makes all three lists from the code, and tries it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

Case = TypeVar("Case", bound=Callable[..., None])


class Pin(NamedTuple):
    """Owner: a module, an operation or a caller, as it is named below `tf_ssd`. Name: a constant, an option, or "" for a caller."""

    owner: str
    name: str


PINS: dict[Pin, list[Callable[..., None]]] = {}


def pins(owner: str, *names: str) -> Callable[[Case], Case]:
    """Register a test for constants or options of an owner, or for a caller."""

    def register(case: Case) -> Case:
        for name in names or ("",):
            PINS.setdefault(Pin(owner, name), []).append(case)
        return case

    return register


def cases_of(owner: str) -> Iterator[Callable[..., None]]:
    """Every test that is registered for an owner, once."""
    yield from dict.fromkeys(case for pin, cases in PINS.items() if pin.owner == owner for case in cases)
