"""How detections are chosen from what a network predicts, by the same words in every command."""

from dataclasses import dataclass

from tf_ssd.config.rules import require


@dataclass(frozen=True)
class DetectionConfig:
    """Which predictions become detections: the arguments of `detect.detect`."""

    score_threshold: float = 0.01
    """Only what scores more is a detection."""
    iou_threshold: float = 0.45
    """Of two boxes of a class that overlap more, the better one stays."""
    top_k: int = 400
    """How many of each class go through suppression, the best of them; with --class-agnostic, how many of all classes."""
    max_detections: int = 200
    """Per picture, after suppression."""
    class_agnostic: bool = False
    """Suppression across classes: a box counts for its best class alone, and for one place there is one detection."""

    def __post_init__(self) -> None:
        require(0 <= self.score_threshold < 1, "--score-threshold", self.score_threshold, "must be from 0 to below 1")
        require(0 < self.iou_threshold <= 1, "--iou-threshold", self.iou_threshold, "must be above 0, up to 1")
        require(self.top_k >= 1, "--top-k", self.top_k, "must be at least 1")
        require(self.max_detections >= 1, "--max-detections", self.max_detections, "must be at least 1")


EVALUATED = DetectionConfig()  # as the paper evaluates, with all that may be found
SHOWN = DetectionConfig(score_threshold=0.3)  # as people look at it
