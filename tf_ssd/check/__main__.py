"""Examine a dataset before training on it.

# all that is wrong in three splits
python -m tf_ssd.check --data VOCdevkit/VOC2007 --split train val test
# the same as a file, and how well the default boxes fit as a picture
python -m tf_ssd.check --dataset coco --data coco --split train2017 val2017 --json report.json --plot coverage.png
"""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from tf_ssd import __version__, cli
from tf_ssd.config import CheckConfig
from tf_ssd.config.networks import DEFAULT_NETWORK
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.captured_output import captured_stderr

if TYPE_CHECKING:  # everything heavy is imported when the check starts, so that --help answers at once
    from rich.console import Console

    from tf_ssd.check.findings import Finding, Findings
    from tf_ssd.check.result import Result
    from tf_ssd.check.survey import Survey
    from tf_ssd.data.records import Dataset

PICTURES = 200  # of each split of the synthetic dataset
ERRORS_FOUND = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(check, CheckConfig, arguments, first=check_paths)


def check_paths(config: CheckConfig) -> CheckConfig:
    """The settings, with the layout of the data; raises DatasetError if the class map cannot be read, or no split is there."""
    from tf_ssd.data.classes import read_class_names
    from tf_ssd.data.recognise import recognised
    from tf_ssd.data.sources import check_there

    if config.classes is not None:
        read_class_names(config.classes)
    config = recognised(config, list(product(config.data, config.split)))
    failed = []
    for split in config.split:
        try:
            check_there(config.dataset, config.data, [split])
        except DatasetError as error:
            failed.append(error)
    if len(failed) == len(config.split):
        raise failed[0]
    return config


def check(config: CheckConfig) -> int:
    """Examine every split, print what was found, and write the files that were asked for; 1 if there are errors, else 0.

    Raises:
        ConfigError: a file cannot be written.
        DatasetError: no split can be opened, or the class map cannot be read.
    """
    from rich.console import Console

    from tf_ssd.check.balance import balancing
    from tf_ssd.check.compare import compare_classes, compare_images, compare_names, compare_splits
    from tf_ssd.check.presets import compare_default_boxes
    from tf_ssd.check.result import Result
    from tf_ssd.check.tables import render

    console = Console(highlight=False)
    opened, failed = _open_splits(config, console)
    with captured_stderr():  # decoders written in C print a line for each flaw that they conceal
        surveys = [_survey(dataset, findings, config, console) for dataset, findings in opened]
    with console.status("Comparing"):
        for survey in surveys:
            compare_images(survey)
        compare_splits(surveys)
        compare_classes(surveys, named=_named_classes(config, surveys))
        compare_names(surveys)
        comparison = compare_default_boxes(surveys[0], config.described, config.boxes)
    balance = None if config.balance is None else balancing(surveys[0], config.balance)
    result = Result(surveys, (*failed, *(finding for survey in surveys for finding in survey.findings)), comparison, balance)
    for part in render(result, _training_command(config)):
        console.print(part)
    for path in _write(config, result, opened[0][0]):
        console.print(f"written: {path}", markup=False, soft_wrap=True)
    return ERRORS_FOUND if result.count("error") else 0


def _open_splits(config: CheckConfig, console: "Console") -> tuple[list[tuple["Dataset", "Findings"]], list["Finding"]]:
    """Every split that can be opened with what was found in doing so, and an error for each of the others."""
    from tf_ssd.check.findings import Finding, Findings
    from tf_ssd.data.classes import read_class_names

    class_names = None if config.classes is None else read_class_names(config.classes)
    opened: list[tuple[Dataset, Findings]] = []
    failed: list[Finding] = []
    for split in config.split:
        findings = Findings(split)
        try:
            with console.status(f"Reading the annotations of {split}"):
                opened.append((_open(config, class_names, findings), findings))
        except DatasetError as error:
            failed.append(Finding("error", "splits that cannot be opened", split, str(error), error.place or Place(split)))
    if not opened:
        raise DatasetError("; ".join(finding.message for finding in failed))
    union = sorted({name for dataset, _ in opened for name in dataset.class_names})
    for number, (dataset, found) in enumerate(opened):
        if number and union and not dataset.class_names:  # without boxes, a split has no classes of its own; training needs some
            again = Findings(found.split)
            opened[number] = (_open(config, union, again), again)
    return opened, failed


def _open(config: CheckConfig, class_names: Sequence[str] | None, findings: "Findings") -> "Dataset":
    from tf_ssd.data.sources import open_dataset
    from tf_ssd.data.synthetic import SyntheticDataset

    if config.dataset == "synthetic":
        return SyntheticDataset(PICTURES, seed=config.split.index(findings.split))
    splits = [findings.split]
    return open_dataset(config.dataset, config.data, splits, class_names=class_names, notes=findings)


def _named_classes(config: CheckConfig, surveys: list["Survey"]) -> tuple[str, ...]:
    """Classes that training knows although its split has no boxes of them: those that COCO's annotation file names.

    All, if the split that is trained on cannot be opened: nobody knows what it would have.
    """
    from tf_ssd.data.sources import listed_classes

    if surveys[0].split != config.split[0]:
        return tuple(name for survey in surveys for name in survey.class_names)
    if config.dataset == "coco" and config.classes is None:
        with surveys[0].findings.tolerating():
            return listed_classes(config.data, config.split[:1])
    return ()


def _training_command(config: CheckConfig) -> list[str]:
    """The command that trains on the first split, without settings of the default boxes."""
    flags = ["--dataset", config.dataset, *(["--data", *map(str, config.data)] if config.data else [])]
    if config.dataset != "synthetic":
        flags += ["--split", config.split[0], *(["--eval-split", config.split[1]] if len(config.split) > 1 else [])]
    if config.classes is not None:
        flags += ["--classes", str(config.classes)]
    if config.exif != "ignore":
        flags += ["--exif", config.exif]
    if config.network != DEFAULT_NETWORK:
        flags += ["--network", config.network]
    if config.recipe not in ("quick", "finetune"):  # the latter would ask for weights as well
        flags += ["--recipe", config.recipe]
    if config.balance is not None:
        flags += ["--balance", f"{config.balance:g}"]
    return ["python", "-m", "tf_ssd.train", *flags]


def _survey(dataset: "Dataset", findings: "Findings", config: CheckConfig, console: "Console") -> "Survey":
    """Look at every image, with a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from tf_ssd.check.survey import facts, survey

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), "images", TimeRemainingColumn(), "left")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tracked = progress.track(facts(dataset, findings, exif=config.exif), total=len(dataset), description=findings.split)
        return survey(findings.split, dataset.class_names, findings, list(tracked))


def _write(config: CheckConfig, result: "Result", dataset: "Dataset") -> Iterator[Path]:
    """Write the files that were asked for; a picture of boxes only where there are any."""
    from tf_ssd.check.plot import coverage_png
    from tf_ssd.check.report import report
    from tf_ssd.check.sheet import contact_sheet
    from tf_ssd.drawing.pictures import png_bytes
    from tf_ssd.system.files import json_bytes, write_new

    if config.json is not None:
        content = {"tf_ssd": __version__, "config": dataclasses.asdict(config), **report(result)}
        write_new(config.json, json_bytes(content))
        yield config.json
    if config.plot is not None and result.comparison is not None:
        write_new(config.plot, coverage_png(result.comparison))
        yield config.plot
    if config.show_augmentation is not None and result.comparison is not None:
        title = f"Left: as it is. Others: as training with --augmentation {config.shown_augmentation} sees it, drawn anew each time"
        side = config.described.boxes.image_size
        sheet = contact_sheet(dataset, config=config.augment(), exif=config.exif, title=title, image_size=side)
        write_new(config.show_augmentation, png_bytes(sheet))
        yield config.show_augmentation


if __name__ == "__main__":
    sys.exit(main())
