"""Files that annotations name: they lie inside the dataset's folder, whatever an annotation says."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.errors import DatasetError, Place

_USUAL = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")
_RARE = (".jfif", ".jpe", ".avif", ".mpo", ".jp2", ".tga", ".ppm", ".pgm", ".pbm", ".ico")
IMAGE_SUFFIXES = _USUAL + _RARE  # of several files of one name, that whose suffix comes first is taken
SLASH = re.compile(r"[/\\]")  # of any operating system
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
# Absolute, with a drive, or upwards; on any operating system, so either slash counts.
_LEADS_OUT = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\0")


def is_absolute(name: str) -> bool:
    """Whether the name of a file begins at the root of a drive, on any operating system."""
    return _ABSOLUTE.match(name) is not None


def leads_out(name: str) -> bool:
    """Whether the name of a file leads out of its folder, or is empty."""
    return not name or _LEADS_OUT.search(name) is not None


def check_name(name: str, where: Place) -> None:
    """Refuse the name of a file that is empty or leads out of its folder; raises DatasetError, which begins with `where`."""
    if not name:
        raise DatasetError.at(where, "the file name is empty; name the file")
    if leads_out(name):
        what = f"the file name {name!r} leads out of the dataset's folder; write a name inside the folder"
        raise DatasetError.at(where, what, kind="paths out of the dataset")


def check_inside(path: Path, *folders: Path) -> None:
    """Refuse a path that symbolic links lead out of all of `folders`, each of which may be a link itself; raises DatasetError.

    The first of `folders` is the dataset's, for the message.
    """
    target = Path(os.path.realpath(path))
    if not any(target.is_relative_to(os.path.realpath(folder)) for folder in folders):
        what = f"a symbolic link leads to {target}, out of the dataset's folder {folders[0]}; put the files into the folder"
        raise DatasetError.at(Place(path), what, kind="paths out of the dataset")


def listed(paths: Iterable[Path]) -> str:
    """Some paths in a message."""
    return ", ".join(map(str, paths))


def pictures_in(path: Path) -> list[Path]:
    """A file itself; of a folder, all pictures in it and below, by their suffixes, in order."""
    return pictures_and_others(path)[0]


def pictures_and_others(path: Path) -> tuple[list[Path], list[Path]]:
    """`pictures_in`, and the other files of a folder, in order too."""
    if not path.is_dir():
        return [path], []
    files = sorted(inside for inside in path.rglob("*") if inside.is_file())
    pictures = [inside for inside in files if inside.suffix.lower() in IMAGE_SUFFIXES]
    return pictures, [inside for inside in files if inside.suffix.lower() not in IMAGE_SUFFIXES]


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted; none if it is not there. Of a million files in it, none is looked at."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir())


class Files:
    """The files of one kind in a folder, found by their names without suffix; each folder is listed once.

    Suffixes may be written in any case. Of several files that differ in suffix alone the one whose suffix comes first in
    `suffixes` is taken, and the others are noted. Hidden files (the name begins with a dot) are not looked at.

    Args:
        root: the dataset's folder.
        folder: the folder to look in, `root` or below; it may be a symbolic link, but nothing in it may lead out of both.
        suffixes: of this kind of file, in lower case.
        notes: where files left out are noted.

    Raises:
        DatasetError: a folder cannot be listed, or a symbolic link leads out of `root` and `folder`.
    """

    def __init__(self, root: Path, folder: Path, suffixes: Sequence[str], notes: Notes) -> None:
        self.folder, self.suffixes = folder, suffixes
        self._root, self._notes = root, notes
        self._listed: dict[str, dict[str, str]] = {}
        self._subfolders: dict[str, list[str]] = {}

    def names(self) -> list[str]:
        """All names without suffix, sorted; subfolders are left out."""
        return sorted(self._list(""))

    def names_below(self, subfolder: str = "") -> list[str]:
        """All names in a subfolder and those below it, relative to `folder`, sorted; subfolders that are links are left out."""
        start = f"{subfolder}/" if subfolder else ""
        found = [start + name for name in self._list(start)]
        for inner in self._subfolders[start]:
            found += self.names_below(start + inner)
        return sorted(found)

    def find(self, name: str) -> str | None:
        """The file's name with its suffix, or None; a `name` with slashes lies in a subfolder."""
        subfolder, slash, stem = name.rpartition("/")
        suffix = self._list(subfolder + slash).get(stem)
        return None if suffix is None else name + suffix

    def hold(self, name: str) -> bool:
        """Whether there is such a file; a subfolder that is not there holds none."""
        subfolder = name.rpartition("/")[0]
        there = not subfolder or os.path.isdir(self.folder / subfolder)  # noqa: PTH112  is_dir raises an error for a long name
        return there and self.find(name) is not None

    def _list(self, subfolder: str) -> dict[str, str]:
        """Suffix by name."""
        if subfolder not in self._listed:
            folder = self.folder / subfolder
            check_inside(folder, self._root, self.folder)
            try:
                self._listed[subfolder], self._subfolders[subfolder] = self._scan(folder)
            except OSError as error:
                raise DatasetError.at(Place(folder), f"cannot be listed ({error.strerror}); check names and rights") from error
        return self._listed[subfolder]

    def _scan(self, folder: Path) -> tuple[dict[str, str], list[str]]:
        """Suffix by name, and the subfolders."""
        found: dict[str, str] = {}
        subfolders: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, dot, ending = entry.name.rpartition(".")
                suffix = sys.intern(dot + ending)
                if suffix.lower() not in self.suffixes or stem[:1] in {"", "."} or not entry.is_file():
                    if entry.name[:1] != "." and entry.is_dir(follow_symlinks=False):
                        subfolders.append(entry.name)
                    continue
                if found.setdefault(stem, suffix) != suffix:
                    taken, left_out = sorted((found[stem], suffix), key=self._rank)
                    found[stem] = taken
                    path = folder / f"{stem}{left_out}"
                    self._notes.add("files left out beside another of the same name", f"{path} ({taken} taken)", Place(path))
        return found, subfolders

    def _rank(self, suffix: str) -> tuple[int, str]:
        return self.suffixes.index(suffix.lower()), suffix


def without_suffix(name: str, suffixes: Sequence[str]) -> str:
    """A name without one of these suffixes, which are in lower case; the name itself if it has none of them."""
    stem, dot, ending = name.rpartition(".")
    return stem if stem and (dot + ending).lower() in suffixes else name


def existing(ids: Sequence[str], files: Files, kind: str, notes: Notes) -> list[str]:
    """Those of the ids that have a file; where one is missing, it is a fault, which calls it a `kind`."""
    found = []
    for name in ids:
        with notes.tolerating():
            if files.find(name):
                found.append(name)
            else:
                suffixes = " ".join(files.suffixes)
                what = f"there is no {kind} {name!r} ({suffixes}); add it or remove {name!r} from the dataset"
                notes.fault(DatasetError.at(Place(files.folder), what, kind="missing files"))
    return found


def files_of(ids: Sequence[str], files: Files) -> PackedStrings:
    """The file of each id, all of them `existing`."""
    return PackedStrings([files.find(name) or "" for name in ids])


def note_unused(images: Files, ids: Iterable[str], notes: Notes) -> None:
    """Note the images that are called like none of the ids."""
    for name in sorted(set(images.names()).difference(ids)):
        path = images.folder / name
        notes.add("images without an annotation, left out", str(path), Place(path))
