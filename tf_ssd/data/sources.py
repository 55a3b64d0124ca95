"""A dataset by its kind, folders and splits, as the command lines name it."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from itertools import product
from pathlib import Path

from tf_ssd.config import DatasetKind
from tf_ssd.data.fractions import require_pixels
from tf_ssd.data.joined import JoinedDataset
from tf_ssd.data.layouts import LayoutsOf, coco_layouts, csv_layouts, first_there
from tf_ssd.data.notes import Notes
from tf_ssd.data.paths import check_name, listed
from tf_ssd.data.readers.coco import CocoDataset
from tf_ssd.data.readers.coco_json import read_category_names
from tf_ssd.data.readers.csv import read_csv
from tf_ssd.data.readers.tfrecord_files import record_files
from tf_ssd.data.readers.voc import VocDataset, check_split, located
from tf_ssd.data.readers.yolo import YoloDataset, check_yolo
from tf_ssd.data.records import Dataset
from tf_ssd.errors import DatasetError, Place

HELD_OUT = ("val", "valid", "validation")  # one split by the names that tools give it


def open_dataset(
    kind: DatasetKind,
    folders: Sequence[Path],
    splits: Sequence[str],
    *,
    class_names: Sequence[str] | None = None,
    notes: Notes | None = None,
) -> Dataset:
    """Every split of every folder, joined if there are several.

    Args:
        kind: the layout; "synthetic" is in no folder and not opened here.
        folders: at least one.
        splits: at least one.
        class_names: the classes without background, in the order of their labels; None takes those found, and of several
            parts that differ all that were found in any, sorted.
        notes: where the faults of all parts go; None raises the first.

    Raises:
        DatasetError: a part is missing or cannot be used, or the corners of all its boxes are fractions.
    """
    parts = list(product(folders, splits))
    opened = [_open(kind, *part, class_names=class_names, notes=notes) for part in parts]
    found = {dataset.class_names for dataset in opened}
    if len(found) > 1:
        union = sorted(set().union(*found))
        opened = [_open(kind, *part, class_names=union, notes=notes) for part in parts]
    for (folder, split), dataset in zip(parts, opened, strict=True):
        with notes.tolerating() if notes else nullcontext():
            require_pixels(dataset, Place(f"{folder}, split {split!r}"))
    return opened[0] if len(opened) == 1 else JoinedDataset(_named(parts, opened))


def check_there(kind: DatasetKind, folders: Sequence[Path], splits: Sequence[str]) -> None:
    """Raise DatasetError unless each folder is there, and the file that each split needs. Nothing is read, to take no time."""
    for folder, split in product(folders, splits):
        _check_there(kind, folder, called(kind, folder, split))


def called(kind: DatasetKind, folder: Path, split: str) -> str:
    """The name of a split in a folder: its own, but for a held-out one that is there by another of `HELD_OUT` alone."""
    if split not in HELD_OUT:
        return split
    return next((name for name in (split, *HELD_OUT) if is_there(kind, folder, name)), split)


def is_there(kind: DatasetKind, folder: Path, split: str) -> bool:
    """Whether a folder has a split of this very name."""
    with suppress(DatasetError):
        _check_there(kind, folder, split)
        return True
    return False


def _check_there(kind: DatasetKind, folder: Path, split: str) -> None:
    if not folder.is_dir() and kind != "yolo":  # whose data.yaml may be named
        raise DatasetError.at(Place(folder), "no such folder; check --data")
    check_name(split, Place(folder, "split"))
    match kind:
        case "voc":
            check_split(folder, split)
        case "coco":
            first_there(coco_layouts, folder, split)
        case "csv":
            first_there(csv_layouts, folder, split)
        case "yolo":
            check_yolo(folder, split)
        case "tfrecord":
            record_files(folder, split)


def _open(kind: DatasetKind, folder: Path, split: str, *, class_names: Sequence[str] | None, notes: Notes | None) -> Dataset:
    check_name(split, Place(folder, "split"))
    split = called(kind, folder, split)
    match kind:
        case "voc":
            return VocDataset(*located(folder, split), class_names=class_names, notes=notes)
        case "coco":
            return _with_images(CocoDataset, coco_layouts, folder, split, class_names=class_names, notes=notes)
        case "csv":
            return _with_images(read_csv, csv_layouts, folder, split, class_names=class_names, notes=notes)
        case "yolo":
            return YoloDataset(folder, split, class_names=class_names, notes=notes)
        case "tfrecord":
            from tf_ssd.data.readers.tfrecord import TfrecordDataset  # which needs TensorFlow

            return TfrecordDataset(folder, split, class_names=class_names, notes=notes)
    raise ValueError(f"{kind!r} is in no folder")


def _with_images(
    read: Callable[..., Dataset],
    layouts_of: LayoutsOf,
    root: Path,
    split: str,
    *,
    class_names: Sequence[str] | None,
    notes: Notes | None,
) -> Dataset:
    """Read the first annotations that exist; images are looked for in their folders, beside the annotations, and in `root`."""
    annotation, layouts = first_there(layouts_of, root, split), layouts_of(root, split)
    folders = [folder for folder in layouts[annotation] if folder.is_dir()]
    dataset = read(annotation, *folders, annotation.parent, root, class_names=class_names, notes=notes)
    if not folders and len(dataset) and dataset[0].looked_for:
        what = f"there is no folder of images; looked for {listed(layouts[annotation])}"
        raise DatasetError.at(Place(annotation), what, kind="missing files")
    return dataset


def annotation_file(folder: Path, split: str) -> Path:
    """The annotation file of a split of COCO; the images need not be there. Raises DatasetError if there is none."""
    return first_there(coco_layouts, folder, called("coco", folder, split))


def listed_classes(folders: Sequence[Path], splits: Sequence[str]) -> tuple[str, ...]:
    """The names of all categories in the annotation files of COCO's splits, also of those without boxes, in their order.

    Raises:
        DatasetError: a file is missing, or its categories cannot be read.
    """
    files = [annotation_file(folder, split) for folder, split in product(folders, splits)]
    return tuple(dict.fromkeys(name for file in files for name in read_category_names(file)))


def _named(parts: Sequence[tuple[Path, str]], datasets: Sequence[Dataset]) -> dict[str, Dataset]:
    """Datasets by folder and split; by the whole path where folders share a name."""
    folders = {folder for folder, _ in parts}
    short = len({folder.resolve().name for folder in folders}) == len(folders)
    names = [f"{folder.resolve().name if short else folder}/{split}" for folder, split in parts]
    return dict(zip(names, datasets, strict=True))
