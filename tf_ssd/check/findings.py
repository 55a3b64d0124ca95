"""What is found in a dataset: errors, which training would stop at, warnings, and what is only worth knowing."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tf_ssd.data.notes import Notes
from tf_ssd.errors import DatasetError

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

OTHER_FAULT = "broken annotations"
# What a reader's message says, and the kind of fault that it is; the first that fits.
FAULTS = (
    ("cannot be read as an image (FileNotFoundError", "missing files"),
    ("cannot be read as an image", "unreadable images"),
    ("there is no image with the id", "boxes of unknown images"),
    ("there is no category with the id", "unknown classes"),
    ("from the dataset", "missing files"),
    ("is none of", "unknown classes"),
    ("lies outside the image", "boxes outside their image"),
    ("is greater than", "boxes with inverted corners"),
    ("has a negative side", "boxes with inverted corners"),
    ("out of the dataset's folder", "paths out of the dataset"),
    ("make the ids unique", "repeated ids"),
    ("to take class names from", "no classes"),
)
# A message is PLACE: OBJECT: what is wrong, or PLACE: what is wrong.
_OBJECT = r"(?:object|annotation|image|category|line) -?\d+(?: \(.*?\))?|class .*?|size|images|categories|annotations"
_PARTS = re.compile(rf"(?P<place>.*?): (?P<object>{_OBJECT}): ")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that was found.

    Attributes:
        severity: "error", "warning" or "info".
        kind: the same for all that are alike, such as "unreadable images".
        split: where.
        message: place, object and value, and what to do.
    """

    severity: Severity
    kind: str
    split: str
    message: str

    @property
    def place(self) -> str:
        """The file, or the split, that it is about."""
        found = _PARTS.match(self.message)
        return found["place"] if found else self.message.partition(": ")[0]

    @property
    def object(self) -> str | None:
        """The object within the place, such as "object 2 (dog)" or "line 7"; None if it is about the place as a whole."""
        found = _PARTS.match(self.message)
        return found["object"] if found else None


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

    def add(self, kind: str, example: str) -> None:
        """A warning."""
        self._add("warning", kind, example)

    def fault(self, message: str) -> None:
        """An error."""
        self._add("error", next((kind for text, kind in FAULTS if text in message), OTHER_FAULT), message)

    def inform(self, kind: str, message: str) -> None:
        """Something that is only worth knowing."""
        self._add("info", kind, message)

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """A context of which a DatasetError is an error found."""
        try:
            yield
        except DatasetError as error:
            self.fault(str(error))

    def _add(self, severity: Severity, kind: str, message: str) -> None:
        # A record is read more than once; setdefault is atomic.
        self._found.setdefault(message, Finding(severity, kind, self.split, message))
