"""What readers drop or clip is counted and named, in bounded space; what they cannot use at all ends them, or is noted as well."""

from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import itemgetter
from threading import Lock
from typing import NamedTuple

from tf_ssd.errors import DatasetError, Place

EXAMPLES = 5  # of each kind, in full
BEFORE_RECORDS = -1  # in place of the number of a record


class Problem(NamedTuple):
    """One case for `Notes.add`."""

    kind: str
    example: str
    place: Place | None


class Notes:
    """Counts of what was dropped or clipped, by kind, each with its first few cases; safe to use from several threads.

    First means in the order of the records, as threads meet cases in any order: after all records were read, sentences depend
    on the records alone.

    A reader passes a fault to `fault`, or meets it within `tolerating`, and then goes on without the object or the record it is
    about. Here a fault is raised at once, so nobody gets that far; a subclass that only writes it down, as that of
    `tf_ssd.check`, gets to see all of them.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[tuple[int, str]]] = {}  # with the number of the record, in the order of these
        self._lock = Lock()

    def add(self, kind: str, example: str, place: Place | None, record: int = BEFORE_RECORDS) -> None:
        """Count one case of `kind`, such as "boxes without area, dropped"; `example` names the place, and the value."""
        with self._lock:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            examples = self._examples.setdefault(kind, [])
            insort(examples, (record, example), key=itemgetter(0))
            del examples[EXAMPLES:]

    def lost(self, kind: str, example: str, place: Place) -> None:
        """Count a case of `kind` in which a record was lost: noted like any other here, an error where all faults are listed."""
        self.add(kind, example, place)

    @property
    def complete(self) -> bool:
        """Whether everything could be read, so that something follows from what is not there; here a fault ends all reading."""
        return True

    def fault(self, error: DatasetError) -> None:
        """Something that cannot be used; raises the error."""
        raise error

    def tolerating(self) -> AbstractContextManager[None, bool | None]:
        """A context of which a DatasetError is a fault."""
        return nullcontext()

    def sentences(self) -> tuple[str, ...]:
        """One sentence for each kind, in the order of their first records, then of the kinds."""
        with self._lock:
            kinds = sorted(self._counts, key=lambda kind: (self._examples[kind][0][0], kind))
            return tuple(f"{kind}: {self._counts[kind]}: {self._shown(kind)}" for kind in kinds)

    def _shown(self, kind: str) -> str:
        more = "; ..." if self._counts[kind] > len(self._examples[kind]) else ""
        return "; ".join(example for _, example in self._examples[kind]) + more


class RecordNotes:
    """What is wrong with the records of a dataset, each of which counts once although it is read again and again; thread-safe.

    Args:
        records: how many there are.
        notes: where problems go; new ones if not given.
    """

    def __init__(self, records: int, notes: Notes | None = None) -> None:
        self.notes = notes or Notes()
        self._known: dict[str, bytearray] = defaultdict(lambda: bytearray(records))  # by kind, whether a record has counted
        self._lock = Lock()

    def add(self, index: int, problems: Sequence[Problem]) -> None:
        """Count the problems of record `index`, all of a kind at once, unless they have been."""
        if not problems:
            return
        with self._lock:
            new = {problem.kind for problem in problems if not self._known[problem.kind][index]}
            for kind in new:
                self._known[kind][index] = True
        for problem in problems:
            if problem.kind in new:
                self.notes.add(*problem, record=index)

    def sentences(self) -> tuple[str, ...]:
        """Those of the notes."""
        return self.notes.sentences()
