"""What `evaluate` compares: detections of a file or of a model, and the ground truth."""

from dataclasses import replace
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from tf_ssd.config import DefaultBoxesConfig, DetectionConfig, EvaluateConfig
from tf_ssd.data.classes import check_class_names, read_class_names
from tf_ssd.data.notes import RecordNotes
from tf_ssd.data.records import Dataset
from tf_ssd.data.sources import annotation_file, open_dataset
from tf_ssd.data.synthetic import held_out_pictures
from tf_ssd.errors import DatasetError
from tf_ssd.evaluate.coco_ground_truth import read_coco_ground_truth
from tf_ssd.evaluate.coco_results import read_results
from tf_ssd.evaluate.ground_truth import DatasetGroundTruth, anything_counts, dataset_ground_truth
from tf_ssd.evaluate.over_dataset import collected, detections_in
from tf_ssd.metrics.images import ImageDetections
from tf_ssd.model import SSD
from tf_ssd.system.words import counted
from tf_ssd.weights.places import which_model
from tf_ssd.weights.trained import check_count, load_trained


class Found(NamedTuple):
    """Ground truth and what was detected, and where both come from.

    Attributes:
        ground_truth: of each image.
        detections: in each image, in the same order.
        dataset: the records, in whatever order; None if nobody looks at pictures.
        settings: how a model's detections were chosen; None for those of a file.
        boxes: the default boxes of the model; None for detections of a file.
    """

    ground_truth: DatasetGroundTruth
    detections: list[ImageDetections]
    dataset: Dataset | None
    settings: DetectionConfig | None = None
    boxes: DefaultBoxesConfig | None = None


def from_file(config: EvaluateConfig, console: Console) -> Found:
    """The detections of the file `config.detections`; raises as `evaluate`. Says how many images have none."""
    class_names = read_class_names(config.classes) if config.classes else None
    ground_truth = _coco_ground_truth(config, class_names)
    dataset = _dataset(config, class_names) if ground_truth is None or config.report else None
    if ground_truth is None:
        assert dataset is not None
        ground_truth = dataset_ground_truth(dataset)
    assert config.detections is not None
    detections = read_results(config.detections, ground_truth)
    empty = sum(not len(image.labels) for image in detections)
    if empty:
        what = f"{empty} of {counted(len(detections), 'image')} have no detection in {config.detections.name}"
        console.print(f"note: {what}", markup=False, soft_wrap=True)
    return Found(ground_truth, detections, dataset)


def from_model(config: EvaluateConfig, console: Console) -> Found:
    """What the model of `config.checkpoint` detects, with a progress bar; raises as `evaluate`."""
    assert config.checkpoint is not None
    console.print(which_model(config.checkpoint, last=config.last), soft_wrap=True, markup=False)
    model, class_names = _model(config)
    dataset = _dataset(config, class_names)
    if class_names is None:
        check_count(model, dataset.class_names, "the dataset (the model has no classes.txt beside it, and there is no --classes)")
    coco = _coco_ground_truth(config, dataset.class_names)
    if not anything_counts(dataset):
        raise nothing_to_find(config)
    settings = config.detection.of(model.config.detection)
    detections, ground_truth = _detected(config, model, dataset, settings, console)
    if coco is not None:
        places = [ground_truth.position_of[str(image_id)] for image_id in coco.image_ids]
        detections = [detections[place] for place in places]
        ground_truth = replace(coco, sizes=tuple(ground_truth.sizes[place] for place in places))
    return Found(ground_truth, detections, dataset, settings, model.config.boxes)


def nothing_to_find(config: EvaluateConfig) -> DatasetError:
    """That no image has a box that counts."""
    return DatasetError(f"--split {' '.join(config.split)}: no boxes to be found, so no metric is defined; choose another split")


def _detected(
    config: EvaluateConfig, model: SSD, dataset: Dataset, settings: DetectionConfig, console: Console
) -> tuple[list[ImageDetections], DatasetGroundTruth]:
    """Each image's detections and ground truth; says what was noticed in the data."""
    notes = RecordNotes(len(dataset))
    pairs = detections_in(
        dataset,
        model,
        batch_size=config.batch_size,
        settings=settings,
        exif=config.exif,
        notes=notes,
        tiling=config.tiling,
    )
    tracked = track(pairs, "detecting", total=len(dataset), console=console, transient=True)
    found = collected(tracked, dataset.class_names)
    for note in (*dataset.notes, *notes.sentences()):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    return found


def _model(config: EvaluateConfig) -> tuple[SSD, tuple[str, ...] | None]:
    """The model, and the names of its classes: those beside it, which --classes must agree with."""
    assert config.checkpoint is not None
    model, class_names = load_trained(config.checkpoint, last=config.last)
    if config.classes is None:
        return model, class_names
    given = read_class_names(config.classes)
    if class_names is not None:
        check_class_names(class_names, given, f"{config.checkpoint} and {config.classes}")
    check_count(model, given, str(config.classes))
    return model, given


def _dataset(config: EvaluateConfig, class_names: tuple[str, ...] | None) -> Dataset:
    if config.dataset != "synthetic":
        return open_dataset(config.dataset, config.data, config.split, class_names=class_names)
    pictures = held_out_pictures(seed=config.seed)
    if class_names is not None:
        check_class_names(class_names, pictures.class_names, "the model and the generated pictures, which are taken without --data")
    return pictures


def _coco_ground_truth(config: EvaluateConfig, class_names: tuple[str, ...] | None) -> DatasetGroundTruth | None:
    """The ground truth of one COCO file as COCO's own tools take it; None of anything else."""
    if config.dataset != "coco" or len(config.data) * len(config.split) > 1:
        return None
    return read_coco_ground_truth(annotation_file(config.data[0], config.split[0]), class_names=class_names)
