"""Detect in pictures and videos.

# a folder of photos
python -m tf_ssd.predict photos --checkpoint runs/voc
# a video
python -m tf_ssd.predict street.mp4 --checkpoint runs/voc --output found
# one photo, as JSON
python -m tf_ssd.predict - --checkpoint runs/voc < photo.jpg
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tf_ssd import cli
from tf_ssd.config import PredictConfig, require
from tf_ssd.config.predict import STDIN
from tf_ssd.errors import ConfigError, ImageError
from tf_ssd.system.captured_output import captured_stderr
from tf_ssd.system.files import check_free, writing
from tf_ssd.system.words import counted

if TYPE_CHECKING:  # everything heavy is imported when the work starts, so that --help answers at once
    from tf_ssd.predict.detector import Detector
    from tf_ssd.predict.inputs import Found, Input

SKIPPED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(predict, PredictConfig, arguments, first=check)


def check(config: PredictConfig) -> PredictConfig:
    """Find whatever can be wrong without loading the model; raises as `predict`.

    Returns:
        The settings, with the best threshold as a number.
    """
    from tf_ssd.weights.places import model_file
    from tf_ssd.weights.thresholds import with_best_threshold

    model_file(config.checkpoint, last=config.last)
    detection = with_best_threshold(config.detection, config.checkpoint, last=config.last)
    if detection != config.detection:
        print(f"score threshold: {detection.score_threshold:.12g}, the best on the run's held-out images", file=sys.stderr)
    if config.images != (STDIN,):
        found = _found(config)
        _inputs(config, found, config.output_folder(now=datetime.now()))
        _check_tiles(config, found)
    return replace(config, detection=detection)


def predict(config: PredictConfig) -> int:
    """Detect in all pictures and videos and write what was found; 1 if some could not be read, else 0.

    Raises:
        ConfigError: there are no pictures, or tiles of one would be tiny, or the output folder cannot be used, or PyAV is needed
            and not installed.
        ImageError: the picture on standard input cannot be read.
        WeightsError: the model cannot be used.
    """
    from tf_ssd.predict.detector import Detector
    from tf_ssd.predict.outputs import as_json
    from tf_ssd.weights.places import which_model
    from tf_ssd.weights.trained import load_trained

    print(which_model(config.checkpoint, last=config.last), file=sys.stderr)
    model, class_names = load_trained(config.checkpoint, last=config.last)
    detector = Detector(model, class_names, settings=config.detection.of(model.config.detection), exif=config.exif)
    if config.images == (STDIN,):
        cli.print_text(as_json(detector(sys.stdin.buffer.read(), **asdict(config.tiling))))
        return 0
    folder, found = config.output_folder(now=datetime.now()), _found(config)
    inputs = _inputs(config, found, folder)
    with writing(f"--output {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        skipped = _detect_in_all(inputs, found, detector, folder, config)
    return SKIPPED if skipped + found.photos_left_out else 0


def _found(config: PredictConfig) -> "Found":
    from tf_ssd.predict.inputs import find_inputs
    from tf_ssd.predict.video import import_av, is_video

    found = find_inputs(config.images)
    videos = [path for path in found.paths if is_video(path)]
    if videos:
        if config.explain:
            raise ConfigError(f"--explain: explains pictures; leave out the video {videos[0]}")
        import_av()
    return found


def _check_tiles(config: PredictConfig, found: "Found") -> None:
    """Raise ConfigError if a picture that can be read is too small for the tiles that are asked for."""
    from tf_ssd.data.images.decode import read_file_header
    from tf_ssd.data.images.tiles import check_size
    from tf_ssd.predict.video import is_video

    if not isinstance(config.tiling.tiles, int):
        return
    for path in found.paths:
        if is_video(path):
            continue
        with suppress(ImageError):  # it will be skipped
            check_size(read_file_header(path).shown_size(config.exif), config.tiling, str(path))


def _inputs(config: PredictConfig, found: "Found", folder: Path) -> list["Input"]:
    """The inputs with the names of their copies, none of which is taken in the folder."""
    from tf_ssd.predict.inputs import CSV, JSON, check_apart, with_copies

    require(folder.is_dir() or not os.path.lexists(folder), "--output", str(folder), "is no folder; choose a folder")
    inputs = list(with_copies(found.paths, explain=config.explain))
    with writing(f"--output {folder}"):
        check_apart(inputs, folder, explain=config.explain)
        if not config.overwrite:
            names = [JSON, CSV, *(name for item in inputs for name in item.written(explain=config.explain))]
            check_free(folder, names, "--output")
    return inputs


def _detect_in_all(inputs: Sequence["Input"], found: "Found", detector: "Detector", folder: Path, config: PredictConfig) -> int:
    """Returns how many inputs were skipped."""
    from rich.console import Console

    from tf_ssd.predict.annotate import Annotator
    from tf_ssd.predict.inputs import listed
    from tf_ssd.predict.outputs import detection_files
    from tf_ssd.predict.video import is_video

    pictures = [item for item in inputs if not is_video(item.path)]
    videos = [item for item in inputs if is_video(item.path)]
    # Decoders written in C print a line for each flaw that they conceal.
    with captured_stderr() as stderr, detection_files(folder, overwrite=config.overwrite) as files:
        console = Console(highlight=False, file=stderr)
        annotator = Annotator(detector, folder, files, console, tiling=config.tiling, overwrite=config.overwrite)
        skipped = annotator.copy_pictures(pictures, exif=config.exif, explain=config.explain)
        skipped += sum(not annotator.copy_video(video) for video in videos)
        if found.left_out:
            console.print(f"left out: {listed(found.left_out)}", soft_wrap=True, markup=False)
        seen = counted(files.pictures, "image" if videos else "picture")
        counts = f"{seen}, {counted(files.detections, 'detection')}, in {folder}"
        console.print(counts, soft_wrap=True, markup=False)
    return skipped


if __name__ == "__main__":
    sys.exit(main())
