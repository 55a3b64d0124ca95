"""Datasets for Keras' `fit`: records by the layout they are stored in, and the batches of training and validation."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from tf_ssd.config import DatasetKind, require
from tf_ssd.data.batches.generator import TrainingBatches
from tf_ssd.data.batches.sequence import EvaluationSequence, TrainingSequence
from tf_ssd.data.recognise import LAYOUTS, recognise
from tf_ssd.data.records import Dataset
from tf_ssd.data.sources import open_dataset

__all__ = ["EvaluationSequence", "TrainingBatches", "TrainingSequence", "open"]


def open(  # noqa: A001  called as `datasets.open`
    layout: DatasetKind,
    folder: str | Path | Sequence[str | Path],
    split: str | Sequence[str] = "train",
    *,
    class_names: Sequence[str] | None = None,
) -> Dataset:
    """The records of a dataset, as `python -m tf_ssd.train --dataset LAYOUT --data FOLDER --split SPLIT` opens it.

        train = tf_ssd.datasets.open("voc", "VOCdevkit/VOC2007", "train")
        val = tf_ssd.datasets.open("voc", "VOCdevkit/VOC2007", "val", class_names=train.class_names)

    Args:
        layout: such as "voc", "coco" or "yolo"; "auto" recognises it.
        folder: of the dataset; several are joined.
        split: its name, or several, joined.
        class_names: the classes without background, in the order of their labels; None takes those found. Held-out data need those
            of the training data.

    Returns:
        A sequence of records; `class_names` are its C - 1 classes.

    Raises:
        ConfigError: there is no such layout, or no folder or split is given.
        DatasetError: a folder, split or annotation is missing or cannot be used, or "auto" does not know the layout.
    """
    folders = [Path(one) for one in ([folder] if isinstance(folder, str | Path) else folder)]
    splits = [split] if isinstance(split, str) else split
    require(layout == "auto" or layout in LAYOUTS, "layout", layout, f"must be auto or one of {', '.join(LAYOUTS)}")
    require(bool(folders), "folder", folder, "must be one at least")
    require(bool(splits), "split", split, "must be one at least")
    kind = recognise(list(product(folders, splits))) if layout == "auto" else layout
    return open_dataset(kind, folders, splits, class_names=class_names)
