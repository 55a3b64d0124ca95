"""How well a model being trained detects in images it has not seen: along the way, and at the end."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL.Image import Image
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tf_ssd.boxes_px import resized
from tf_ssd.config import TrainConfig
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.notes import RecordNotes
from tf_ssd.data.records import Dataset
from tf_ssd.drawing.pictures import draw_detections, grid
from tf_ssd.drawing.sheets import captioned, small_png
from tf_ssd.errors import ImageError
from tf_ssd.evaluate.errors import thresholds_json
from tf_ssd.evaluate.over_dataset import Evaluation, detections_in, judged
from tf_ssd.evaluate.tables import or_none, shown
from tf_ssd.model import SSD
from tf_ssd.system.files import write_bytes, write_json
from tf_ssd.system.signals import until_stopped
from tf_ssd.train.output import PICTURE, RESULTS
from tf_ssd.train.stretches import Stretch
from tf_ssd.train.trainer.history import History
from tf_ssd.weights import save_model
from tf_ssd.weights.places import BEST, EVALUATIONS, MODEL
from tf_ssd.weights.thresholds import keep_thresholds

PICTURES_SHOWN, COLUMNS, SCORE_SHOWN = 12, 4, 0.5
MOST_BYTES = 2_000_000  # of the file of the picture
CAPTION = (
    f"Held-out pictures. Dashed: ground truth. In colour, with class and score: detected, with a score of {SCORE_SHOWN} or more"
)


class HeldOut:
    """Evaluates on one dataset, and keeps the best model so far as best.keras, with its best score thresholds in thresholds.json.

    Args:
        dataset: the held-out records.
        config: of the run.
        folder: of the run.
        step: the step that the run continues after.
        stretch: of the run, the present one: evaluations without a better one count from its beginning, and it ends with one.
        stop: whether an evaluation is to be given up.
    """

    def __init__(
        self, dataset: Dataset, config: TrainConfig, folder: Path, *, step: int, stretch: Stretch, stop: Callable[[], bool]
    ) -> None:
        self._dataset, self._config, self._folder, self._stretch, self._stop = dataset, config, folder, stretch, stop
        self._history = History(folder / EVALUATIONS, ("step", "mean_ap"), step=step)
        self._means = {int(step): float(mean) for step, mean in self._history.kept}
        self._last: tuple[int, Evaluation] | None = None
        self._notes = RecordNotes(len(dataset))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what was skipped, dropped or clipped in any of the evaluations."""
        return self._notes.sentences()

    @property
    def last(self) -> Evaluation | None:
        """The one that was made last."""
        return self._last[1] if self._last else None

    @property
    def best(self) -> tuple[int, float]:
        """Step and mean of the best evaluation, the first of equals; the step 0, and minus infinity, before one is defined."""
        best = (0, -np.inf)
        for step, mean in self._means.items():
            best = (step, mean) if mean > best[1] else best
        return best

    @property
    def without_better(self) -> int:
        """How many evaluations of this stretch have come after the best of all."""
        best, _ = self.best
        return sum(step > max(best, self._stretch.first) for step in self._means)

    def close(self) -> None:
        """Close the file of evaluations."""
        self._history.close()

    def is_due(self, step: int) -> bool:
        """Whether the model is to be evaluated after `step` steps, which are not all steps of the run, and was not yet."""
        every, last = self._config.eval_every, self._stretch.last
        return every is not None and 0 < step < last and step % every == 0 and step not in self._means

    def evaluate(self, model: SSD, step: int) -> Evaluation:
        """Detect in every image, note the average precision, and keep the model if it is the best; raises Stopped.

        What was evaluated last is not evaluated again. An earlier process that was killed before it wrote results may have noted an
        evaluation: then this one, which is equal, is not noted.
        """
        if self._last and self._last[0] == step:
            return self._last[1]
        evaluation = self._evaluation(model)
        self._last = (step, evaluation)
        if step not in self._means:
            mean = float(evaluation.average_precision.mean)
            if mean > self.best[1]:
                save_model(model, self._folder / BEST)
                self._keep_thresholds(BEST, evaluation, step)
            self._history.append((step, mean))
            self._history.sync()
            self._means[step] = mean
        return evaluation

    def _keep_thresholds(self, model: str, evaluation: Evaluation, step: int) -> None:
        """Write down the best thresholds of a model beside it."""
        values = thresholds_json(evaluation.errors.thresholds, self._dataset.class_names)
        keep_thresholds(self._folder, model, {"step": step, **values})

    def _evaluation(self, model: SSD) -> Evaluation:
        config, dataset = self._config, self._dataset
        found = detections_in(
            dataset,
            model,
            batch_size=config.settings().batch_size,
            exif=config.exif,
            on_bad_image=config.on_bad_image,
            notes=self._notes,
        )
        return judged(until_stopped(found, self._stop), dataset.class_names, num_classes=model.config.num_classes)

    def report(self, evaluation: Evaluation, step: int, picture: Image | None, console: Console) -> None:
        """Average precision per class and best thresholds, on screen and as JSON, and a picture of held-out images, if any."""
        precision, names = evaluation.average_precision, self._dataset.class_names
        table = Table("class", "boxes", "AP50", title="Held-out average precision at IoU 0.5")
        for name, count, value in zip(names, precision.ground_truth_counts, precision.per_class, strict=True):
            table.add_row(escape(name), str(count), shown(value))
        table.add_section()
        table.add_row("mean", str(precision.ground_truth_counts.sum()), shown(precision.mean))
        console.print(table)
        console.print(_on_thresholds(evaluation, step), soft_wrap=True)
        if picture is not None:
            write_bytes(self._folder / PICTURE, small_png(picture, most_bytes=MOST_BYTES))
        self._keep_thresholds(MODEL, evaluation, step)
        per_class = {name: or_none(value) for name, value in self.by_name(evaluation).items()}
        results = {"metric": "AP50", "step": step, "mean": or_none(precision.mean), "per_class": per_class}
        write_json(self._folder / RESULTS, results)

    def by_name(self, evaluation: Evaluation) -> dict[str, float]:
        """Average precision of each class."""
        return dict(zip(self._dataset.class_names, map(float, evaluation.average_precision.per_class), strict=True))

    def picture(self, evaluation: Evaluation) -> Image | None:
        """A grid of the first held-out images: detections in colour, ground truth dashed; None if none of them can be read."""
        pictures = []
        for index in range(min(PICTURES_SHOWN, len(self._dataset))):
            record, found, truth = self._dataset[index], evaluation.detections[index], evaluation.ground_truth[index]
            try:
                image = read_image(record, exif=self._config.exif)
            except ImageError:
                continue  # it has been skipped, and noted
            height, width, _ = image.shape
            size, sure = record.size or (width, height), found.scores >= SCORE_SHOWN  # the annotation may say another size
            picture = draw_detections(
                image,
                resized(found.boxes_px[sure], size, (width, height)),
                found.labels[sure],
                found.scores[sure],
                self._dataset.class_names,
                gt_boxes_px=resized(truth.boxes_px, size, (width, height)),
            )
            pictures.append(picture)
        return captioned(grid(pictures, COLUMNS), CAPTION) if pictures else None


def _on_thresholds(evaluation: Evaluation, step: int) -> str:
    """A sentence on the best score threshold."""
    points, threshold = evaluation.errors.thresholds.at_overall, evaluation.errors.thresholds.overall
    if np.isnan(threshold):
        return f"Best score threshold of {MODEL}, of step {step}: none, as nothing is found."
    means = f"precision is {shown(points.mean_precision)}, recall {shown(points.mean_recall)}, F1 {shown(points.mean_f1)}"
    return f"Best score threshold of {MODEL}, of step {step}: {threshold:.12g}, where the mean {means}."
