"""Where the annotations and the images of a split lie in a folder, for layouts that are known by the places of their files."""

from collections.abc import Callable
from pathlib import Path

from tf_ssd.data.paths import listed
from tf_ssd.data.readers.yolo_hint import yolo_hint
from tf_ssd.errors import DatasetError

Layouts = dict[Path, tuple[Path, ...]]  # by annotations, the folders that their images may lie in
COCO = {
    "annotations/instances_SPLIT.json": ("SPLIT", "images/SPLIT", "images"),
    "SPLIT/_annotations.coco.json": ("SPLIT",),
    "SPLIT.json": ("images", "."),
}
LayoutsOf = Callable[[Path, str], Layouts]  # of a split in a folder


def coco_layouts(folder: Path, split: str) -> Layouts:
    """Annotation files, each perhaps in gzip, and folders of images.

    As COCO is published, as Roboflow exports it, or a file beside the images.
    """
    return {
        folder / file.replace("SPLIT", split): tuple(folder / place.replace("SPLIT", split) for place in places)
        for name, places in COCO.items()
        for file in (name, f"{name}.gz")
    }


def csv_layouts(folder: Path, split: str) -> Layouts:
    """A file for all images, as Roboflow exports it too, or a folder with one for each."""
    images = (folder / "images", folder)
    return {
        folder / f"{split}.csv": images,
        folder / f"{split}.txt": images,
        folder / split / "_annotations.csv": (folder / split,),
        folder / split: (folder / split,),
    }


def first_there(layouts_of: LayoutsOf, folder: Path, split: str) -> Path:
    """The first annotations of a split that exist; raises DatasetError, which names the splits that there are, if none do."""
    layouts = layouts_of(folder, split)
    for path in layouts:
        if path.exists():
            return path
    hint = yolo_hint(folder / split, folder / "labels" / split, folder / split / "labels", folder / "labels", folder)
    others = splits_of(layouts_of, folder)
    there = f"; the splits there are {', '.join(others)}" if others else ""
    plain = [path for path in layouts if path.suffix != ".gz"]
    zipped = ", also with .gz" if len(plain) < len(layouts) else ""
    what = f"there are no annotations of a split {split!r}; looked for {listed(plain)}{zipped}"
    raise DatasetError(f"{what}; check --data and --split, or --eval-split{there}{hint}")


def splits_of(layouts_of: LayoutsOf, folder: Path) -> list[str]:
    """The splits that a folder has, but for those that any folder or text file could be."""
    found = set[str]()
    for pattern in layouts_of(folder, "*"):
        before, after = pattern.relative_to(folder).as_posix().split("*")
        if after not in ("", ".txt"):
            paths = (path.relative_to(folder).as_posix() for path in folder.glob(f"{before}*{after}"))
            found.update(path.removeprefix(before).removesuffix(after) for path in paths)
    return sorted(found)
