"""Where a YOLO dataset has its classes, the images of a split, and their labels; nothing is listed yet."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from tf_ssd.data.classes import read_class_names
from tf_ssd.data.paths import IMAGE_SUFFIXES, SLASH, is_absolute, leads_out, listed, subfolders
from tf_ssd.data.readers.yolo_hint import first_row, is_yolo
from tf_ssd.data.readers.yolo_yaml import SPLITS, SUFFIXES, DataYaml, find_yaml, read_yaml
from tf_ssd.errors import DatasetError, Place

NAMES = ("classes.txt", "labels/classes.txt", "obj.names")  # of classes, one a line, where there is no data.yaml
LIST = ".txt"  # the suffix of a file that lists images
IMAGES, LABELS = "images", "labels"
EVERYTHING = "all"  # the split that needs no folder


@dataclass(frozen=True)
class YoloFolder:
    """A dataset's folder.

    Attributes:
        root: the folder.
        names: of the classes, by their numbers; empty if no file has them.
        source: the file that has the names, else the folder.
        yaml: what describes the dataset, if there is such a file.
    """

    root: Path
    names: dict[int, str]
    source: Path
    yaml: DataYaml | None = None

    def places_of(self, split: str) -> tuple[str, ...]:
        """Folders of images and text files that list some, relative to `root`, of a split.

        Those that the yaml file names, else `images/SPLIT`, `SPLIT/images`, `SPLIT` or `SPLIT.txt`; of the split "all" it is
        `images`, or everything.

        Raises:
            DatasetError: there is none, or one leads out of `root` or is not there.
        """
        if self.yaml is not None and (written := self.yaml.places_of(split)):
            where = Place(self.yaml.file, split)
            return tuple(self._place(text, where) for text in written)
        usual = _usual(split)
        for place in usual:
            if (self.root / place).exists():
                return (place,)
        there = self.splits()
        known = f"; the splits there are {', '.join(there)}" if there else ""
        looked = listed(self.root / place for place in usual)
        unnamed = "" if self.yaml is None else f" {self.yaml.file} does not name it, and"
        what = f"there are no images of a split {split!r};{unnamed} there is none of {looked}"
        raise DatasetError.at(Place(self.root), f"{what}; check --data and --split, or --eval-split{known}")

    def splits(self) -> list[str]:
        """The splits that there are: those of the yaml file, what has labels beside its images or lists some, and "all" of them."""
        inner = {path.name for folder in (self.root, self.root / IMAGES) for path in subfolders(folder)}
        named = {name for name in inner.union(SPLITS).difference((IMAGES, LABELS)) if any(map(self._is_place, _usual(name)))}
        is_flat = not (self.root / IMAGES).is_dir() and is_yolo(self.root)
        everything = {EVERYTHING} if is_yolo(self.root / LABELS) or is_flat else set()
        return sorted(named | everything | set(self.yaml.splits if self.yaml else ()))

    def _is_place(self, place: str) -> bool:
        path = self.root / place
        if path.is_dir():
            return is_yolo(self.root / label_folder(place))
        return place.endswith(LIST) and path.is_file() and first_row(path).lower().endswith(IMAGE_SUFFIXES)

    def _place(self, text: str, where: Place) -> str:
        place = inside(self.root, text)
        if place is not None:
            return place
        if leads_out(text):
            what = f"{text[:200]!r} leads out of the dataset's folder {self.root}; name a folder inside"
            raise DatasetError.at(where, what, kind="paths out of the dataset")
        script = "; what the file says of a download is never run: download the images yourself"
        advice = f"correct it, or give the dataset's folder as --data{script if self.yaml and self.yaml.downloads else ''}"
        raise DatasetError.at(where, f"there is no {self.root / text[:200]}; {advice}", kind="missing files")


def open_folder(data: Path) -> YoloFolder:
    """The dataset that --data names: a folder, or a yaml file, whose `path` may lead anywhere, as it was given by name.

    Raises:
        DatasetError: there is no such folder or file, or a file cannot be used.
    """
    if not data.exists():
        raise DatasetError.at(Place(data), "no such folder; check --data")
    if not data.is_dir() and data.suffix.lower() not in SUFFIXES:
        raise DatasetError.at(Place(data), "is neither a folder nor a YAML file; check --data")
    file = find_yaml(data) if data.is_dir() else data
    if file is not None:
        described = read_yaml(file)
        return YoloFolder(_root(described, is_given=file == data), described.names, file, described)
    source = next((data / name for name in NAMES if (data / name).is_file()), None)
    if source is not None:
        return YoloFolder(data, dict(enumerate(read_class_names(source))), source)
    return YoloFolder(data, {}, data)


def named(dataset: YoloFolder, class_names: Sequence[str] | None) -> YoloFolder:
    """The dataset whose classes are called, where no file says how, as the given ones in their order.

    Raises:
        DatasetError: nothing says what the classes are called.
    """
    if dataset.names:
        return dataset
    if class_names is None:
        what = f"there is no data.yaml, nor any of {', '.join(NAMES)}, so that nobody knows what the classes are called"
        advice = "write data.yaml with 'names: [first class, second class, ...]', or give their names in the order of their numbers"
        raise DatasetError.at(Place(dataset.root), f"{what}; {advice} with --classes", kind="no classes")
    return replace(dataset, names=dict(enumerate(class_names)))


@lru_cache  # asked for each image
def label_folder(images: str) -> str:
    """Where the labels of the images in a folder lie: its last part `images` is then `labels`; without one, beside the images."""
    parts = list(PurePosixPath(images).parts)
    places = [place for place, part in enumerate(parts) if part.lower() == IMAGES]
    if places:
        parts[places[-1]] = LABELS
    return "/".join(parts)


def inside(root: Path, text: str, *, by_end: bool = False) -> str | None:
    """What a path that was perhaps written elsewhere means, relative to `root`; None if nothing in `root` is called so.

    Leading `..` are passed over, as Roboflow writes them for nothing. An absolute path that does not lie in `root` is its longest
    end that does, and so is any path with `by_end`.
    """
    own = Path(text).relative_to(root.absolute()).as_posix() if Path(text).is_relative_to(root.absolute()) else None
    parts = [part for part in SLASH.split(text) if part not in ("", ".")]
    while parts and (parts[0] == ".." or is_absolute(f"{parts[0]}/")):
        parts = parts[1:]
    whole = ["/".join(parts)] if parts or not leads_out(text) else []
    ends = ["/".join(parts[start:]) for start in range(1, len(parts))] if by_end or is_absolute(text) else []
    places = [own] if own is not None else [place or "." for place in (*whole, *ends)]
    return next((place for place in places if not leads_out(place) and os.path.exists(root / place)), None)  # noqa: PTH110  long names


def _root(described: DataYaml, *, is_given: bool) -> Path:
    """The dataset's folder: `path`, relative to the file's folder, if that is there; else the file's folder."""
    folder = described.file.parent
    if described.path and (is_given or not leads_out(described.path)) and os.path.isdir(folder / described.path):  # noqa: PTH112  long names
        return folder / described.path
    return folder


def _usual(split: str) -> tuple[str, ...]:
    if split == EVERYTHING:
        return (IMAGES, ".")
    return (f"{IMAGES}/{split}", f"{split}/{IMAGES}", split, f"{split}{LIST}")
