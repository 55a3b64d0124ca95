"""Average precision of the model and of what was written, on a dataset."""

from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from tf_ssd.config import ExportConfig
from tf_ssd.data.records import Dataset
from tf_ssd.data.subset import Subset
from tf_ssd.errors import ImageError
from tf_ssd.evaluate.over_dataset import detections_in, judged
from tf_ssd.export import inference
from tf_ssd.export.inference import BatchFunction
from tf_ssd.export.pictures import spread
from tf_ssd.model import SSD

MOST = 1000  # pictures, as runtimes take them one at a time
BATCH = 8


class Measured(NamedTuple):
    """AP50 by TensorFlow and by the artefact, on how many pictures, and why the others could not be read."""

    tensorflow: float
    artefact: float
    pictures: int
    skipped: list[ImageError]


def measure(model: SSD, artefact: BatchFunction, dataset: Dataset, config: ExportConfig, console: Console) -> Measured:
    """Detect in up to `MOST` pictures spread over the dataset, by TensorFlow as `tf_ssd.evaluate` does, and by the artefact.

    In a picture that cannot be read neither detects anything.
    """
    part = Subset(dataset, spread(range(len(dataset)), MOST))
    settings, skipped = config.detection.of(model.config.detection), list[ImageError]()
    by_model = detections_in(part, model, batch_size=BATCH, settings=settings, on_bad_image="skip")
    by_artefact = inference.detections_in(part, inference.by_artefact(artefact, config), skipped)
    means = []
    for name, pairs in (("TensorFlow", by_model), (config.format, by_artefact)):
        tracked = track(pairs, f"detecting, {name}", total=len(part), console=console, transient=True)
        judgement = judged(tracked, dataset.class_names, num_classes=model.config.num_classes)
        means.append(judgement.average_precision.mean)
    return Measured(means[0], means[1], len(part) - len(skipped), skipped)
