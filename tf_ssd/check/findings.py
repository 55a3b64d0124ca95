"""What is found in a dataset: errors, which training would stop at, warnings, and what is only worth knowing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tf_ssd.data.notes import BEFORE_RECORDS, Notes
from tf_ssd.errors import DatasetError, Place

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        severity: "error", "warning" or "info".
        kind: the same for all that are alike, such as "unreadable images".
        split: where.
        message: place and value, and what to do.
        place: the file, or the split, that it is about, and the object in it.
    """

    severity: Severity
    kind: str
    split: str
    message: str
    place: Place


class Findings(Notes):
    """Everything found in one split, each once; to be given to a reader as its notes, of which it then leaves none out.

    What a reader drops or clips is a warning, and a fault an error that does not stop it.
    """

    def __init__(self, split: str) -> None:
        super().__init__()
        self.split = split
        self._found: dict[str, Finding] = {}

    def __iter__(self) -> Iterator[Finding]:
        return iter(tuple(self._found.values()))

    def add(self, kind: str, example: str, place: Place | None, record: int = BEFORE_RECORDS) -> None:
        """A warning."""
        self._add("warning", kind, example, place)

    def lost(self, kind: str, example: str, place: Place) -> None:
        """An error."""
        self._add("error", kind, example, place)

    @property
    def complete(self) -> bool:
        """Whether no error was found that boxes may have been lost by; they are known where an image's pixels alone are not."""
        return all(finding.severity != "error" or finding.kind == "unreadable images" for finding in self)

    def fault(self, error: DatasetError) -> None:
        """An error."""
        self._add("error", error.kind, str(error), error.place)

    def inform(self, kind: str, message: str, place: Place) -> None:
        """Something that is only worth knowing."""
        self._add("info", kind, message, place)

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """A context of which a DatasetError is an error found."""
        try:
            yield
        except DatasetError as error:
            self.fault(error)

    def _add(self, severity: Severity, kind: str, message: str, place: Place | None) -> None:
        # A record is read more than once; setdefault is atomic.
        self._found.setdefault(message, Finding(severity, kind, self.split, message, place or Place(self.split)))
