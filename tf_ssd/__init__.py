"""SSD for TensorFlow 2 / Keras 3, verified number by number against an independent PyTorch implementation."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # nothing heavy is imported with the package, so that --help answers at once
    from tf_ssd.predict.detector import Detector

__version__ = "0.2.0"


def networks() -> tuple[str, ...]:
    """The names of the networks that `tf_ssd.model.ssd` builds and `train --network` trains."""
    from tf_ssd.config import NETWORKS

    return tuple(NETWORKS)


def load(
    path: str | Path,
    *,
    last: bool = False,
    score_threshold: float | Literal["best"] = 0.3,
    iou_threshold: float | None = None,
    top_k: int | None = None,
    max_detections: int | None = None,
    class_agnostic: bool = False,
) -> "Detector":
    """The detector in a run's folder or in a .keras file of this package.

        detector = tf_ssd.load("runs/voc")
        detections = detector(images)

    Args:
        path: the folder of a run, whose best.keras is taken, or a .keras file. Classes are those of its class map.
        last: take the model of the run's last step, model.keras, in place of that of its best evaluation.
        score_threshold: only what scores more is a detection; "best": one threshold for all classes, that of the best mean F1 on
            the held-out images of the run.
        iou_threshold: of two boxes of a class that overlap more, the better one stays.
        top_k: how many of a class, the best ones, go through suppression.
        max_detections: how many detections a picture may have.
        class_agnostic: one suppression for all classes, so that there is one detection for one place.

    What is None is as the network has it: 0.45, 400 and 200 for VGG16.

    Raises:
        ConfigError: the class map is of another number of classes, a setting is out of range, the best threshold is not known, or
            Keras is set up for something else than TensorFlow.
        WeightsError: there is no model, or it cannot be used.
    """
    from tf_ssd.config import DetectionFlags
    from tf_ssd.system.keras_settings import check_keras_settings

    check_keras_settings()
    flags = DetectionFlags(score_threshold, iou_threshold, top_k, max_detections, class_agnostic)
    from tf_ssd.predict.detector import Detector
    from tf_ssd.weights.thresholds import with_best_threshold
    from tf_ssd.weights.trained import load_trained

    flags = with_best_threshold(flags, Path(path), last=last)
    model, class_names = load_trained(Path(path), last=last)
    return Detector(model, class_names, settings=flags.of(model.config.detection))
