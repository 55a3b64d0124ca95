"""Which layout a folder has, by the files in it."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from tf_ssd.config import DataConfig, DatasetKind, ExportConfig
from tf_ssd.data.layouts import coco_layouts, csv_layouts, splits_of
from tf_ssd.data.paths import subfolders
from tf_ssd.data.readers import tfrecord_files, voc
from tf_ssd.data.readers.coco_json import encoded_json
from tf_ssd.data.readers.csv_rows import CsvRows
from tf_ssd.data.readers.yolo_folder import open_folder
from tf_ssd.data.readers.yolo_hint import LOOKED_AT, is_yolo
from tf_ssd.data.readers.yolo_yaml import SPLITS, SUFFIXES, USUAL
from tf_ssd.data.sources import called, is_there
from tf_ssd.errors import DatasetError, Place

Config = TypeVar("Config", bound=DataConfig | ExportConfig)
Part = tuple[Path, str]  # a folder, or a yaml file, and a split
SHOWN = 8  # names in a message
PARTS = ("Annotations", "ImageSets", "JPEGImages", "annotations", "images", "labels")  # folders that a dataset has


class Layout(NamedTuple):
    """A layout that may be recognised.

    Attributes:
        title: for messages.
        splits: those that a folder has in this layout, None if nothing of it is there.
        needs: what the folder must hold.
    """

    title: str
    splits: Callable[[Path], list[str] | None]
    needs: str


def recognised(config: Config, parts: Sequence[Part], say: Callable[[str], object] = print) -> Config:
    """The settings with the layout that --data has, if they leave it open.

    Which one it is is said, and which split has another name there.

    Args:
        config: the settings.
        parts: every folder with every split that is wanted in it.
        say: prints.

    Raises:
        DatasetError: the layout is none that is known, or may be several.
    """
    if config.dataset == "auto":
        kind = recognise(parts)
        folders = ", ".join(dict.fromkeys(str(folder) for folder, _ in parts))
        say(f"{folders}: read as {LAYOUTS[kind].title} (--dataset {kind})")
        config = replace(config, dataset=kind)
    for folder, split in dict.fromkeys(parts):
        name = called(config.dataset, folder, split)
        if name != split:
            say(f"{folder}: the split {split!r} is called {name!r} there")
    return config


def recognise(parts: Sequence[Part]) -> DatasetKind:
    """The layout in which most of the parts are there; of none, that of which there is anything.

    Raises:
        DatasetError: there is no such layout, or several; or a folder is not there.
    """
    folders = dict.fromkeys(folder for folder, _ in parts)
    for folder in folders:
        _check_folder(folder)
    there = {kind: [layout.splits(folder) for folder in folders] for kind, layout in LAYOUTS.items()}
    found = {kind: splits for kind, splits in there.items() if any(split is not None for split in splits)}
    fitting = {kind: sum(is_there(kind, folder, called(kind, folder, split)) for folder, split in parts) for kind in found}
    best = [kind for kind, count in fitting.items() if count == max(fitting.values())]
    if len(best) != 1:
        raise _unclear(list(folders), {kind: found[kind] for kind in best})
    return best[0]


def _check_folder(folder: Path) -> None:
    if folder.is_dir() or (folder.suffix.lower() in SUFFIXES and folder.exists()):
        return
    what = "is a file; give the folder of the dataset" if folder.exists() else "no such folder; check --data"
    raise DatasetError.at(Place(folder), what)


def _unclear(folders: Sequence[Path], found: dict[DatasetKind, list[list[str] | None]]) -> DatasetError:
    """The error that says what was found, and what each layout would need."""
    needs = "; ".join(f"{kind} needs {layout.needs}" for kind, layout in LAYOUTS.items())
    if found:
        may_be = ", or ".join(
            f"{LAYOUTS[kind].title} with the splits {_some(sorted({name for split in splits for name in split or ()}))}"
            for kind, splits in found.items()
        )
        what = f"the layout may be {may_be}; say which it is with {' or '.join(f'--dataset {kind}' for kind in found)}"
    else:
        held = _some(sorted(f"{path.name}/" if path.is_dir() else path.name for folder in folders for path in _inside(folder)))
        what = f"the layout is none that is known; found {held or 'nothing'}{_near(folders)}"
    return DatasetError.at(Place(", ".join(map(str, folders))), f"{what}. Of the layouts, {needs}")


def _near(folders: Sequence[Path]) -> str:
    """The end of a message: the first folder inside that has a layout, as unpacked archives and VOCdevkit hold one, or around."""
    inner = [path for folder in folders if folder.is_dir() for path in subfolders(folder)[:SHOWN]]
    around = [folder.absolute().parent for folder in folders if folder.name in PARTS]
    found = ((path, layout) for path in (*inner, *around) for layout in LAYOUTS.values() if layout.splits(path))
    return next((f"; {path} is {layout.title}: give that as --data" for path, layout in found), "")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else [folder]


def _voc(folder: Path) -> list[str] | None:
    return voc.splits_there(folder) or None


def _coco(folder: Path) -> list[str] | None:
    """By the names of files; a JSON file in the folder itself must mention images and categories."""
    found = []
    for split in splits_of(coco_layouts, folder):
        path = next(path for path in coco_layouts(folder, split) if path.exists())
        if path.parent != folder or _mentions(path, b'"images"', b'"categories"'):
            found.append(split)
    return found or None


def _csv(folder: Path) -> list[str] | None:
    """By the names of files; text files must hold rows of boxes in pixels."""
    lists = sorted(folder.glob("*.txt"), key=lambda path: (path.stem not in SPLITS, path.name))
    found = {path.stem for path in lists[:LOOKED_AT] if _has_rows(path)}
    for path in subfolders(folder):
        texts = (path / name for name in os.listdir(path) if name.lower().endswith((".txt", ".csv")))  # noqa: PTH208  it is quick
        if any(map(_has_rows, islice(texts, LOOKED_AT))) and not is_yolo(path):
            found.add(path.name)
    return sorted(found.union(splits_of(csv_layouts, folder))) or None


def _yolo(folder: Path) -> list[str] | None:
    try:
        dataset = open_folder(folder)
    except DatasetError:
        return [] if any((folder / name).is_file() for name in USUAL) else None
    return dataset.splits() or (None if dataset.yaml is None else [])


def _tfrecord(folder: Path) -> list[str] | None:
    return tfrecord_files.splits_there(folder) or None


def _mentions(path: Path, *words: bytes) -> bool:
    with suppress(DatasetError), encoded_json(path, "JSON", "correct the file") as content:
        return all(word in content for word in words)
    return False


def _has_rows(path: Path) -> bool:
    with suppress(DatasetError):
        return next(iter(CsvRows(path)), None) is not None
    return False


LAYOUTS: dict[DatasetKind, Layout] = {
    "voc": Layout(
        "PASCAL VOC",
        _voc,
        "Annotations/ and JPEGImages/ with ImageSets/Main/SPLIT.txt, or XML files beside their images",
    ),
    "coco": Layout("COCO JSON", _coco, "annotations/instances_SPLIT.json, SPLIT/_annotations.coco.json or SPLIT.json"),
    "csv": Layout("CSV", _csv, "SPLIT.csv, SPLIT/_annotations.csv, or a folder SPLIT with a text file for each image"),
    "yolo": Layout("YOLO", _yolo, "data.yaml, or images/SPLIT and labels/SPLIT with classes.txt"),
    "tfrecord": Layout("TFRecords", _tfrecord, "SPLIT.record, SPLIT.tfrecord or SPLIT.record-00000-of-00010"),
}
