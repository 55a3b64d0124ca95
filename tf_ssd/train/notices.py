"""What a run says of its data and settings: each kind of note once, all counts at its end, and warnings."""

import re
from typing import Protocol

from rich.console import Console

COUNT = re.compile(r": \d+")  # in a note, after its kind


class Noting(Protocol):
    """A dataset, or a source of batches, that keeps notes of what it drops, clips or skips; they grow while it is read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to be said so far, with counts."""


class Notices:
    """Prints notes and warnings of a run.

    Args:
        console: where notes go.
        warns: whether this worker prints warnings, which also a quiet run does.
    """

    def __init__(self, console: Console, *, warns: bool) -> None:
        self._console, self._warns = console, warns
        self._sources: list[Noting] = []
        self._said: set[str] = set()
        self._kinds_said: set[tuple[int, str]] = set()

    def watch(self, *sources: Noting) -> None:
        """From now on `report` looks at their notes as well."""
        self._sources.extend(sources)

    def report(self, *more: str, last: bool = False) -> None:
        """Print each kind of note of the sources, and of `more`, as soon as there is a case, and `last` all counts."""
        sources = [*(source.notes for source in self._sources), more]
        for number, text in ((number, text) for number, notes in enumerate(sources) for text in notes):
            kind = (number, COUNT.split(text)[0])
            if text not in self._said and (last or kind not in self._kinds_said):
                self.note(text)
                self._said.add(text)
                self._kinds_said.add(kind)

    def note(self, text: str) -> None:
        """Print a note."""
        self._console.print(f"note: {text}", markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a warning to standard error."""
        if self._warns:
            Console(stderr=True, highlight=False).print(f"warning: {text}", markup=False, soft_wrap=True)
