"""Errors planted into the losses of both packages, each by replacing a function of the real code; NumPy has no part in it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock


class Planted(NamedTuple):
    """An error: `wrap` makes the function that replaces "module.name" from the one that stands there."""

    module: Any
    name: str
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]]


ACTIVE: set[str] = set()  # names of the errors that are planted now


@contextmanager
def planted(errors: Collection[str], table: Mapping[str, Planted]) -> Iterator[None]:
    """Replace functions in the order of the table, where an earlier one lies within a later one."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch(f"{__name__}.ACTIVE", set(errors)))
        for error, (module, name, wrap) in table.items():
            if error in errors:
                stack.enter_context(mock.patch.object(module, name, wrap(getattr(module, name))))
        yield
