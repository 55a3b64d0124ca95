"""Sets of default boxes compared on the ground truth of one split."""

from dataclasses import dataclass

import numpy as np

from tf_ssd.check.coverage import Coverage, GroundTruth, ground_truth, measure
from tf_ssd.check.fit import fit_sizes
from tf_ssd.check.survey import Survey
from tf_ssd.config import PRESETS, DefaultBoxesConfig

FITTED = "fitted"
WORTH_IT = 0.01  # of the ground truth, for other sizes to be recommended
ENOUGH = 0.75  # of the ground truth with a default box, for sizes to be said to suit it


@dataclass(frozen=True, eq=False)
class Comparison:
    """The fit of every preset, and of sizes fitted to this ground truth, by name; `chosen` is the preset asked for."""

    split: str
    truth: GroundTruth
    chosen: str
    coverages: dict[str, Coverage]

    @property
    def best_preset(self) -> str:
        """The preset that covers most; of several, the chosen one, else that of the highest mean best IoU."""
        return max(PRESETS, key=lambda name: (share(self.coverages[name]), name == self.chosen, mean_iou(self.coverages[name])))

    @property
    def recommended(self) -> str:
        """The chosen preset, unless another, or fitted sizes, cover notably more."""
        recommended = self.chosen
        for name in (self.best_preset, FITTED):
            if share(self.coverages[name]) >= share(self.coverages[recommended]) + WORTH_IT:
                recommended = name
        return recommended


def compare_default_boxes(survey: Survey, chosen: str) -> Comparison | None:
    """Compare on a split; None if it has no boxes."""
    truth = ground_truth(survey)
    if not len(truth.boxes):
        return None
    configs: dict[str, DefaultBoxesConfig] = {**PRESETS, FITTED: fit_sizes(truth.boxes, list(PRESETS.values()))}
    return Comparison(survey.split, truth, chosen, {name: measure(truth, config) for name, config in configs.items()})


def share(coverage: Coverage) -> float:
    """Share of the ground truth that has a default box at the threshold."""
    return float(np.mean(coverage.covered))


def mean_iou(coverage: Coverage) -> float:
    """Mean of the best IoU of the ground truth."""
    return float(np.mean(coverage.best_iou))


def sizes(config: DefaultBoxesConfig) -> str:
    """Min sizes and the last max size in pixels, as text."""
    return " ".join(f"{size:g}" for size in (*config.min_sizes, config.max_sizes[-1]))
