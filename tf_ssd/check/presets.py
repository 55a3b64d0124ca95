"""Sets of default boxes compared on the ground truth of one split."""

from dataclasses import dataclass

import numpy as np

from tf_ssd.check.coverage import Coverage, GroundTruth, ground_truth, measure
from tf_ssd.check.fit import fit_sizes
from tf_ssd.check.survey import Survey
from tf_ssd.config import ModelConfig
from tf_ssd.config.boxes import presets_like

FITTED = "fitted"
WORTH_IT = 0.01  # of the ground truth, for other sizes to be recommended
ENOUGH = 0.75  # of the ground truth with a default box, for sizes to be said to suit it


@dataclass(frozen=True, eq=False)
class Comparison:
    """The fit of a network's presets, and of sizes fitted to this ground truth, by name; `chosen` is the preset asked for."""

    split: str
    network: ModelConfig
    truth: GroundTruth
    chosen: str
    coverages: dict[str, Coverage]

    @property
    def best_preset(self) -> str:
        """The preset that covers most; of several, the chosen one, else that of the highest mean best IoU."""
        presets = [name for name in self.coverages if name != FITTED]
        return max(presets, key=lambda name: (share(self.coverages[name]), name == self.chosen, mean_iou(self.coverages[name])))

    @property
    def recommended(self) -> str:
        """The chosen preset, unless another, or fitted sizes, cover notably more."""
        recommended = self.chosen
        for name in (self.best_preset, FITTED):
            if share(self.coverages[name]) >= share(self.coverages[recommended]) + WORTH_IT:
                recommended = name
        return recommended


def compare_default_boxes(survey: Survey, network: ModelConfig, chosen: str) -> Comparison | None:
    """Compare on a split what a network may have; None if the split has no boxes."""
    truth = ground_truth(survey)
    if not len(truth.boxes):
        return None
    presets = presets_like(network.boxes)
    configs = {**presets, FITTED: fit_sizes(truth.boxes, network, list(presets.values()))}
    return Comparison(survey.split, network, truth, chosen, {name: measure(truth, config) for name, config in configs.items()})


def share(coverage: Coverage) -> float:
    """Share of the ground truth that has a default box at the threshold."""
    return float(np.mean(coverage.covered))


def mean_iou(coverage: Coverage) -> float:
    """Mean of the best IoU of the ground truth."""
    return float(np.mean(coverage.best_iou))


def sizes(comparison: Comparison, name: str) -> list[float]:
    """The sizes in pixels that a set of default boxes follows from."""
    return list(comparison.network.architecture.box_rule.sizes(comparison.coverages[name].config.shapes))
