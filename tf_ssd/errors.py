"""The errors a user can cause: each message names file, object and value, and says what to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

# What can be wrong in a dataset, by the names that `tf_ssd.check` counts it under.
FaultKind = Literal[
    "broken annotations",
    "missing files",
    "unreadable images",
    "boxes of unknown images",
    "unknown classes",
    "boxes outside their image",
    "boxes with inverted corners",
    "fractions instead of pixels",
    "paths out of the dataset",
    "repeated ids",
    "no classes",
]


@dataclass(frozen=True)
class Place:
    """What a message is about: a file or a split, and an object in it, such as "object 2 (dog)", None for the whole."""

    file: Path | str
    object: str | None = None

    def __str__(self) -> str:
        return f"{self.file}" if self.object is None else f"{self.file}: {self.object}"


class TfSsdError(Exception):
    """Base of every error that bad input raises; a command line prints it without a traceback and exits 2."""


class AuditError(TfSsdError):
    """Code to be audited cannot be found, imported or called."""


class ConfigError(TfSsdError):
    """A setting is out of range, or settings contradict each other."""


class DatasetError(TfSsdError):
    """An annotation, an image or the layout of a dataset cannot be used.

    Attributes:
        kind: what is wrong, the same for all that are alike.
        place: what the message is about; None if that is no single file.
    """

    def __init__(self, message: str, *, kind: FaultKind = "broken annotations", place: Place | None = None) -> None:
        super().__init__(message)
        self.kind, self.place = kind, place

    @classmethod
    def at(cls, place: Place, what: str, *, kind: FaultKind = "broken annotations") -> Self:
        """The error whose message is "PLACE: what"."""
        return cls(f"{place}: {what}", kind=kind, place=place)


class ExportError(TfSsdError):
    """What was written for another runtime does not detect what the model detects."""


class ImageError(DatasetError):
    """An image of a dataset cannot be read or decoded."""


class ResourceError(TfSsdError):
    """The machine ran out of memory or of open files, or lost a network drive, for which no input can be blamed."""


class TrainingError(TfSsdError):
    """Training cannot go on: the loss is not finite."""


class WeightsError(TfSsdError):
    """A file of weights cannot be used: it is damaged, of another kind, or does not fit the network."""
