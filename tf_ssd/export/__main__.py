"""Write a model for TensorFlow, LiteRT, ONNX, OpenVINO.

# for ONNX Runtime
python -m tf_ssd.export --checkpoint runs/voc --format onnx --output voc.onnx
# for phones, in eight bits
python -m tf_ssd.export --checkpoint runs/voc --format tflite --output voc.tflite --quantize int8 --images photos
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tf_ssd import cli
from tf_ssd.config import ExportConfig, require
from tf_ssd.errors import ExportError
from tf_ssd.system.captured_output import captured_output
from tf_ssd.system.files import UNFINISHED, move_to_new, writing
from tf_ssd.system.words import counted

if TYPE_CHECKING:  # everything heavy is imported when the work starts, so that --help answers at once
    import numpy as np
    from rich.console import Console

    from tf_ssd.data.records import Dataset
    from tf_ssd.errors import ImageError
    from tf_ssd.export.inference import BatchFunction
    from tf_ssd.model import SSD

SKIPPED = 1
CALIBRATED_ON_GENERATED = (
    "note: int8 is calibrated on generated pictures, which are not of the model's classes; give --images or --data of its own"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(export, ExportConfig, arguments, first=check)


def check(config: ExportConfig) -> ExportConfig:
    """Find whatever can be wrong without loading the model or reading annotations; raises as `export`.

    Returns:
        The settings, with the layout of the data, and the best threshold as a number.
    """
    from tf_ssd.data.recognise import recognised
    from tf_ssd.data.sources import check_there
    from tf_ssd.export.packages import check_found
    from tf_ssd.weights.places import model_file
    from tf_ssd.weights.thresholds import with_best_threshold

    check_found(config.format)
    model_file(config.checkpoint, last=config.last)
    for path in config.images:
        require(path.exists(), "--images", str(path), "no such picture or folder")
    config = recognised(config, list(product(config.data, config.split)))
    check_there(config.dataset, config.data, config.split)
    return replace(config, detection=with_best_threshold(config.detection, config.checkpoint, last=config.last))


def export(config: ExportConfig) -> int:
    """Write the artefact, compare it with TensorFlow, and put it in its place; 1 if pictures could not be read, else 0.

    Raises:
        ConfigError: there are no pictures, a package is missing, or the file cannot be written.
        DatasetError: the dataset cannot be read, or none of the pictures.
        ExportError: what was written detects something else; nothing is left of it.
        WeightsError: the model cannot be used.
    """
    from rich.console import Console

    from tf_ssd.export.formats import runner, write
    from tf_ssd.export.packages import check_installed
    from tf_ssd.export.pictures import chosen_pictures
    from tf_ssd.weights.places import which_model
    from tf_ssd.weights.trained import load_trained

    check_installed(config.format)
    console = Console(highlight=False)
    console.print(which_model(config.checkpoint, last=config.last), soft_wrap=True, markup=False)
    model, names = load_trained(config.checkpoint, last=config.last)
    class_names = names or tuple(map(str, range(1, model.config.num_classes)))
    dataset = _dataset(config, class_names)
    pictures, skipped = chosen_pictures(config, dataset)
    if config.quantize == "int8" and not (config.images or config.data) and tuple(dataset.class_names) != class_names:
        console.print(CALIBRATED_ON_GENERATED, soft_wrap=True, markup=False)
    with (
        writing(f"--output {config.output}"),
        TemporaryDirectory(dir=config.output.parent, prefix=UNFINISHED) as scratch,
    ):
        with console.status(f"Converting to {config.format}"), captured_output():
            written = write(model, class_names, pictures, config, Path(scratch))
        artefact = runner(config.format, written)
        with console.status(f"Detecting in {counted(len(pictures), 'picture')}, with TensorFlow and with what was written"):
            _verify(model, artefact, pictures, config, console)
        if _is_measured(dataset, class_names, config):
            skipped += _measure(model, artefact, dataset, config, console)
        move_to_new(written, config.output)
    size = sum(path.stat().st_size for path in (config.output, *config.output.rglob("*")) if path.is_file())
    console.print(f"Written to {config.output}: {size / 1e6:.1f} MB", soft_wrap=True, markup=False)
    for reason in dict.fromkeys(map(str, skipped)):
        console.print(f"skipped: {reason}", soft_wrap=True, markup=False)
    return SKIPPED if skipped else 0


def _dataset(config: ExportConfig, class_names: tuple[str, ...]) -> "Dataset":
    """What --data names, else generated pictures."""
    from tf_ssd.data.sources import open_dataset
    from tf_ssd.data.synthetic import held_out_pictures

    if config.dataset == "synthetic":
        return held_out_pictures(seed=0)
    return open_dataset(config.dataset, config.data, config.split, class_names=class_names)


def _verify(
    model: "SSD", artefact: "BatchFunction", pictures: Sequence["np.ndarray"], config: ExportConfig, console: "Console"
) -> None:
    """Print how far TensorFlow and the artefact are apart; raises ExportError if it is too far."""
    from rich.table import Table

    from tf_ssd.export.agreement import LIMITS, compare, compare_heads, what_counts
    from tf_ssd.export.inference import by_artefact, by_tensorflow, detections
    from tf_ssd.export.pictures import PICTURES, spread

    limits, chosen = LIMITS[config.quantize], spread(pictures, PICTURES)
    settings = None if config.raw_heads else config.detection.of(model.config.detection)
    expected = list(map(by_tensorflow(model, config), chosen))
    found = list(map(by_artefact(artefact, config, batch=2), chosen))
    if settings is None:
        agreement = compare_heads(expected, found, limits)
    else:
        ours, theirs = (list(map(detections, outputs)) for outputs in (expected, found))
        agreement = compare(ours, theirs, limits, settings)
    table = Table(
        "",
        "TensorFlow",
        config.format,
        "allowed",
        title=f"In {counted(len(chosen), 'picture')}",
        caption=what_counts(limits, settings),
    )
    for row in agreement.rows(limits):
        table.add_row(*row)
    console.print(table)
    faults = agreement.faults(limits)
    if faults:
        raise ExportError(f"{config.output}: not written, as it does not detect what the model detects: {'; '.join(faults)}")


def _is_measured(dataset: "Dataset", class_names: tuple[str, ...], config: ExportConfig) -> bool:
    """Whether to measure average precision: on a dataset that was named, or after quantization, if its classes are the model's."""
    asked = bool(config.data) or config.quantize != "none"
    return asked and not config.raw_heads and tuple(dataset.class_names) == class_names


def _measure(
    model: "SSD", artefact: "BatchFunction", dataset: "Dataset", config: ExportConfig, console: "Console"
) -> list["ImageError"]:
    """Print the average precision of the model and of what was written; returns why pictures were skipped."""
    from tf_ssd.export.measure import MOST, measure

    before, after, pictures, skipped = measure(model, artefact, dataset, config, console)
    which = f"{pictures} of " * (pictures < len(dataset)) + counted(len(dataset), "picture")
    spread = ", spread evenly" if len(dataset) > MOST else ""
    change = f"TensorFlow {before:.4f}, {config.format} {after:.4f} ({after - before:+.4f})"
    console.print(f"AP50 on {which}{spread}: {'not defined, as nothing is to be found' if math.isnan(before) else change}")
    return skipped


if __name__ == "__main__":
    sys.exit(main())
