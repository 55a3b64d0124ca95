"""Class maps: which label stands for which class, read, written and compared."""

import json
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from tf_ssd.data.notes import Notes
from tf_ssd.errors import ConfigError, DatasetError, Place
from tf_ssd.system.files import require_file, written_beside
from tf_ssd.system.words import counted


def read_class_names(path: Path) -> tuple[str, ...]:
    """The C - 1 classes of a class map, without background: line i of the file is the class with label i.

    A file whose name ends in .json holds a JSON list of names instead. Empty lines at the end do not count.

    Raises:
        DatasetError: the file cannot be read, is not UTF-8, or holds no, an empty or a repeated name.
    """
    try:
        text = require_file(path).read_text(encoding="utf-8-sig")
        names = json.loads(text) if path.suffix.lower() == ".json" else _lines(text)
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read as a class map ({error}); write one class a line, in UTF-8") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DatasetError(f'{path}: not a JSON list of class names; write ["first class", "second class", ...]')
    return require_class_names(names, Place(path))


def write_class_names(path: Path, names: Sequence[str]) -> None:
    """Write a class map, one class a line, for `read_class_names`: beside `path` first, so that it is never half there.

    Raises:
        DatasetError: there are no names, or one is repeated, or would not be read as it is: it is empty, has spaces around it
            or a line break in it.
    """
    encoded = "".join(f"{name}\n" for name in names).encode("utf-8", "replace")
    for name, back in zip_longest(require_class_names(names, Place(path)), _lines(encoded.decode("utf-8-sig"))):
        if name != back:
            raise DatasetError(f"{path}: the class name {name!r} cannot be written on a line of its own; rename the class")
    with written_beside(path) as unfinished:
        unfinished.write_bytes(encoded)


def require_class_names(names: Sequence[str], where: Place) -> tuple[str, ...]:
    """The names as a tuple; raises DatasetError, which begins with `where`, unless there are some, each once and not empty."""
    if not names:
        what = "there are no objects to take class names from; say which classes there are"
        raise DatasetError.at(where, what, kind="no classes")
    label_of: dict[str, int] = {}
    for label, name in enumerate(names, start=1):
        if not name.strip():
            raise DatasetError.at(where, f"class {label} has no name; each must have one")
        if label_of.setdefault(name, label) != label:
            raise DatasetError.at(where, f"class names {label_of[name]} and {label} are one name twice, {name!r}; give each once")
    return tuple(names)


def class_names_of(names: Sequence[str], where: Place, notes: Notes) -> tuple[str, ...]:
    """Those that `require_class_names` lets pass, else (), and a fault; none if there are no names where something was not read."""
    if not names and not notes.complete:
        return ()
    with notes.tolerating():
        return require_class_names(names, where)
    return ()


def check_class_names(expected: Sequence[str], found: Sequence[str], where: str) -> None:
    """Raise ConfigError, which begins with `where` and shows the first difference, unless both class maps are equal."""
    for label, (ours, theirs) in enumerate(zip_longest(expected, found), start=1):
        if ours != theirs:
            shown = " but ".join("no class" if name is None else repr(name) for name in (ours, theirs))
            numbers = f"{len(expected)} and {counted(len(found), 'class')}"
            raise ConfigError(
                f"{where}: the class maps differ: label {label} is {shown} ({numbers}); use the same class map for both"
            )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.rstrip().splitlines()]
