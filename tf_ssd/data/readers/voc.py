"""Datasets in the layout of PASCAL VOC: Annotations/, JPEGImages/ and ImageSets/Main/<split>.txt, or all in one folder."""

import os
from collections.abc import Sequence
from pathlib import Path

from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.paths import IMAGE_SUFFIXES, Files, check_inside, note_unused, subfolders, without_suffix
from tf_ssd.data.readers.lazy import Annotation, LazyDataset
from tf_ssd.data.readers.voc_images import find_images
from tf_ssd.data.readers.voc_split import split_ids
from tf_ssd.data.readers.voc_xml import read_annotation
from tf_ssd.data.readers.yolo_hint import yolo_hint
from tf_ssd.errors import DatasetError, Place

EVERYTHING = "all"  # the split that needs no file
ANNOTATIONS, IMAGES = ("Annotations", "annotations"), ("JPEGImages", "images", "Images")  # folders; the first found is taken
XML = (".xml",)


class VocDataset(LazyDataset):
    """One split of a dataset in VOC layout; an annotation is parsed, and an image read, when its record is used.

    Pixel corners are 1-based and inclusive, as in the VOC development kit: a box reaches from (xmin - 1) / W to xmax / W and
    is clipped to the image. Boxes without area are dropped; `notes` counts both. Suffixes of files may be in any case.

    Args:
        root: the folder that holds Annotations and JPEGImages, which may be links and may be called annotations, images and Images,
            or, without these, XML files beside their images. The image of an annotation has its name, in the folder of images,
            beside the annotation or in `root`; else that which its <filename> says.
        split: name of a file in ImageSets/Main without ".txt", for `split_ids`. The split "all" is every XML file, unless
            ImageSets/Main/all.txt exists.
        class_names: the classes without background, in the order of their labels; None parses all annotations at the start
            and takes those found, sorted.
        notes: where faults go; None raises the first.

    Raises:
        DatasetError: the layout or the split cannot be used, or an image or annotation of the split is missing. Damage
            inside a file shows when its record is used, and at the start where `class_names` is None.
    """

    one_based = True

    def __init__(
        self,
        root: Path,
        split: str,
        *,
        class_names: Sequence[str] | None = None,
        notes: Notes | None = None,
    ) -> None:
        notes = Notes() if notes is None else notes
        annotations, images = _folders(root)
        xml_files, image_files = Files(root, annotations, XML, notes), Files(root, images, IMAGE_SUFFIXES, notes)
        listing = _split_file(root, split)
        ids = _every_id(xml_files) if listing is None else split_ids(listing, xml_files, notes)
        image_names = find_images(ids, xml_files, image_files, root, notes)
        if listing is None:
            note_unused(image_files, [*ids, *(without_suffix(name, IMAGE_SUFFIXES) for name in image_names.values())], notes)
        self._root, self._annotations, self._images = root, annotations, images
        self._xml_names = PackedStrings([xml_files.find(image_id) or "" for image_id in image_names])
        self._image_names = PackedStrings(list(image_names.values()))
        where = Place(f"{root}, split {split!r}")
        super().__init__((root, images, annotations), PackedStrings(list(image_names)), class_names, notes, where)

    def annotation(self, index: int) -> Annotation:
        """Parse the annotation of record `index`."""
        path = self._annotations / self._xml_names[index]
        check_inside(path, self._root, self._annotations)
        return read_annotation(path, self._images / self._image_names[index], self._notes)


def located(root: Path, split: str) -> tuple[Path, str]:
    """Where a split lies: in `root`, or, as Roboflow exports it, everything in a folder of its name that holds XML files."""
    inner = root / split
    is_inner = not (root / "ImageSets").exists() and _holds(inner, XML)
    return (inner, EVERYTHING) if is_inner else (root, split)


def check_split(root: Path, split: str) -> None:
    """Raise DatasetError unless `root` holds the folders of a dataset, and the file that lists the split; nothing is read."""
    root, split = located(root, split)
    _folders(root)
    _split_file(root, split)


def splits_there(root: Path) -> list[str]:
    """The splits that a folder has: the lists of ImageSets, all XML files, and folders of XML files."""
    lists = [path.stem for path in (root / "ImageSets" / "Main").glob("*.txt")]
    everything = [EVERYTHING] if _holds(_folder(root, ANNOTATIONS) or root, XML) else []
    inner = [path.name for path in subfolders(root) if path.name not in ANNOTATIONS and located(root, path.name)[0] != root]
    return sorted({*lists, *everything, *inner})


def _split_file(root: Path, split: str) -> Path | None:
    """The file that lists a split of the dataset in `root`, None for every annotation; raises DatasetError if there is none."""
    path = root / "ImageSets" / "Main" / f"{split}.txt"
    if path.exists():
        check_inside(path, root, root / "ImageSets")
        return path
    if split == EVERYTHING:
        return None
    there = splits_there(root)
    known = [name for name in there if name != EVERYTHING]
    if known:
        choice = f"; choose one of: {', '.join(known)}"
        choice += f"; or {EVERYTHING!r}, which is every annotation" if EVERYTHING in there else ""
    elif there:
        apart = "to keep some for validation, move them with their images into folders train and val"
        choice = f": neither ImageSets/Main/{split}.txt nor a folder {split}; {EVERYTHING!r} is every annotation; {apart}"
    else:
        choice = ", nor any other; as --data give the folder that holds ImageSets"
    raise DatasetError.at(Place(path), f"there is no split {split!r}{choice}")


def _folders(root: Path) -> tuple[Path, Path]:
    """The folders of annotations and of images; `root` itself where such files lie there."""
    annotations, images = _folder(root, ANNOTATIONS), _folder(root, IMAGES)
    if annotations is None and (images is None or _holds(root, XML)):
        annotations = root
    if images is None and (annotations == root or _holds(root, IMAGE_SUFFIXES)):
        images = root
    for needed, path in ((root if root.is_dir() else None, root), (annotations, root / ANNOTATIONS[0]), (images, root / IMAGES[0])):
        if needed is None:
            what = (
                f"no such folder; a VOC dataset holds {ANNOTATIONS[0]} and {' or '.join(IMAGES)}, or XML files beside their images"
            )
            raise DatasetError.at(Place(path), what)
    return annotations or root, images or root


def _folder(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _holds(folder: Path, suffixes: Sequence[str]) -> bool:
    return folder.is_dir() and any(name.lower().endswith(tuple(suffixes)) for name in os.listdir(folder))  # noqa: PTH208  it is quick


def _every_id(xml_files: Files) -> list[str]:
    ids = xml_files.names()
    if not ids:
        hint = yolo_hint(xml_files.folder, xml_files.folder / "labels") or "; is this the folder of a VOC dataset?"
        raise DatasetError.at(Place(xml_files.folder), f"there are no XML files{hint}")
    return ids
