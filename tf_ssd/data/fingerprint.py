"""Whether a dataset is still the one that a run was started on."""

import hashlib
from pathlib import Path

import numpy as np

from tf_ssd.data.records import Dataset

MOST_RECORDS = 10_000


def fingerprint(dataset: Dataset) -> str:
    """A digest of class names, ids and ground truth, and of the sizes of the image files; of large datasets every n-th record.

    It does not depend on where the data lie: of an id, which may begin with the names of folders, the last part counts.

    Raises:
        DatasetError: a record cannot be used.
    """
    digest = hashlib.sha256(repr((len(dataset), dataset.class_names)).encode())
    for index in range(0, len(dataset), max(1, -(-len(dataset) // MOST_RECORDS))):
        record = dataset[index]
        size = _size(record.image) if isinstance(record.image, Path) else len(record.image)
        digest.update(repr((record.id.rpartition("/")[2], size, len(record.labels))).encode())
        for column in (record.boxes_px, record.labels, record.difficult, record.crowd):
            digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def _size(path: Path) -> int:
    """In bytes; -1 for a file that is missing, which is for others to report."""
    return path.stat().st_size if path.is_file() else -1
