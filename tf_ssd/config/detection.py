"""How detections are chosen from what a network predicts, by the same words in every command."""

from dataclasses import asdict, dataclass, replace
from typing import Literal

from tf_ssd.config.rules import require


@dataclass(frozen=True)
class DetectionConfig:
    """Which predictions become detections: the arguments of `detect.detect`."""

    score_threshold: float = 0.01
    iou_threshold: float = 0.45
    top_k: int = 400
    max_detections: int = 200
    class_agnostic: bool = False

    def __post_init__(self) -> None:
        require(0 <= self.score_threshold < 1, "--score-threshold", self.score_threshold, "must be from 0 to below 1")
        require(0 < self.iou_threshold <= 1, "--iou-threshold", self.iou_threshold, "must be above 0, up to 1")
        require(self.top_k >= 1, "--top-k", self.top_k, "must be at least 1")
        require(self.max_detections >= 1, "--max-detections", self.max_detections, "must be at least 1")


BEST_THRESHOLD = "best"


@dataclass(frozen=True)
class DetectionFlags:
    """Which predictions become detections, as far as that is not left to the network."""

    score_threshold: float | Literal["best"] | None = None
    """Only what scores more is a detection. best: one for all classes, of the best mean F1 on held-out images, kept by the run.
    The network's own: 0.01 for VGG, 0.001 for MobileNetV3, 1e-8 for V1 and V2."""
    iou_threshold: float | None = None
    """Of two boxes of a class that overlap more, the better one stays. Default: the network's, 0.45, 0.55 and 0.6."""
    top_k: int | None = None
    """How many of each class go through suppression, the best of them; with --class-agnostic, how many of all classes. Default:
    the network's, 400, 300 and 100."""
    max_detections: int | None = None
    """Per picture, after suppression. Default: the network's, 200, 300 and 100."""
    class_agnostic: bool = False
    """Suppression across classes: a box counts for its best class alone, and for one place there is one detection."""

    def __post_init__(self) -> None:
        threshold = self.score_threshold
        number = not isinstance(threshold, str)
        require(number or threshold == BEST_THRESHOLD, "--score-threshold", threshold, f"must be a number, or {BEST_THRESHOLD}")
        known = self if number else replace(self, score_threshold=None)
        known.of(EVALUATED)  # what is out of range is so whatever the network

    def of(self, network: DetectionConfig) -> DetectionConfig:
        """The settings for a network: its own where nothing is given. Raises ConfigError as DetectionConfig does.

        "best" must have been looked up, by `weights.thresholds.with_best_threshold`.
        """
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(network, **{**given, "class_agnostic": self.class_agnostic or network.class_agnostic})


EVALUATED = DetectionConfig()  # as the paper evaluates SSD300, with all that may be found
AS_PUBLISHED = DetectionFlags()  # as the network's own evaluation
SHOWN = DetectionFlags(score_threshold=0.3)  # as people look at it
