"""Detect in pictures.

python -m tf_ssd.predict --checkpoint runs/voc photos --output found
python -m tf_ssd.predict --checkpoint runs/voc - < photo.jpg
"""

import csv
import glob
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tf_ssd import cli
from tf_ssd.config import PredictConfig
from tf_ssd.config.predict import STDIN
from tf_ssd.errors import ConfigError, ImageError
from tf_ssd.files import write_json, written_beside

if TYPE_CHECKING:  # everything heavy is imported when the work starts, so that --help answers at once
    import numpy as np
    from rich.console import Console

    from tf_ssd.detector import Detections, Detector

Item = TypeVar("Item")
SKIPPED = 1
JSON, CSV = "detections.json", "detections.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(predict, PredictConfig, arguments)


def predict(config: PredictConfig) -> int:
    """Detect in all pictures and write what was found; 1 if some could not be read, else 0.

    Raises:
        ConfigError: there are no pictures, or the output folder cannot be used.
        ImageError: the picture on standard input cannot be read.
        WeightsError: the model cannot be used.
    """
    from tf_ssd.detector import Detector
    from tf_ssd.runs import load_run

    pictures = [] if config.images == (STDIN,) else find_pictures(config.images)
    detector = Detector(*load_run(config.checkpoint), score_threshold=config.score_threshold, exif=config.exif)
    if config.output is None:
        print(_as_json(detector(sys.stdin.buffer.read())))
        return 0
    folder = _create(config.output)
    try:
        return SKIPPED if _detect_in_files(pictures, detector, folder, config) else 0
    except OSError as error:
        raise ConfigError(f"--output {folder}: cannot be written ({error.strerror or error}); choose another place") from error


def find_pictures(names: Sequence[str]) -> list[Path]:
    """The files that are named, those in the folders that are named, and those that fit patterns, each once.

    Raises:
        ConfigError: a name stands for no picture.
    """
    from tf_ssd.data.paths import IMAGE_SUFFIXES

    found: dict[Path, None] = {}
    for name in names:
        paths = [Path(name)] if Path(name).exists() else sorted(map(Path, glob.glob(name, recursive=True)))  # noqa: PTH207  may be absolute
        pictures = [picture for path in paths for picture in _pictures_in(path)]
        if not pictures:
            raise ConfigError(f"{name}: no such picture, or a folder without any ({' '.join(IMAGE_SUFFIXES)})")
        found |= dict.fromkeys(pictures)
    return list(found)


def _pictures_in(path: Path) -> list[Path]:
    from tf_ssd.data.paths import IMAGE_SUFFIXES

    if not path.is_dir():
        return [path]
    return sorted(inside for inside in path.rglob("*") if inside.suffix.lower() in IMAGE_SUFFIXES and inside.is_file())


def _create(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / JSON).exists():
            raise ConfigError(f"--output {folder}: the folder holds results; choose another, nothing was overwritten")
    except OSError as error:
        raise ConfigError(f"--output {folder}: cannot be made ({error.strerror})") from error
    return folder


def _detect_in_files(pictures: Sequence[Path], detector: "Detector", folder: Path, config: PredictConfig) -> int:
    """Returns how many pictures were skipped."""
    from rich.console import Console
    from rich.progress import Progress

    from tf_ssd.detector import MANY
    from tf_ssd.draw import draw_detections
    from tf_ssd.metrics.images import to_fractions

    console = Console(highlight=False, stderr=True)
    found: dict[str, Detections] = {}
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("detecting", total=len(pictures))
        for batch in batched(_named(pictures), MANY):
            readable = list(_readable(batch, config, console))
            detected = detector([encoded for _, _, encoded, _ in readable])  # read as in evaluation, large pictures reduced
            for (name, path, _, pixels), detections in zip(readable, detected, strict=True):
                boxes = to_fractions(detections.boxes_px, detections.size)
                picture = draw_detections(pixels, boxes, detections.labels, detections.scores, detector.class_names)
                with written_beside(folder / name) as unfinished:
                    picture.save(unfinished, quality=92)
                found[str(path)] = detections
            progress.advance(bar, len(batch))
    _write(folder, found)
    detections_found = sum(map(len, found.values()))
    console.print(f"{len(found)} pictures, {detections_found} detections, in {folder}", soft_wrap=True, markup=False)
    return len(pictures) - len(found)


def _readable(
    batch: Sequence[tuple[str, Path]], config: PredictConfig, console: "Console"
) -> Iterator[tuple[str, Path, bytes, "np.ndarray"]]:
    """The pictures that can be decoded, and their pixels; the others are named."""
    from tf_ssd.data.decode import decode, read_file

    for name, path in batch:
        try:
            encoded = read_file(path)
            yield name, path, encoded, decode(encoded, str(path), exif=config.exif)
        except ImageError as error:
            console.print(f"skipped: {error}", markup=False, soft_wrap=True)


def _named(pictures: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """A name for the annotated copy of each picture: its own, numbered where another one has it."""
    used: set[str] = set()
    for path in pictures:
        suffix = ".png" if path.suffix.lower() == ".png" else ".jpg"
        name, number = path.stem + suffix, 2
        while name in used:
            name, number = f"{path.stem}-{number}{suffix}", number + 1
        used.add(name)
        yield name, path


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of up to `size` items (itertools has it from Python 3.12 on)."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _write(folder: Path, found: dict[str, "Detections"]) -> None:
    """All detections: in the format of COCO results, with the file as image_id and the label as category_id; and as CSV."""
    results = [{"image_id": name, **row} for name, detections in found.items() for row in _results(detections)]
    write_json(folder / JSON, results)
    with written_beside(folder / CSV) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "class", "score", "xmin", "ymin", "xmax", "ymax"))
        for name, detections in found.items():
            for class_name, score, box in zip(detections.names, detections.scores, detections.boxes_px, strict=True):
                writer.writerow((name, class_name, f"{score:.4f}", *(f"{corner:.2f}" for corner in box)))


def _results(detections: "Detections") -> Iterator[dict[str, Any]]:
    from tf_ssd.metrics.images import to_xywh

    columns = (detections.labels, to_xywh(detections.boxes_px), detections.scores)
    for label, bbox, score in zip(*(column.tolist() for column in columns), strict=True):
        yield {"category_id": label, "bbox": bbox, "score": score}


def _as_json(detections: "Detections") -> str:
    """One picture's detections, with the names of their classes."""
    rows = [{"class": name, **row} for name, row in zip(detections.names, _results(detections), strict=True)]
    return json.dumps({"width": detections.size[0], "height": detections.size[1], "detections": rows})


if __name__ == "__main__":
    sys.exit(main())
