"""The file that describes a YOLO dataset: its classes by number, and where each split's images lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file
from tf_ssd.system.words import counted

SUFFIXES = (".yaml", ".yml")
USUAL = ("data.yaml", "data.yml", "dataset.yaml")  # of several files in a folder, the first of these is taken
SPLITS = ("train", "val", "valid", "validation", "test", "trainval", "minival")  # keys that name images
ADVICE = "write 'names: [first class, second class, ...]' or a number and a name a line"


@dataclass(frozen=True)
class DataYaml:
    """What is read of a file; anything else in it, such as a script that downloads images, is passed over.

    Attributes:
        file: the file.
        names: of the classes, by their numbers.
        path: of the dataset's folder, as written; empty if it is not.
        splits: the folders, or text files that list images, of each split, as written.
        keypoints: how many numbers of key points stand behind each box.
        downloads: whether it says how to download the images.
    """

    file: Path
    names: dict[int, str]
    path: str
    splits: dict[str, tuple[str, ...]]
    keypoints: int
    downloads: bool

    def places_of(self, split: str) -> tuple[str, ...]:
        """Where the images of a split lie, as written; none if the file does not say."""
        return self.splits.get(split, ())


def find_yaml(folder: Path) -> Path | None:
    """The file of a folder, None if there is none; raises DatasetError if nothing says which of several it is."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    usual = next((folder / name for name in USUAL if folder / name in found), None)
    if usual is None and len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DatasetError.at(Place(folder), f"there are several YAML files, {names}; give the one that is meant as --data")
    return usual or next(iter(found), None)


def read_yaml(path: Path) -> DataYaml:
    """Read a file.

    Raises:
        DatasetError: it cannot be read, is no YAML, names no classes, or a value is of another form.
    """
    content = _parse(path)
    names = _names(content.get("names"), path)
    count = content.get("nc")
    if isinstance(count, str) and count.strip() not in ("", str(len(names))):
        raise DatasetError.at(
            Place(path), f"nc is {count[:20]!r}, but names has {counted(len(names), 'class')}; correct one of them"
        )
    places = {key: _places(content[key], Place(path, key)) for key in SPLITS if content.get(key)}
    root = content.get("path", "")
    if not isinstance(root, str):
        raise DatasetError.at(Place(path, "path"), "is no text; write the dataset's folder")
    return DataYaml(path, names, root.strip(), places, _keypoints(content.get("kpt_shape"), path), bool(content.get("download")))


def _parse(path: Path) -> dict[str, Any]:
    try:
        # Every value is left a text: otherwise the classes "no" and "7" would be a truth value and a number.
        content = yaml.load(require_file(path).read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        shown = " ".join(str(error).split())
        raise DatasetError.at(Place(path), f"cannot be used as YAML ({shown}); correct the file") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise DatasetError.at(Place(path), f"is no list of settings; {ADVICE}")
    return content


def _names(names: object, path: Path) -> dict[int, str]:
    """The classes by number, in the order of their numbers; raises DatasetError if they are not written so."""
    if not names:
        raise DatasetError.at(Place(path), f"there are no names of classes; {ADVICE}", kind="no classes")
    pairs = enumerate(names) if isinstance(names, list) else names.items() if isinstance(names, dict) else [("", names)]
    found: dict[int, str] = {}
    for number, name in pairs:
        if not isinstance(name, str) or not str(number).isdecimal():
            raise DatasetError.at(Place(path, "names"), f"is neither a list of texts nor one of numbers and texts; {ADVICE}")
        if found.setdefault(int(str(number)[:9]), name.strip()) != name.strip():
            raise DatasetError.at(Place(path, "names"), f"the number {number} is given twice; give each class its own")
    return dict(sorted(found.items()))


def _places(value: object, where: Place) -> tuple[str, ...]:
    places = value if isinstance(value, list) else [value]
    texts = [place.strip() for place in places if isinstance(place, str) and place.strip()]
    if len(texts) < len(places):
        raise DatasetError.at(where, "is neither a folder, nor a list of folders, nor a text file of images; name one of these")
    return tuple(texts)


def _keypoints(shape: object, path: Path) -> int:
    """The product of a pair of numbers, 0 if there is none."""
    if not shape:
        return 0
    pair = shape if isinstance(shape, list) else []
    if len(pair) != 2 or not all(isinstance(value, str) and value.strip().isdecimal() for value in pair):
        raise DatasetError.at(Place(path, "kpt_shape"), "is no pair of numbers; write [points, numbers of each]")
    return int(pair[0][:6]) * int(pair[1][:6])
