"""Datasets in the layout of YOLO: a folder of images, one of text files with the same names, and a data.yaml."""

from collections.abc import Sequence
from pathlib import Path

from tf_ssd.data.notes import Notes
from tf_ssd.data.packed_strings import Strings
from tf_ssd.data.paths import IMAGE_SUFFIXES, check_inside, without_suffix
from tf_ssd.data.readers.lazy import Annotation, LazyDataset, Object
from tf_ssd.data.readers.yolo_folder import named, open_folder
from tf_ssd.data.readers.yolo_images import list_images
from tf_ssd.data.readers.yolo_labels import read_labels
from tf_ssd.errors import Place


class YoloDataset(LazyDataset):
    """One split; a file of labels is parsed, and an image read, when its record is used.

    Boxes are the centre, width and height as fractions of the image, or polygons, which become the box around them. An image whose
    file of labels is empty or absent is one without labels. Class numbers count from 0 and stand for the names of data.yaml, or of
    classes.txt, or the given ones. The record's id is the image's path without suffix, without the folders that all images share.

    Args:
        data: the dataset's folder, or its data.yaml.
        split: a key of data.yaml, or the name of a folder of images; see `YoloFolder.places_of`.
        class_names: the classes without background, in the order of their labels; None takes the named ones in the order of their
            numbers, and reads no labels.
        notes: where faults go; None raises the first.

    Raises:
        DatasetError: data.yaml or the split cannot be used, or a file of labels has no image. Damage inside a file of labels shows
            when its record is used.
    """

    fractions = True

    def __init__(self, data: Path, split: str, *, class_names: Sequence[str] | None = None, notes: Notes | None = None) -> None:
        notes = Notes() if notes is None else notes
        self._dataset = named(open_folder(data), class_names)
        self._listed = list_images(self._dataset, split, notes)
        names = list(self._dataset.names.values()) if class_names is None else class_names
        ids = _Ids(self._listed.images, self._listed.start)
        super().__init__(self._listed.folders, ids, names, notes, Place(self._dataset.source))

    def annotation(self, index: int) -> Annotation:
        """Parse the labels of record `index`."""
        image = self._dataset.root / self._listed.images[index]
        if not self._listed.labels[index]:
            return Annotation(image, None, [])
        path = self._dataset.root / self._listed.labels[index]
        check_inside(path, *self._listed.folders)
        keypoints = self._dataset.yaml.keypoints if self._dataset.yaml else 0
        objects: list[Object]
        objects, problems, complete = read_labels(path, self._dataset.names, keypoints, self._notes)
        self._record_notes.add(index, problems)
        return Annotation(image, None, objects, complete=complete)


def check_yolo(data: Path, split: str) -> None:
    """Raise DatasetError unless --data is a dataset that has the split; no folder is listed."""
    open_folder(data).places_of(split)


class _Ids:
    """The ids of images, made from their names when one is asked for."""

    def __init__(self, names: Strings, start: int) -> None:
        self._names, self._start = names, start

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> str:
        return without_suffix(self._names[index][self._start :], IMAGE_SUFFIXES)
