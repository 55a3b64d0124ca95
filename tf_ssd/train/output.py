"""What a run leaves in its folder, and whether it can be left there; known without TensorFlow."""

from pathlib import Path

from tf_ssd.errors import ConfigError
from tf_ssd.system.files import UNFINISHED, writing
from tf_ssd.train.trainer.checkpoints import PREFIX, SUFFIX
from tf_ssd.weights.places import BEST, CLASSES, EVALUATIONS, LOSS, MODEL, THRESHOLDS

RUN, CHECKPOINTS = "run.json", "checkpoints"
RESULTS, PICTURE, CURVES, REPORT = "average_precision.json", "held_out.png", "curves.png", "report.html"
FAILED = "failed-step-"


def check_usable(folder: Path) -> None:
    """Raise ConfigError unless the folder does not exist, is empty or holds a run.

    A process that was killed while it made the folder leaves only the class map and unfinished files.
    """
    with writing(f"--output {folder}"):
        if not folder.exists() or (folder / RUN).exists():
            return
        left = {folder / CLASSES, *unfinished(folder)}
        if any(path not in left for path in folder.iterdir()):
            raise ConfigError(f"--output {folder}: the folder is not empty; choose another, nothing was overwritten")


def unfinished(folder: Path) -> list[Path]:
    """What the files of a run are called while they are written, in its folder."""
    names = (RUN, CLASSES, LOSS, EVALUATIONS, MODEL, BEST, THRESHOLDS, RESULTS, PICTURE, CURVES, REPORT)
    checkpoints = (folder / CHECKPOINTS).glob(f"{UNFINISHED}{PREFIX}*{SUFFIX}")
    return [*(folder / f"{UNFINISHED}{name}" for name in names), *folder.glob(f"{UNFINISHED}{FAILED}*{SUFFIX}"), *checkpoints]
