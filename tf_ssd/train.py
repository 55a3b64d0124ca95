"""Train SSD300 and show what it learned.

python -m tf_ssd.train                                            generated pictures, a few minutes on two cores
python -m tf_ssd.train --dataset voc --data VOCdevkit/VOC2007     a folder in the layout of PASCAL VOC
"""

import dataclasses
import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tf_ssd import __version__, cli
from tf_ssd.config import TrainConfig
from tf_ssd.errors import ConfigError

if TYPE_CHECKING:  # everything heavy is imported when a run starts, so that --help answers at once
    from PIL.Image import Image
    from rich.console import Console

    from tf_ssd.data.records import Dataset
    from tf_ssd.evaluation import Evaluation
    from tf_ssd.model import SSD300
    from tf_ssd.trainer import StepResult

HELD_OUT_PICTURES = 200  # of the synthetic dataset
PICTURES_SHOWN, COLUMNS, SCORE_SHOWN = 12, 4, 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(train, TrainConfig, arguments)


def train(config: TrainConfig) -> None:
    """Train, measure average precision on the held-out split, and leave everything in the output folder.

    Raises:
        ConfigError: the output folder holds another run.
        DatasetError: the dataset cannot be used.
        TrainingError: the loss is not finite.
        WeightsError: the weights to start from cannot be used.
    """
    import keras
    from rich.console import Console

    from tf_ssd.weights import save_model

    console = Console(highlight=False)
    training, held_out = _datasets(config)
    for note in (*training.notes, *held_out.notes):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    keras.utils.set_random_seed(config.seed)
    model = _model(config, len(training.class_names) + 1, console)
    folder = _create(config.output_folder(now=datetime.now()))
    _write_run(folder, config, training.class_names)
    console.print(f"{model.count_params():,} parameters, {len(training)} training and {len(held_out)} held-out images")

    _run_steps(model, config, training, folder, console)
    save_model(model, folder / "model.keras")
    evaluation = _evaluate(model, held_out, config.batch_size, console)
    _write_results(evaluation, held_out, folder, console)
    console.print(f"\nWeights, checkpoints, loss history and pictures are in {folder}", soft_wrap=True, markup=False)


def _datasets(config: TrainConfig) -> tuple["Dataset", "Dataset"]:
    """Training and held-out data."""
    if config.data is not None:  # the config has checked that a dataset in files names its folder
        from tf_ssd.data.voc import VocDataset

        training = VocDataset(config.data, config.split)
        return training, VocDataset(config.data, config.eval_split, class_names=training.class_names)
    from tf_ssd.data.synthetic import SyntheticDataset

    # Each seed has its own stream of pictures; no two datasets share one.
    training_seed, held_out_seed = 2 * config.seed, 2 * config.seed + 1
    pictures = config.steps * config.batch_size
    return SyntheticDataset(pictures, seed=training_seed), SyntheticDataset(HELD_OUT_PICTURES, seed=held_out_seed)


def _create(folder: Path) -> Path:
    """Make the output folder, which may exist but must be empty."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"--output {folder}: the folder is not empty; choose another, nothing was overwritten")
    except OSError as error:
        raise ConfigError(f"--output {folder}: cannot be made ({error.strerror})") from None
    return folder


def _model(config: TrainConfig, num_classes: int, console: "Console") -> "SSD300":
    """The network, new or with the weights it starts from."""
    from tf_ssd.model import ssd300
    from tf_ssd.weights import load_model, transfer

    if config.weights is None:
        return ssd300(config.model(num_classes=num_classes))
    start = load_model(config.weights)
    model = ssd300(config.model(num_classes=num_classes, start=start.config))
    new = transfer(start, model)
    heads = f"new heads for {num_classes} classes" if new else "its heads"
    console.print(f"starting from {config.weights}: its body, {heads}", markup=False, soft_wrap=True)
    return model


def _write_run(folder: Path, config: TrainConfig, class_names: Sequence[str]) -> None:
    """What was run: settings, classes and versions, as JSON."""
    import tensorflow as tf

    run = {
        "config": dataclasses.asdict(config),
        "class_names": list(class_names),
        "versions": {"tf_ssd": __version__, "tensorflow": tf.__version__, "python": sys.version.split()[0]},
    }
    (folder / "run.json").write_text(json.dumps(run, indent=2, default=str) + "\n", encoding="utf-8")


def _run_steps(model: "SSD300", config: TrainConfig, dataset: "Dataset", folder: Path, console: "Console") -> None:
    """The training loop, with a progress bar, a line per checkpoint and the loss history in loss.csv."""
    from tf_ssd.data.generator import training_batches
    from tf_ssd.trainer import History, Trainer, adam

    trainer = Trainer(model, adam(config), folder / "checkpoints")
    history = History(folder / "loss.csv")
    batches = training_batches(
        dataset,
        batch_size=config.batch_size,
        image_size=model.config.boxes.image_size,
        seed=config.seed,
        steps=config.steps,
    )
    console.print("Compiling the training step; the first step takes up to a minute.")
    try:
        for result in _with_progress(trainer.train(batches), config, console):
            history.append(result)
            if result.step % config.checkpoint_every == 0 or result.step == config.steps:
                trainer.save()
                console.print(
                    f"step {result.step:6d}   loss {result.total:7.3f} = box {result.localization:6.3f} + class "
                    f"{result.confidence:6.3f}   checkpoint saved"
                )
    finally:
        history.close()


def _with_progress(results: Iterator["StepResult"], config: TrainConfig, console: "Console") -> Iterator["StepResult"]:
    """Pass the results on, showing them in a progress bar. The speed leaves the first step out, which compiles."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    # All of it fits into 80 columns.
    columns = (MofNCompleteColumn(), BarColumn(bar_width=8), TextColumn("{task.fields[status]}"), TimeRemainingColumn())
    progress = Progress(*columns, "left", console=console)
    with progress:
        bar = progress.add_task("train", total=config.steps, status="compiling")
        start = None
        for result in results:
            if start is None:
                start = time.perf_counter()
            else:
                speed = (result.step - 1) * config.batch_size / (time.perf_counter() - start)
                parts = f"box {result.localization:.2f} + class {result.confidence:.2f}"
                progress.update(bar, status=f"loss {result.total:.2f} = {parts}, {speed:.1f} images/s")
            progress.update(bar, completed=result.step)
            yield result


def _evaluate(model: "SSD300", held_out: "Dataset", batch_size: int, console: "Console") -> "Evaluation":
    from tf_ssd.evaluation import evaluate

    with console.status(f"Detecting in {len(held_out)} held-out images"):
        return evaluate(model, held_out, batch_size=batch_size)


def _write_results(evaluation: "Evaluation", held_out: "Dataset", folder: Path, console: "Console") -> None:
    """A table of average precision per class, on screen and as JSON, and a picture of held-out images."""
    from rich.table import Table

    from tf_ssd.draw import save_png

    precision = evaluation.average_precision
    table = Table("class", "boxes", "AP50", title="Held-out average precision at IoU 0.5")
    for name, count, value in zip(held_out.class_names, precision.ground_truth_counts, precision.per_class, strict=True):
        table.add_row(name, str(count), f"{value:.3f}")
    table.add_section()
    table.add_row("mean", str(precision.ground_truth_counts.sum()), f"{precision.mean:.3f}")
    console.print(table)
    per_class = dict(zip(held_out.class_names, map(float, precision.per_class), strict=True))
    results = {"metric": "AP50", "mean": precision.mean, "per_class": per_class}
    (folder / "average_precision.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    save_png(_picture(evaluation, held_out), folder / "held_out.png")


def _picture(evaluation: "Evaluation", held_out: "Dataset") -> "Image":
    """A grid of the first held-out images: detections in colour, ground truth dashed."""
    from tf_ssd.data.records import read_image
    from tf_ssd.draw import draw_detections, grid

    pictures = []
    for index in range(min(PICTURES_SHOWN, len(held_out))):
        found, truth = evaluation.detections[index], evaluation.ground_truth[index]
        sure = found.scores >= SCORE_SHOWN
        picture = draw_detections(
            read_image(held_out[index]),
            found.boxes[sure],
            found.labels[sure],
            found.scores[sure],
            held_out.class_names,
            gt_boxes=truth.boxes,
        )
        pictures.append(picture)
    return grid(pictures, COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
