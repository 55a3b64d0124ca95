"""`python -m tf_ssd.evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from tf_ssd.config.data import DataConfig
from tf_ssd.config.detection import AS_PUBLISHED, DetectionFlags
from tf_ssd.config.rules import require, require_new, require_seed
from tf_ssd.config.tiles import NO_TILES, Tiling
from tf_ssd.errors import ConfigError

Metric = Literal["voc07", "voc12", "coco"]


@dataclass(frozen=True)
class EvaluateConfig(DataConfig):
    """Average precision of a trained model, or of detections in a file, on a dataset."""

    split: tuple[str, ...] = ("test",)
    """Splits of each folder, joined; see --help of train for where they are looked for. Not used for generated pictures."""
    checkpoint: Path | None = None
    """What to evaluate (this, or --detections): the folder of a run, whose best.keras is taken (the best evaluation), or a .keras
    file. Classes are those of classes.txt beside the model, if there."""
    last: bool = False
    """Take the model of the run's last step, model.keras, in place of the best."""
    detections: Path | None = None
    """Detections in the format of COCO results (this, or --checkpoint): no model is then loaded. An image_id is a
    record's id; a category_id is that of the annotations (coco) or the place in the class map, from 1 (others)."""
    metric: Literal[Metric, None] = None
    """voc07: 11 points; voc12: all points, both at IoU 0.5; coco: IoU 0.50 to 0.95. Default: that of the dataset's own tools,
    coco for coco, voc07 for a folder VOC2007, else voc12."""
    detection: Annotated[DetectionFlags, arg(name="")] = AS_PUBLISHED
    tiling: Annotated[Tiling, arg(name="")] = NO_TILES
    batch_size: int = 8
    """Images at a time, and tiles of an image."""
    seed: int = 0
    """With generated pictures: evaluate on those that a training run with this seed held out."""
    json: Path | None = None
    """Write all numbers to this file."""
    plot: Path | None = None
    """Draw precision over recall, a curve for each class, to this .png file."""
    report: Path | None = None
    """Write a page of what is wrong, with the pictures of it, to this .html file: costs of errors, precision and recall over the
    threshold, confusion, the worst false alarms and misses. A run leaves such a page of its held-out images in its folder."""
    results: Path | None = None
    """Write what --checkpoint detects to this .json file, in the format of COCO results."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.checkpoint is None) == (self.detections is None):
            raise ConfigError("--checkpoint, --detections: give one of the two: a model to run, or a file of detections")
        require(self.detections is None or self.results is None, "--results", str(self.results), "--detections are a file already")
        from_file = self.detections is not None and (self.detection, self.tiling) != (AS_PUBLISHED, NO_TILES)
        require(
            not from_file,
            "--detections",
            str(self.detections),
            "these are chosen already: --score-threshold, --tiles and the like are for --checkpoint",
        )
        require(self.batch_size >= 1, "--batch-size", self.batch_size, "must be at least 1")
        require_seed(self.seed)
        require_new(self, json=".json", plot=".png", report=".html", results=".json")

    @property
    def chosen_metric(self) -> Metric:
        """The metric asked for, or that of the dataset's own tools."""
        if self.metric:
            return self.metric
        if self.dataset == "coco":
            return "coco"
        is_voc2007 = self.dataset == "voc" and {folder.resolve().name for folder in self.data} == {"VOC2007"}
        return "voc07" if is_voc2007 else "voc12"
