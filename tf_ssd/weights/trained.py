"""What a training run leaves for other commands: a model and the names of its classes."""

from pathlib import Path
from typing import NamedTuple

from tf_ssd.data.classes import read_class_names
from tf_ssd.errors import ConfigError
from tf_ssd.model import SSD
from tf_ssd.system.words import counted
from tf_ssd.weights import load_model
from tf_ssd.weights.places import class_map_of, model_file


class TrainedModel(NamedTuple):
    """A model and the names of its C - 1 classes, None if there is no class map."""

    model: SSD
    class_names: tuple[str, ...] | None


def load_trained(path: Path, *, last: bool = False) -> TrainedModel:
    """The model in a run's folder or in a .keras file, and its class map: NAME.classes.txt of NAME.keras, else classes.txt.

    Of a folder it is the model of the best evaluation, or with `last` that of the last step.

    Raises:
        ConfigError: the class map is of another number of classes.
        DatasetError: the class map cannot be read.
        WeightsError: there is no model, or it cannot be used.
    """
    file = model_file(path, last=last)
    model, classes = load_model(file), class_map_of(file)
    if classes is None:
        return TrainedModel(model, None)
    class_names = read_class_names(classes)
    check_count(model, class_names, str(classes))
    return TrainedModel(model, class_names)


def check_count(model: SSD, class_names: tuple[str, ...], where: str) -> None:
    """Raise ConfigError, which begins with `where`, unless the model has a class for each name."""
    expected = model.config.num_classes - 1
    if len(class_names) != expected:
        raise ConfigError(
            f"{where}: {counted(len(class_names), 'class')}, but the model has {expected}; give the class map of its training"
        )
