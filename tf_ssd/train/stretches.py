"""The stretches of steps that a run is made of, as its folder says: the one it was started with, and its extensions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tf_ssd.config import require
from tf_ssd.errors import ConfigError
from tf_ssd.system.files import require_file, write_json
from tf_ssd.system.words import counted
from tf_ssd.train.output import RESULTS, RUN


class Stretch(NamedTuple):
    """Steps that follow a schedule of the learning rate from its beginning.

    Attributes:
        first: how many steps were made before.
        steps: how many it has, if nothing ends it earlier.
    """

    first: int
    steps: int

    @property
    def last(self) -> int:
        """How many steps have been made at its end."""
        return self.first + self.steps


def planned(folder: Path, steps: int, extend: int | None) -> tuple[Stretch, ...]:
    """Those of the run in a folder, and a new one if `extend` asks for more than all extensions so far have. Nothing is written.

    Args:
        folder: of the run.
        steps: those that the run was started with.
        extend: steps of all extensions together; None for what the folder says.

    Raises:
        ConfigError: there is no run in the folder, it is not finished, or its extensions have more steps.
    """
    require((folder / RUN).exists(), "--output", str(folder), "holds no run; --extend goes on with one that is finished")
    found = _read(folder / RUN).get("extensions", [])
    stretches = (Stretch(0, steps), *(Stretch(*extension) for extension in found))
    before = sum(stretch.steps for stretch in stretches[1:])
    if extend is None or extend == before:
        return stretches
    require(
        extend > before,
        "--extend",
        extend,
        f"the run in {folder} has been extended by {counted(before, 'step')} already; give as many, or more",
    )
    end = finished_after(folder, stretches)
    if end is None:
        advice = "give the same command without --extend first" if not before else f"give --extend {before} first"
        raise ConfigError(f"--extend {extend}: the run in {folder} is not finished; {advice}")
    return (*stretches, Stretch(end, extend - before))


def record(folder: Path, stretches: Sequence[Stretch]) -> None:
    """Write the extensions of a run down in its folder."""
    write_json(folder / RUN, {**_read(folder / RUN), "extensions": stretches[1:]})


def finished_after(folder: Path, stretches: Sequence[Stretch]) -> int | None:
    """The step after which the last stretch of a run ended and its results were written; None if they were not yet."""
    if not (folder / RESULTS).exists():
        return None
    step = _read(folder / RESULTS).get("step", stretches[0].last)  # older versions wrote none, as all steps were made
    return step if step > stretches[-1].first else None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(require_file(path).read_text(encoding="utf-8"))
        return values | {}
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); choose another --output") from error
