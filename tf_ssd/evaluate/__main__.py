"""Average precision by the rules of VOC or COCO.

# a trained model
python -m tf_ssd.evaluate --checkpoint runs/voc --dataset voc --data VOCdevkit/VOC2007 --split test
# detections in a file, whoever made them
python -m tf_ssd.evaluate --detections found.json --dataset coco --data coco --split val2017
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from tf_ssd import __version__, cli
from tf_ssd.config import EvaluateConfig, Metric
from tf_ssd.errors import DatasetError

if TYPE_CHECKING:  # everything heavy is imported when the work starts, so that --help answers at once
    from rich.console import Console

    from tf_ssd.evaluate.found import Found
    from tf_ssd.metrics import AveragePrecision
    from tf_ssd.metrics.errors import ErrorReport

TITLES: dict[Metric, str] = {
    "voc07": "PASCAL VOC 2007: average precision at 11 points, IoU 0.5",
    "voc12": "PASCAL VOC 2012: average precision at all points, IoU 0.5",
    "coco": "COCO: average precision at IoU 0.50 to 0.95",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(evaluate, EvaluateConfig, arguments, first=check)


def check(config: EvaluateConfig) -> EvaluateConfig:
    """Find whatever can be wrong without loading the model or reading annotations; raises as `evaluate`.

    Returns:
        The settings, with the layout of the data, and the best threshold as a number.
    """
    from tf_ssd.data.classes import read_class_names
    from tf_ssd.data.recognise import recognised
    from tf_ssd.data.sources import check_there
    from tf_ssd.weights.places import model_file
    from tf_ssd.weights.thresholds import with_best_threshold

    if config.checkpoint is not None:
        model_file(config.checkpoint, last=config.last)
        config = replace(config, detection=with_best_threshold(config.detection, config.checkpoint, last=config.last))
    if config.detections is not None and not config.detections.is_file():
        raise DatasetError(f"--detections {config.detections}: no such file")
    if config.classes is not None:
        read_class_names(config.classes)
    config = recognised(config, list(product(config.data, config.split)))
    check_there(config.dataset, config.data, config.split)
    return config


def evaluate(config: EvaluateConfig) -> None:
    """Compare detections with ground truth, print a table, and write the files that were asked for.

    Raises:
        ConfigError: the class maps of model and dataset differ, or a file cannot be written.
        DatasetError: the dataset or the file of detections cannot be used, or there is nothing to be found.
        WeightsError: the model cannot be used.
    """
    from rich.console import Console

    from tf_ssd.evaluate.errors import error_tables
    from tf_ssd.evaluate.found import from_file, from_model, nothing_to_find
    from tf_ssd.evaluate.tables import tables
    from tf_ssd.metrics import average_precision
    from tf_ssd.metrics.errors import error_report
    from tf_ssd.system.words import counted

    console = Console(highlight=False)
    found = from_file(config, console) if config.detections else from_model(config, console)
    ground_truth, detections = found.ground_truth, found.detections
    if not any((~image.left_out).any() for image in ground_truth.images):
        raise nothing_to_find(config)
    if config.report and not any(len(image.labels) for image in detections):
        raise DatasetError(_nothing_found(config, found))
    metric, num_classes = config.chosen_metric, len(ground_truth.class_names) + 1
    scores = average_precision(detections, ground_truth.images, num_classes=num_classes, metric=metric)
    errors = error_report(detections, ground_truth.images, num_classes=num_classes, metric=metric)
    console.print(f"{TITLES[metric]} ({metric})", style="bold", soft_wrap=True)
    console.print(f"{_what(config)}: {counted(len(ground_truth.images), 'image')}", soft_wrap=True, markup=False)
    for table in (*tables(scores, ground_truth.class_names), *error_tables(errors, ground_truth.class_names)):
        console.print(table)
    _write(config, scores, errors, found, console)


def _nothing_found(config: EvaluateConfig, found: "Found") -> str:
    """Why there is no page."""
    from tf_ssd.system.words import counted

    where = f"in {counted(len(found.ground_truth.images), 'image')}, so that there is nothing for --report to show"
    if found.settings is None:
        return f"--detections {config.detections}: no detections {where}; detect with a lower score threshold"
    nothing = f"nothing scores more than {found.settings.score_threshold:g}"
    return f"--checkpoint {config.checkpoint}: {nothing} {where}; train it first, or lower --score-threshold"


def _what(config: EvaluateConfig) -> str:
    return "generated pictures" if config.dataset == "synthetic" else f"split {', '.join(config.split)}"


def _write(config: EvaluateConfig, scores: "AveragePrecision", errors: "ErrorReport", found: "Found", console: "Console") -> None:
    """The files that were asked for."""
    import msgspec

    from tf_ssd.evaluate.coco_results import write_results
    from tf_ssd.evaluate.curves import curves_png
    from tf_ssd.evaluate.report.evaluated import evaluated
    from tf_ssd.evaluate.report.html_report import html_report
    from tf_ssd.system.files import write_new
    from tf_ssd.system.words import counted

    if config.json:
        report = _report(config, scores, errors, found)
        write_new(config.json, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    if config.plot:
        write_new(config.plot, curves_png(scores, found.ground_truth.class_names, title="Precision over recall at IoU 0.5"))
    if config.results:
        left_out = write_results(config.results, found.detections, found.ground_truth)
        if left_out:
            what = f"{counted(left_out, 'detection')} left out of {config.results}"
            console.print(f"note: {what}: the annotation file does not know their class")
    if config.report:
        with console.status("Collecting the pictures of the report"):
            write_new(config.report, html_report(evaluated(config, scores, errors, found, TITLES[config.chosen_metric])).encode())
    for path in filter(None, (config.json, config.plot, config.results, config.report)):
        console.print(f"Written to {path}", soft_wrap=True, markup=False)


def _report(config: EvaluateConfig, scores: "AveragePrecision", errors: "ErrorReport", found: "Found") -> dict[str, Any]:
    """All numbers; what is not defined is null."""
    from tf_ssd.evaluate.errors import errors_json
    from tf_ssd.evaluate.tables import as_json
    from tf_ssd.system.names import printable
    from tf_ssd.weights.places import model_file

    model = model_file(config.checkpoint, last=config.last) if config.checkpoint else None
    return {
        "version": 2,
        "tf_ssd": __version__,
        "metric": config.chosen_metric,
        "rule": TITLES[config.chosen_metric],
        "evaluated": printable(str(model or config.detections)),
        "detection": asdict(found.settings) if found.settings else None,
        "tiling": asdict(config.tiling) if config.tiling.tiles else None,
        "dataset": {
            "kind": config.dataset,
            "folders": [printable(str(path)) for path in config.data],
            "splits": list(config.split),
        },
        "images": len(found.ground_truth.images),
        "left_out": int(sum(image.left_out.sum() for image in found.ground_truth.images)),
        "detections": sum(len(image.labels) for image in found.detections),
        **as_json(scores, found.ground_truth.class_names),
        "errors": errors_json(errors, found.ground_truth.class_names),
    }


if __name__ == "__main__":
    sys.exit(main())
