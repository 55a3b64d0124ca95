"""Which files in a folder are the TFRecords of a split, and which is their label map; nothing is opened."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tf_ssd.data.paths import check_inside, listed, subfolders
from tf_ssd.errors import DatasetError, Place

ENDING = r"\.(?:tfrecords?|tf_records?|records?|tfrec)"
# NAME.record, NAME.record-00000-of-00010, NAME-00000-of-00010, NAME-00000-of-00010.tfrecord, each perhaps with .gz.
_NAME = re.compile(
    rf"(?P<name>.+?)(?P<ending>{ENDING})?(?:-(?P<number>\d+)-of-(?P<count>\d+))?(?P<late>{ENDING})?(?:\.gz)?", re.IGNORECASE
)
FORMS = ("NAME.record", "NAME.tfrecord", "NAME.record-?????-of-?????")


class Shard(NamedTuple):
    """A file by its name.

    Attributes:
        path: the file.
        name: what stands before its ending and its number.
        number, total: of a file that is one of several; else 0 and 0.
    """

    path: Path
    name: str
    number: int
    total: int


def record_files(folder: Path, split: str) -> list[Path]:
    """The files of a split in their order: those in `folder` called so, perhaps after another word, else all in `folder/SPLIT`.

    Raises:
        DatasetError: there are none, several names end like the split, one of several files is missing, or a link leads out.
    """
    found = shards(folder)
    names = sorted({shard.name for shard in found if is_called(shard.name, split)})
    if split in names:
        names = [split]
    if len(names) > 1:
        what = f"the split {split!r} may be {' or '.join(names)}; give the whole name as --split, or --eval-split"
        raise DatasetError.at(Place(folder), what)
    chosen = [shard for shard in found if shard.name in names] or shards(folder / split)
    if not chosen:
        there = splits_there(folder)
        known = f"; the splits there are {', '.join(there)}" if there else ""
        looked = (
            f"{listed(folder / form.replace('NAME', split) for form in FORMS)}, also with .gz, or such files in {folder / split}"
        )
        what = f"there are no TFRecords of a split {split!r}; looked for {looked}"
        raise DatasetError.at(Place(folder), f"{what}; check --data and --split, or --eval-split{known}")
    for shard in chosen:
        check_inside(shard.path, folder, folder / split)
    _check_complete(chosen)
    return [shard.path for shard in chosen]


def splits_there(folder: Path) -> list[str]:
    """The splits that a folder has: names of files, and folders of files."""
    return sorted({*(shard.name for shard in shards(folder)), *(path.name for path in subfolders(folder) if shards(path))})


def is_called(name: str, split: str) -> bool:
    """Whether files of this name are those of a split: it is the name, or its last word, as in `pet_faces_train`."""
    return name == split or (name.endswith(split) and name[-len(split) - 1] in "_-.")


def label_map_file(files: Sequence[Path], folder: Path) -> Path | None:
    """The label map beside the files of a split, or in the dataset's folder; None if there is none.

    Raises:
        DatasetError: there are several, of which none or several are called a label map, or a link leads out.
    """
    for place in dict.fromkeys((files[0].parent, folder)):
        found = sorted(path for path in place.iterdir() if path.suffix.lower() == ".pbtxt")
        called = [path for path in found if "label" in path.name.lower()] or found
        if len(called) > 1:
            names = ", ".join(path.name for path in called)
            raise DatasetError.at(Place(place), f"there are several label maps, {names}; leave the one that is meant")
        if called:
            check_inside(called[0], folder, place)
            return called[0]
    return None


def shards(folder: Path) -> list[Shard]:
    """The TFRecords in a folder, by name and number."""
    found = []
    for name in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208  a million paths would take seconds
        match = _NAME.fullmatch(name) if "rec" in name.lower() or "-of-" in name else None
        if match and (match["ending"] or match["late"] or match["count"]) and not name.startswith("."):
            found.append(Shard(folder / name, match["name"], int(match["number"] or 0), int(match["count"] or 0)))
    return sorted(found, key=lambda shard: (shard.name, shard.number, shard.path.name))


def _check_complete(chosen: Sequence[Shard]) -> None:
    """Raise DatasetError unless all files of each name are there once."""
    numbers = defaultdict[tuple[str, int], list[int]](list)
    for shard in chosen:
        numbers[shard.name, shard.total].append(shard.number)
    for (name, total), found in numbers.items():
        if total and sorted(found) != list(range(total)):
            where = Place(chosen[0].path.parent / name)
            missing = [f"{number:05d}-of-{total:05d}" for number in range(min(total, 10**5)) if number not in set(found)]
            more = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
            wrong = f"{missing[0]}{more} missing" if missing else "a number is given twice or too high"
            raise DatasetError.at(where, f"of {total} files {wrong}; put all files into the folder", kind="missing files")
