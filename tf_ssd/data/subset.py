"""Some records of a dataset."""

from collections.abc import Sequence

import numpy as np

from tf_ssd.config import Difficult
from tf_ssd.data.records import Dataset, Record
from tf_ssd.errors import DatasetError


class Subset:
    """The records of a dataset with these numbers, in this order; `note`, if any, says what became of the others."""

    def __init__(self, dataset: Dataset, indices: Sequence[int], note: str = "") -> None:
        self._dataset, self._indices, self._note = dataset, np.asarray(indices, np.int64), note
        self.class_names = dataset.class_names

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the dataset, and that of the subset."""
        return (*self._dataset.notes, *([self._note] if self._note else []))

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        return self._dataset[int(self._indices[index])]


def trained_on(record: Record, difficult: Difficult) -> np.ndarray:
    """(G,) bool, the rows that are objects to train on: no crowds, and difficult ones only if `difficult` says so."""
    return ~record.crowd & ~(record.difficult & (difficult == "ignore"))


def most_rows(dataset: Dataset, *, difficult: Difficult = "train") -> int:
    """The largest number of ground-truth rows that a batch has of an image; reads every annotation, and raises DatasetError."""
    kept = (~record.crowd | (difficult == "ignore") for record in map(dataset.__getitem__, range(len(dataset))))
    return max((int(rows.sum()) for rows in kept), default=0)


def labelled(dataset: Dataset, *, difficult: Difficult = "train") -> Subset:
    """The records with an object to train on (`trained_on`); reads every annotation.

    Raises:
        DatasetError: there are none, or an annotation cannot be used.
    """
    kept = [index for index in range(len(dataset)) if trained_on(dataset[index], difficult).any()]
    if not kept:
        raise DatasetError("no image of the training split has labels; with --unlabelled keep they are trained on as they are")
    dropped = len(dataset) - len(kept)
    return Subset(dataset, kept, f"images without labels, left out of training: {dropped}" if dropped else "")
