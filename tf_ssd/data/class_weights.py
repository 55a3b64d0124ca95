"""Weights of the classes in the loss, read from a file."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from tf_ssd.errors import DatasetError
from tf_ssd.system.files import require_file

FORM = 'write {"name of a class": 2.0, ...}'


def read_class_weights(path: Path) -> dict[str, float]:
    """The weights in a JSON file, by the names of classes.

    Raises:
        DatasetError: the file cannot be read, a class stands in it twice, or a weight is no positive number.
    """
    try:
        pairs = json.loads(require_file(path).read_text(encoding="utf-8-sig"), object_pairs_hook=tuple)
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read as weights of classes ({error}); {FORM}") from error
    if not isinstance(pairs, tuple):
        raise DatasetError(f"{path}: holds no weights by the names of classes; {FORM}")
    names = [name for name, _ in pairs]
    for name, weight in pairs:
        if names.count(name) > 1:
            raise DatasetError(f"{path}: {name!r} has {names.count(name)} weights; give each class one")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise DatasetError(f"{path}: the weight of {name!r} is {weight!r}; write a number above 0")
    return {name: float(weight) for name, weight in pairs}


def weights_of(class_names: Sequence[str], weights: Mapping[str, float], where: Path) -> tuple[float, ...]:
    """The C weights of background and of the classes in the order of their labels; of background and whatever is not named 1.

    Raises:
        DatasetError: a weight is for a class that is not among `class_names`; the message begins with `where`.
    """
    unknown = [name for name in weights if name not in class_names]
    if unknown:
        what = f"there is no class {', '.join(map(repr, unknown))}; the classes are {', '.join(map(repr, class_names))}"
        raise DatasetError(f"{where}: {what}", kind="unknown classes")
    return (1.0, *(weights.get(name, 1.0) for name in class_names))
