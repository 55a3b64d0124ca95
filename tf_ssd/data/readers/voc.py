"""Datasets in the layout of PASCAL VOC: Annotations/, JPEGImages/ and ImageSets/Main/<split>.txt, or all in one folder."""

from collections.abc import Sequence
from pathlib import Path

from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.paths import IMAGE_SUFFIXES, Files, check_inside, check_name, existing, files_of
from tf_ssd.data.readers.lazy import Annotation, LazyDataset
from tf_ssd.data.readers.voc_xml import read_annotation
from tf_ssd.errors import DatasetError, Place

EVERYTHING = "all"  # the split that needs no file


class VocDataset(LazyDataset):
    """One split of a dataset in VOC layout; an annotation is parsed, and an image read, when its record is used.

    Pixel corners are 1-based and inclusive, as in the VOC development kit: a box reaches from (xmin - 1) / W to xmax / W and
    is clipped to the image. Boxes without area are dropped; `notes` counts both. Suffixes of files may be in any case.

    Args:
        root: the folder that holds Annotations and JPEGImages, or, without these, XML files beside their images.
        split: name of a file in ImageSets/Main without ".txt"; the first word of each of its lines is an image's id. The split
            "all" is every XML file, unless ImageSets/Main/all.txt exists.
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
        xml_files = Files(root, annotations, (".xml",), notes)
        image_files = Files(root, images, IMAGE_SUFFIXES, notes)
        split_file = root / "ImageSets" / "Main" / f"{split}.txt"
        if split == EVERYTHING and not split_file.exists():
            ids = _every_id(xml_files, image_files, notes)
        else:
            ids = _split_ids(root, split_file, notes)
        ids = existing(existing(ids, xml_files, "annotation", notes), image_files, "image", notes)
        self._annotations, self._images = annotations, images
        self._xml_names, self._image_names = files_of(ids, xml_files), files_of(ids, image_files)
        super().__init__(root, PackedStrings(ids), class_names, notes, Place(f"{root}, split {split!r}"))

    def annotation(self, index: int) -> Annotation:
        """Parse the annotation of record `index`."""
        path = self._annotations / self._xml_names[index]
        check_inside(self._root, path)
        return read_annotation(path, self._images / self._image_names[index], self._notes)


def _folders(root: Path) -> tuple[Path, Path]:
    """The folders of annotations and of images; `root` itself for both where it has neither."""
    folders = annotations, images = root / "Annotations", root / "JPEGImages"
    if root.is_dir() and not annotations.exists() and not images.exists():
        return root, root
    for needed in (root, *folders):
        if not needed.is_dir():
            what = "no such folder; a VOC dataset holds Annotations and JPEGImages, or XML files beside their images"
            raise DatasetError.at(Place(needed), what)
    return folders


def _every_id(xml_files: Files, image_files: Files, notes: Notes) -> list[str]:
    ids = xml_files.names()
    if not ids:
        raise DatasetError.at(Place(xml_files.folder), "there are no XML files; is this the folder of a VOC dataset?")
    for name in sorted(set(image_files.names()).difference(ids)):
        path = image_files.folder / name
        notes.add("images without an annotation, left out", str(path), Place(path))
    return ids


def _split_ids(root: Path, path: Path, notes: Notes) -> list[str]:
    """The ids of a split, each once; a line that repeats one is noted."""
    first_line: dict[str, int] = {}
    for number, line in enumerate(_split_lines(root, path), start=1):
        if not line.strip():
            continue
        image_id, where = line.split(maxsplit=1)[0], Place(path, f"line {number}")
        if image_id in first_line:
            notes.add("repeated lines, left out", f"{where} repeats {image_id!r} of line {first_line[image_id]}", where)
        else:
            with notes.tolerating():
                check_name(image_id, where)
                first_line[image_id] = number
    if not first_line:
        raise DatasetError.at(Place(path), "the split is empty; list one image id a line")
    return list(first_line)


def _split_lines(root: Path, path: Path) -> list[str]:
    check_inside(root, path)
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.txt"))) or "none"
        what = f"there is no split {path.stem!r}; choose one of: {known}; or {EVERYTHING!r}, which is every annotation"
        raise DatasetError.at(Place(path), what)
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError.at(Place(path), f"cannot be read as UTF-8 text ({error}); save it as UTF-8") from error
