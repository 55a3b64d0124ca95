"""Where a model and the names of its classes lie; known without TensorFlow."""

import zipfile
from pathlib import Path

from tf_ssd.errors import WeightsError

MODEL, BEST, CLASSES, THRESHOLDS = "model.keras", "best.keras", "classes.txt", "thresholds.json"
LOSS, EVALUATIONS = "loss.csv", "evaluations.csv"  # of the run, beside its models


def model_file(path: Path, *, last: bool = False) -> Path:
    """The .keras file that a run's folder or a file stands for.

    Args:
        path: a file; or the folder of a run: then the model of its best evaluation, or, if none is defined, that of its last step.
        last: take the model of the last step. Only for folders.

    Raises:
        WeightsError: it is not there, or is no such file.
    """
    if last and path.is_file():
        raise WeightsError(f"{path}: --last chooses one of the models in the folder of a run, and this is a file; leave it out")
    best = not last and (path / BEST).is_file()
    file = path / (BEST if best else MODEL) if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        what = f"the folder holds no {MODEL}, which a run writes at its end (with --overfit-one-batch none)"
        raise WeightsError(f"{path}: {what}; let the run end, or give a .keras file")
    if not path.exists() and path.suffix != ".keras":
        raise WeightsError(f"{path}: no such file or folder; give the folder of a run, or a .keras file")
    check_model_file(file)
    return file


def which_model(path: Path, *, last: bool = False) -> str:
    """A sentence on which model `model_file` takes."""
    if not path.is_dir():
        return f"model: {path}"
    file = model_file(path, last=last)
    kind = "of the best evaluation; --last takes that of the last step" if file.name == BEST else "of the last step"
    return f"model: {file}, {kind}"


def check_model_file(path: Path) -> None:
    """Raise WeightsError unless there is an archive whose name ends in .keras."""
    if path.suffix != ".keras":
        raise WeightsError(f"{path}: the suffix must be .keras; python -m tf_ssd.weights turns published weights into such a file")
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise WeightsError(f"{path}: not a .keras file, or not a whole one (it is no ZIP archive)")


def own_class_map(file: Path) -> Path:
    """The class map of one .keras file among others: coco.classes.txt of coco.keras."""
    return file.with_name(f"{file.stem}.{CLASSES}")


def class_map_of(file: Path) -> Path | None:
    """The class map of a .keras file: its own, else classes.txt beside it; None if there is neither."""
    return next((path for path in (own_class_map(file), file.with_name(CLASSES)) if path.is_file()), None)
