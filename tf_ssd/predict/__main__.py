"""Detect in pictures and videos.

python -m tf_ssd.predict --checkpoint runs/voc photos --output found
python -m tf_ssd.predict --checkpoint runs/voc street.mp4 --output found
python -m tf_ssd.predict --checkpoint runs/voc - < photo.jpg
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tf_ssd import cli
from tf_ssd.config import PredictConfig
from tf_ssd.config.predict import STDIN
from tf_ssd.errors import ConfigError
from tf_ssd.system.files import writing

if TYPE_CHECKING:  # everything heavy is imported when the work starts, so that --help answers at once
    from tf_ssd.predict.detector import Detector
    from tf_ssd.predict.inputs import Input

SKIPPED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(predict, PredictConfig, arguments)


def predict(config: PredictConfig) -> int:
    """Detect in all pictures and videos and write what was found; 1 if some could not be read, else 0.

    Raises:
        ConfigError: there are no pictures, or the output folder cannot be used, or PyAV is needed and not installed.
        ImageError: the picture on standard input cannot be read.
        WeightsError: the model cannot be used.
    """
    from tf_ssd.predict.detector import Detector
    from tf_ssd.predict.outputs import as_json
    from tf_ssd.weights.trained import load_trained

    inputs = [] if config.images == (STDIN,) else _inputs(config)
    detector = Detector(*load_trained(config.checkpoint), score_threshold=config.score_threshold, exif=config.exif)
    if config.output is None:
        print(as_json(detector(sys.stdin.buffer.read())))
        return 0
    with writing(f"--output {config.output}"):
        _create(config.output)
        return SKIPPED if _detect_in_all(inputs, detector, config.output, config) else 0


def _inputs(config: PredictConfig) -> list["Input"]:
    from tf_ssd.predict.inputs import check_apart, find_inputs, with_copies
    from tf_ssd.predict.video import import_av, is_video

    paths = find_inputs(config.images)
    videos = [path for path in paths if is_video(path)]
    if videos:
        if config.explain:
            raise ConfigError(f"--explain: explains pictures; leave out the video {videos[0]}")
        import_av()
    inputs = list(with_copies(paths, explain=config.explain))
    if config.output is not None:
        check_apart(inputs, config.output, explain=config.explain)
    return inputs


def _create(folder: Path) -> None:
    from tf_ssd.predict.outputs import JSON

    folder.mkdir(parents=True, exist_ok=True)
    if (folder / JSON).exists():
        raise ConfigError(f"--output {folder}: the folder holds results; choose another, nothing was overwritten")


def _detect_in_all(inputs: Sequence["Input"], detector: "Detector", folder: Path, config: PredictConfig) -> int:
    """Returns how many inputs were skipped."""
    from rich.console import Console

    from tf_ssd.predict.annotate import Annotator
    from tf_ssd.predict.outputs import detection_files
    from tf_ssd.predict.video import is_video

    console = Console(highlight=False, stderr=True)
    pictures = [item for item in inputs if not is_video(item.path)]
    videos = [item for item in inputs if is_video(item.path)]
    with detection_files(folder) as files:
        annotator = Annotator(detector, folder, files, console)
        skipped = annotator.copy_pictures(pictures, exif=config.exif, explain=config.explain)
        skipped += sum(not annotator.copy_video(video) for video in videos)
    frames = " and frames" if videos else ""
    counts = f"{files.pictures} pictures{frames}, {files.detections} detections, in {folder}"
    console.print(counts, soft_wrap=True, markup=False)
    return skipped


if __name__ == "__main__":
    sys.exit(main())
