"""Several datasets as one, such as the trainval splits of VOC 2007 and 2012."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tf_ssd.data.classes import check_class_names
from tf_ssd.data.records import Dataset, Record


class JoinedDataset:
    """Datasets of the same classes, one after the other.

    Args:
        datasets: at least one, by the names that are put before the ids of their records to keep them unique:
            "VOC2007/000005".

    Raises:
        ConfigError: the class maps differ.
    """

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self._names, self._datasets = tuple(datasets), tuple(datasets.values())
        self.class_names = self._datasets[0].class_names
        for name, dataset in datasets.items():
            check_class_names(self.class_names, dataset.class_names, f"{self._names[0]} and {name}")
        self._ends = np.cumsum([len(dataset) for dataset in self._datasets])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped or clipped so far, in all of them."""
        return tuple(f"{name}: {note}" for name, dataset in zip(self._names, self._datasets, strict=True) for note in dataset.notes)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        part = int(np.searchsorted(self._ends, index, side="right"))
        dataset = self._datasets[part]
        record = dataset[index - int(self._ends[part]) + len(dataset)]
        return replace(record, id=f"{self._names[part]}/{record.id}")
