"""Datasets as TFRecords of `tf.train.Example`, as TensorFlow's Object Detection API and Roboflow write them."""

from collections.abc import Sequence
from pathlib import Path

from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.label_map import Item, read_label_map
from tf_ssd.data.readers.lazy import Annotation, LazyDataset
from tf_ssd.data.readers.tfrecord_example import read_example
from tf_ssd.data.readers.tfrecord_files import label_map_file, record_files
from tf_ssd.data.readers.tfrecord_index import Records
from tf_ssd.errors import DatasetError, Place


class TfrecordDataset(LazyDataset):
    """One split, in one file or several; an Example is read when its record is used.

    Corners are fractions of the image. A record's id is FILE:NUMBER, counted from 1, with the file's path in `folder`, so that
    `train/pets.tfrecord` and `valid/pets.tfrecord` differ. `image/object/is_crowd` and `group_of` make crowds. Where an Example
    says the image's width and height, they are its size.

    Args:
        folder: the folder of the files, or of folders of files.
        split: what the files are called; see `record_files`.
        class_names: the classes without background, in the order of their labels; None takes those of a label map beside the
            files in the order of their numbers, and without one reads all Examples at the start and takes those found, sorted.
        notes: where faults go; None raises the first.

    Raises:
        DatasetError: there are no files, one is missing, cut off or no TFRecord, or the label map cannot be used. Damage inside a
            record shows when it is used, and at the start where all are read.
    """

    fractions = True

    def __init__(self, folder: Path, split: str, *, class_names: Sequence[str] | None = None, notes: Notes | None = None) -> None:
        notes = Notes() if notes is None else notes
        files = record_files(folder, split)
        label_map = label_map_file(files, folder)
        self._label_map: dict[int, Item] = {} if label_map is None else read_label_map(label_map)
        self._records = Records(files, notes)
        if not len(self._records) and notes.complete:
            raise DatasetError.at(Place(files[0]), "there are no records; is this the split?")
        if class_names is None and self._label_map:
            class_names = [item.name for item in self._label_map.values()]
        super().__init__((), _Ids(self._records, folder), class_names, notes, Place(label_map or f"{folder}, split {split!r}"))

    def annotation(self, index: int) -> Annotation:
        """Read the Example of record `index`."""
        where = self._records.position(index).place(self._records.files)
        return read_example(self._records.read(index), where, self._label_map, self._notes)


class _Ids:
    """The ids of records, made when one is asked for."""

    def __init__(self, records: Records, folder: Path) -> None:
        self._records = records
        self._files = [file.relative_to(folder).as_posix() for file in records.files]

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> str:
        position = self._records.position(index)
        return f"{self._files[position.file]}:{position.number}"
