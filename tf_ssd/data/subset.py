"""Some records of a dataset."""

from collections.abc import Sequence

import numpy as np

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


def labelled(dataset: Dataset) -> Subset:
    """The records with an object to train on, one that is not a crowd; reads every annotation.

    Raises:
        DatasetError: there are none, or an annotation cannot be used.
    """
    kept = [index for index in range(len(dataset)) if not dataset[index].crowd.all()]
    if not kept:
        raise DatasetError("no image of the training split has labels; with --unlabelled keep they are trained on as they are")
    dropped = len(dataset) - len(kept)
    return Subset(dataset, kept, f"images without labels, left out of training: {dropped}" if dropped else "")
