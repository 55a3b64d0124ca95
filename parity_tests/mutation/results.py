"""What became of each mutant: a line of JSON for each, and the list of those that compute the same."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from parity_tests.mutation.mutants import Mutant, mutants
from parity_tests.mutation.targets import Target

EQUAL = Path(__file__).with_name("equal.toml")


class Results:
    """A file of results, to which each is added as soon as it is there.

    A result holds for the source that was tried: once a module changes, all its mutants are tried again. That tests have changed
    is not noticed.

    Args:
        path: the file, which is made with the first result.

    Raises:
        ValueError: its folder is not there, or it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        if not self._path.parent.is_dir():
            raise ValueError(f"{path}: there is no such folder")
        for number, line in enumerate(_lines(path), start=1):
            try:
                row = json.loads(line)
                needed = {"source": row["source"], "outcome": row["outcome"], "seconds": float(row["seconds"])}
                self._rows[row["module"], row["name"]] = {**row, **needed}
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"{path}: line {number} is no result; remove it, or give another file") from error

    def known(self, target: Target, mutant: Mutant) -> bool:
        """Whether it was tried, of the module as it is now, and not ended by somebody else."""
        row = self._row(target, mutant)
        return row is not None and row["outcome"] != "broken"

    def add(self, target: Target, mutant: Mutant, outcome: str, seconds: float) -> None:
        """Keep a result."""
        row: dict[str, Any] = {"module": target.module, "name": mutant.name, "source": _digest(mutant.source)}
        row |= {"outcome": outcome, "seconds": round(seconds, 2)}
        self._rows[target.module, mutant.name] = row
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def count(self, target: Target) -> Counter[str]:
        """Outcomes of the mutants that the module has now."""
        return Counter(row["outcome"] for row in self._of(target))

    def minutes(self, target: Target) -> float:
        """What they took, on one core."""
        return sum(row["seconds"] for row in self._of(target)) / 60

    def survivors(self, target: Target) -> Iterator[str]:
        """A line for each that no test noticed and that is not known to be equal."""
        reasons = equal_mutants().get(target.module, {})
        for row in self._of(target):
            if row["outcome"] not in ("killed", "timeout") and not _is_equal(row, reasons):
                yield f"{row['outcome']}: {target.module} {row['name']}"

    def equal(self, target: Target) -> int:
        """How many survived and are known to be equal."""
        reasons = equal_mutants().get(target.module, {})
        return sum(_is_equal(row, reasons) for row in self._of(target))

    def _of(self, target: Target) -> Iterator[dict[str, Any]]:
        return filter(None, (self._row(target, mutant) for mutant in mutants_of(target)))

    def _row(self, target: Target, mutant: Mutant) -> dict[str, Any] | None:
        row = self._rows.get((target.module, mutant.name))
        return row if row is not None and row["source"] == _digest(mutant.source) else None


@cache
def mutants_of(target: Target) -> tuple[Mutant, ...]:
    """The mutants of a module as it is when they are first asked for; to make them takes up to a quarter of a minute."""
    return tuple(mutants(target.path.read_text(encoding="utf-8")))


def sampled(target: Target, at_most: int | None, seed: str = "") -> list[Mutant]:
    """All mutants of a module, or so many, which seed and names choose as if at random: they stay the same while the lines do."""
    chosen = sorted(mutants_of(target), key=lambda mutant: _digest(seed + mutant.name))[:at_most]
    return sorted(chosen, key=lambda mutant: mutant.line)


def equal_mutants() -> dict[str, dict[str, str]]:
    """By module and name, why a mutant computes the same."""
    return tomllib.loads(EQUAL.read_text(encoding="utf-8")) if EQUAL.exists() else {}


def _is_equal(row: Mapping[str, Any], reasons: Mapping[str, str]) -> bool:
    """Whether a mutant that survived is known to compute the same; of one that was ended by somebody else nothing is known."""
    return row["outcome"] == "survived" and row["name"] in reasons


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); give another file") from error


def _digest(source: str) -> str:
    return sha256(source.encode()).hexdigest()[:16]
