"""The data of a run, and what is to be said about them before they are trained on."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path

from tf_ssd.config import Difficult, TrainConfig
from tf_ssd.data.classes import read_class_names
from tf_ssd.data.records import Dataset
from tf_ssd.data.sources import listed_classes, open_dataset
from tf_ssd.data.subset import labelled
from tf_ssd.data.synthetic import held_out_pictures, training_pictures
from tf_ssd.errors import DatasetError

LOOKED_AT = 1000  # records among which a difficult object is sought


def training_data(config: TrainConfig) -> tuple[Dataset, Dataset]:
    """Training and held-out data. Their classes are those of --classes, else those of the training data.

    A class of which COCO's training file has the name alone, without a box, is one too if the held-out data have boxes of it.

    Raises:
        DatasetError: the data cannot be used, or the held-out data have boxes of other classes.
    """
    recipe = config.settings()
    if config.dataset == "synthetic":
        return training_pictures(recipe.steps * recipe.batch_size, seed=config.seed), held_out_pictures(seed=config.seed)
    class_names = None if config.classes is None else read_class_names(config.classes)
    training = _open(config, config.data, config.split, class_names)
    try:
        held_out = _open(config, config.held_out_folders, config.eval_split, training.class_names)
    except DatasetError as error:
        if error.kind != "unknown classes" or class_names is not None:
            raise
        class_names = _with_named_classes(config, training.class_names)
        if class_names is None:
            advice = "the classes are those of the training data; to add one, list all of them in a file for --classes"
            raise DatasetError(f"{error}; {advice}", kind=error.kind, place=error.place) from error
        training = _open(config, config.data, config.split, class_names)
        held_out = _open(config, config.held_out_folders, config.eval_split, class_names)
    return labelled(training, difficult=config.difficult) if config.unlabelled == "drop" else training, held_out


def _open(config: TrainConfig, folders: Sequence[Path], splits: Sequence[str], class_names: Sequence[str] | None) -> Dataset:
    assert config.dataset != "synthetic"
    return open_dataset(config.dataset, folders, splits, class_names=class_names)


def _with_named_classes(config: TrainConfig, class_names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The classes and those that only the held-out data have boxes of; None unless COCO's training file names each of these."""
    if config.dataset != "coco":
        return None
    named = listed_classes(config.data, config.split)
    added = set(_open(config, config.held_out_folders, config.eval_split, None).class_names).difference(class_names)
    if not added <= set(named):
        return None
    return tuple(name for name in named if name in {*class_names, *added})


def data_warnings(config: TrainConfig, *, same: bool) -> Iterator[str]:
    """What makes the average precision of a run say nothing; `same` is whether held-out and training data are equal."""
    trained, evaluated = (
        {(folder.resolve(), split) for folder, split in product(folders, splits)}
        for folders, splits in ((config.data, config.split), (config.held_out_folders, config.eval_split))
    )
    both = sorted({split for _, split in trained & evaluated})
    if both or same:
        what = f"the held-out split {' '.join(both)} is" if both else "the held-out pictures are"
        yield f"{what} trained on too, so that the average precision says nothing about new pictures; give another --eval-split"


def data_notes(training: Dataset, difficult: Difficult) -> Iterator[str]:
    """What becomes of objects that the metrics leave out, if there are any among the first records."""
    done = "trained on like the others" if difficult == "train" else "neither trained on nor taken for background"
    for index in range(min(LOOKED_AT, len(training))):
        with suppress(DatasetError):
            record = training[index]
            if record.difficult.any():
                yield f"objects that are marked difficult are {done}; the first are in {record.id}"
                return
