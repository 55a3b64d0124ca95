"""SSD300 for TensorFlow 2 / Keras 3, verified number by number against an independent PyTorch implementation."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # nothing heavy is imported with the package, so that --help answers at once
    from tf_ssd.predict.detector import Detector

__version__ = "0.1.0"


def load(path: str | Path, *, score_threshold: float = 0.3) -> "Detector":
    """The detector in a run's folder or in a .keras file of this package.

        detector = tf_ssd.load("runs/voc")
        detections = detector(images)

    Args:
        path: the folder of a run, whose model.keras is taken, or a .keras file. Classes are those of its class map.
        score_threshold: detections below it are left out.

    Raises:
        ConfigError: the class map is of another number of classes, or Keras is set up for something else than TensorFlow.
        WeightsError: there is no model, or it cannot be used.
    """
    from tf_ssd.system.keras_settings import check_keras_settings

    check_keras_settings()
    from tf_ssd.predict.detector import Detector
    from tf_ssd.weights.trained import load_trained

    return Detector(*load_trained(Path(path)), score_threshold=score_threshold)
