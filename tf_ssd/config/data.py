"""Which data a command reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tf_ssd.config.rules import require

DatasetKind = Literal["auto", "synthetic", "voc", "coco", "csv", "yolo", "tfrecord"]
Exif = Literal["ignore", "apply"]
Unlabelled = Literal["keep", "drop"]
OnBadImage = Literal["error", "skip"]


@dataclass(frozen=True)
class DataConfig:
    """Settings of every command that reads a dataset."""

    dataset: DatasetKind = "auto"
    """auto: recognised by what is in --data, and generated pictures without; synthetic: generated pictures; voc: the layout of
    PASCAL VOC; coco: COCO JSON; csv: CSV or text files; yolo: text files with fractions, and data.yaml; tfrecord: TFRecords of the
    Object Detection API."""
    data: tuple[Path, ...] = ()
    """Folder of the dataset, or the data.yaml of yolo; several are joined."""
    split: tuple[str, ...] = ("train",)
    """Splits of each folder, joined. voc: ImageSets/Main/SPLIT.txt, or "all"; coco: annotations/instances_SPLIT.json or
    SPLIT/_annotations.coco.json; csv: SPLIT.csv, or a folder SPLIT with a text file for each image; yolo: a key of data.yaml, or
    images/SPLIT; tfrecord: SPLIT.record, SPLIT.tfrecord or SPLIT.record-?????-of-?????. val, valid and validation are one split."""
    classes: Path | None = None
    """Class map, one class a line in the order of the labels. Default: the classes found."""
    exif: Exif = "ignore"
    """Whether to turn photos as their EXIF data says; boxes nearly always refer to the pixels as they are stored. (Predict, which
    has no boxes to go by, turns them by default.)"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dataset", dataset_kind(self.dataset, self.data))
        synthetic = self.dataset == "synthetic"
        require(synthetic or bool(self.data), "--data", None, f"--dataset {self.dataset} needs the folder of the dataset")
        rule = "--dataset synthetic reads no folder; did you mean --dataset voc, coco, csv, yolo or tfrecord?"
        require(not synthetic or not self.data, "--data", [str(folder) for folder in self.data], rule)
        require(not synthetic or self.classes is None, "--classes", str(self.classes), "generated pictures have their own classes")
        require(bool(self.split), "--split", self.split, "name at least one")


def dataset_kind(kind: DatasetKind, data: tuple[Path, ...]) -> DatasetKind:
    """What `auto` means where that is known without looking into a folder."""
    return "synthetic" if kind == "auto" and not data else kind
