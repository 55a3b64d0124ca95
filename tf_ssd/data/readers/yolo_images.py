"""The images of a split of a YOLO dataset, found in its folders or by its lists, and their labels."""

import os
from pathlib import Path
from typing import NamedTuple

from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.paths import IMAGE_SUFFIXES, Files, check_inside, leads_out, without_suffix
from tf_ssd.data.readers.yolo_folder import IMAGES, LABELS, LIST, YoloFolder, inside, label_folder
from tf_ssd.data.readers.yolo_hint import NO_LABELS, is_yolo_file
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file
from tf_ssd.system.words import counted

REPEATED = "repeated lines, left out"


class Listed(NamedTuple):
    """N images.

    Attributes:
        images: their files, relative to the dataset's folder.
        labels: their files of labels, likewise; empty for an image that has none.
        start: how many letters all names of images begin with that say nothing: the folders that they share.
        folders: that nothing may lead out of all of.
    """

    images: PackedStrings
    labels: PackedStrings
    start: int
    folders: tuple[Path, ...]


def list_images(dataset: YoloFolder, split: str, notes: Notes) -> Listed:
    """The images of a split, those of a folder sorted, those of a list in its order.

    Raises:
        DatasetError: a place of images is not there, there are no images, none of them has a file of labels, a file of labels has
            no image, or a line of a list names none; or a symbolic link leads out.
    """
    places = dataset.places_of(split)
    search = _Search(dataset.root, places, notes)
    names: list[str] = []
    for place in places:
        is_list = place.lower().endswith(LIST) and not (dataset.root / place).is_dir()
        names += search.listed_in(dataset.root / place) if is_list else search.in_folder(place)
    names = list(dict.fromkeys(names))
    if not names and notes.complete:
        raise DatasetError.at(Place(dataset.root), f"there are no images in {', '.join(places)}; is this the split {split!r}?")
    labels = [search.label_of(name) for name in names]
    folders = {name.rpartition("/")[0] for name in names}
    if names and not any(labels):
        looked = ", ".join(sorted({label_folder(folder) or "." for folder in folders})[:5])
        what = f"of the {counted(len(names), 'image')} of the split {split!r} none has a file of labels; looked in {looked}"
        raise DatasetError.at(Place(dataset.root), f"{what}; of images without objects one at least must be empty")
    shared = os.path.commonpath(folders) if names else ""
    return Listed(PackedStrings(names), PackedStrings(labels), len(shared) + 1 if shared else 0, search.allowed)


class _Search:
    """Finds files in the folders of a dataset, each of which is listed once.

    Args:
        root: the dataset's folder.
        places: folders of images and lists, relative to it; like `images` and `labels` they may be symbolic links.
        notes: where faults go.
    """

    def __init__(self, root: Path, places: tuple[str, ...], notes: Notes) -> None:
        self._root, self._notes = root, notes
        links = dict.fromkeys((IMAGES, LABELS, *(name for place in places for name in (place, label_folder(place)))))
        self.allowed = (root, *(root / name for name in links if (root / name).is_dir()))
        self._files: dict[tuple[str, tuple[str, ...]], Files | None] = {}
        self._folder_of: dict[str, str | None] = {}

    def in_folder(self, place: str) -> list[str]:
        """All images of a folder and those below it, sorted; a label of none of them is a fault."""
        files = Files(self._root, self._root / place, IMAGE_SUFFIXES, self._notes)
        stems: dict[str, list[str]] = {}  # of the images, by folder
        for name in files.names_below():
            folder, _, stem = name.rpartition("/")
            stems.setdefault(folder, []).append(stem)
        for folder, found in stems.items():
            self._check_labels(_joined(place, folder) if folder else place, found)
        return [_joined(place, str(files.find(_joined(folder, stem)))) for folder, found in stems.items() for stem in found]

    def listed_in(self, path: Path) -> list[str]:
        """The images that the lines of a text file name, each once; a line that names none is a fault."""
        check_inside(path, *self.allowed)
        found: dict[str, tuple[int, str]] = {}  # by name without suffix, as the labels are
        for line, text in enumerate(_lines(path), start=1):
            where = Place(path, f"line {line}")
            with self._notes.tolerating():
                name = self._named(text, path.parent, where) if text else ""
                if name and found.setdefault(without_suffix(name, IMAGE_SUFFIXES), (line, name))[0] != line:
                    self._notes.add(REPEATED, f"{where}: {text!r} names an image again", where)
        return [name for _, name in found.values()]

    def label_of(self, image: str) -> str:
        """The file of labels of an image, empty if there is none."""
        folder, _, name = image.rpartition("/")
        labels = self._in(label_folder(folder), (LIST,))
        found = labels.find(without_suffix(name, IMAGE_SUFFIXES)) if labels else None
        return _joined(label_folder(folder), found) if found else ""

    def _named(self, text: str, beside: Path, where: Place) -> str:
        """The image that a line names; folders before it are those of the list, or the dataset's, or of where it was written."""
        written, _, name = text.replace("\\", "/").rpartition("/")
        if written not in self._folder_of:
            self._folder_of[written] = self._folder(written, beside)
        folder = self._folder_of[written]
        images = None if folder is None else self._in(folder, IMAGE_SUFFIXES)
        stem = without_suffix(name, IMAGE_SUFFIXES)
        found = images.find(stem) if images and not leads_out(name) else None
        if found is None or folder is None:
            what = f"there is no image {text[:200]!r} in {self._root}; correct the line, or add the image"
            raise DatasetError.at(where, what, kind="paths out of the dataset" if leads_out(text) else "missing files")
        return _joined(folder, found)

    def _folder(self, written: str, beside: Path) -> str | None:
        """The folder, relative to the dataset's, that a line means."""
        for root in (beside, self._root):
            folder = inside(root, written or ".", by_end=True)
            if folder is not None and (root / folder).is_dir():
                found = (root / folder).relative_to(self._root).as_posix()
                return "" if found == "." else found
        return None

    def _check_labels(self, folder: str, images: list[str]) -> None:
        """Labels without their image, of those in a folder, are faults; other text files are nobody's labels."""
        labels = self._in(label_folder(folder), (LIST,))
        if labels is None:
            return
        for name in sorted(set(labels.names()).difference(images)):
            path = self._root / label_folder(folder) / str(labels.find(name))
            if path.name.lower() not in NO_LABELS and is_yolo_file(path):
                what = f"there is no image {name!r} in {self._root / folder}; add it or remove the labels"
                with self._notes.tolerating():
                    raise DatasetError.at(Place(path), what, kind="missing files")

    def _in(self, folder: str, suffixes: tuple[str, ...]) -> Files | None:
        """The files of a folder; None if there is no such folder."""
        if (folder, suffixes) not in self._files:
            path = self._root / folder
            check_inside(path, *self.allowed)
            self._files[folder, suffixes] = Files(self._root, path, suffixes, self._notes) if path.is_dir() else None
        return self._files[folder, suffixes]


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder not in ("", ".") else name


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in require_file(path).read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError.at(Place(path), f"cannot be read as a list of images ({error}); save it as UTF-8 text") from error
