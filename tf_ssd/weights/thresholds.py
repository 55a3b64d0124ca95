"""The score thresholds that a run found best for its models; known without TensorFlow."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tf_ssd.config import DetectionFlags
from tf_ssd.config.detection import BEST_THRESHOLD
from tf_ssd.errors import ConfigError
from tf_ssd.system.files import require_file, write_json
from tf_ssd.weights.places import THRESHOLDS, model_file

ADVICE = "evaluate it, python -m tf_ssd.evaluate --checkpoint {path}, and give the threshold that is printed as a number"


def keep_thresholds(folder: Path, model: str, values: dict[str, Any]) -> None:
    """Write down what was found best for a model in the folder of a run; those of its other models stay.

    Args:
        folder: of the run.
        model: the name of the model's file.
        values: of `evaluate.errors.thresholds_json`, and whatever is to stand beside them.
    """
    path = folder / THRESHOLDS
    try:
        before = json.loads(path.read_text(encoding="utf-8")) | {}
    except (OSError, ValueError, TypeError):  # there is none, or nothing that could be read
        before = {}
    write_json(path, {**before, model: values})


def best_threshold(path: Path, *, last: bool = False) -> float:
    """The score threshold of the best mean F1 on the held-out images of a run; arguments as for `model_file`.

    Raises:
        ConfigError: the model was not evaluated, or nothing was found at any threshold.
        WeightsError: there is no model.
    """
    model = model_file(path, last=last)
    file, advice = model.with_name(THRESHOLDS), ADVICE.format(path=path)
    if not file.exists():
        raise ConfigError(f"--score-threshold best: {model} has no {THRESHOLDS} beside it, which a run writes; {advice}")
    try:
        found = json.loads(require_file(file).read_text(encoding="utf-8"))
        threshold = found[model.name]["overall"]["threshold"] if model.name in found else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"--score-threshold best: {file}: cannot be read ({error!r}); {advice}") from error
    if model.name not in found:
        raise ConfigError(f"--score-threshold best: {file} says nothing of {model.name}; {advice}")
    if threshold is None:
        raise ConfigError(f"--score-threshold best: {file}: {model.name} found nothing at any threshold; give a number")
    if not isinstance(threshold, int | float) or not 0 <= threshold < 1:
        raise ConfigError(f"--score-threshold best: {file}: the threshold of {model.name} is {threshold!r}; {advice}")
    return float(threshold)


def with_best_threshold(flags: DetectionFlags, path: Path, *, last: bool = False) -> DetectionFlags:
    """The flags with the number that "best" stands for; raises as `best_threshold`."""
    if flags.score_threshold != BEST_THRESHOLD:
        return flags
    return replace(flags, score_threshold=best_threshold(path, last=last))
