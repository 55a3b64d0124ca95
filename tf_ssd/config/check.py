"""`python -m tf_ssd.check`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tf_ssd.config.augment import Augmentation, AugmentConfig, augmentation_of
from tf_ssd.config.boxes import Preset, presets_like
from tf_ssd.config.data import DataConfig
from tf_ssd.config.network import ModelConfig
from tf_ssd.config.networks import DEFAULT_NETWORK, NetworkName, network_named
from tf_ssd.config.recipes import RECIPES, RecipeName
from tf_ssd.config.rules import require, require_new, require_share


@dataclass(frozen=True)
class CheckConfig(DataConfig):
    """Examine a dataset before training on it: all that is wrong with it in one go, and how well the default boxes fit it.

    Each split is checked on its own, and compared with the others; the first is taken for the one that is trained on. The exit code
    is 1 if there are errors, which training would stop at; warnings, which it would not, are for you to judge.
    """

    network: NetworkName = DEFAULT_NETWORK
    """The network whose default boxes are compared with the first split."""
    default_boxes: Literal[Preset, None] = None
    """The default boxes whose fit is shown in full, those of the network by default; all presets for its size are compared."""
    recipe: RecipeName = "quick"
    """The recipe of training whose augmentation --show-augmentation shows."""
    augmentation: Literal[Augmentation, None] = None
    """What --show-augmentation shows in place of the recipe's: ssd, ssdlite, flip or none, as in training."""
    balance: float | None = None
    """Show what training with the same --balance does: how often the images of each class come in an epoch. Difficult
    objects count."""
    json: Path | None = None
    """Write every finding and every number to this .json file."""
    plot: Path | None = None
    """Draw how well the default boxes fit to this .png file."""
    show_augmentation: Path | None = None
    """Draw a few images as they are and as training would see them to this .png file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share(self.balance)
        repeated = sorted({split for split in self.split if self.split.count(split) > 1})
        require(not repeated, "--split", repeated, "name each split once")
        known, preset = presets_like(self.described.boxes), self.default_boxes
        rule = f"is not for {self.network}, which may have {', '.join(known)}"
        require(preset is None or preset in known, "--default-boxes", preset, rule)
        require_new(self, json=".json", plot=".png", show_augmentation=".png")

    @property
    def described(self) -> ModelConfig:
        """The network."""
        return network_named(self.network)

    @property
    def boxes(self) -> str:
        """The name of the default boxes that are shown in full."""
        boxes = self.described.boxes
        return self.default_boxes or next(name for name, preset in presets_like(boxes).items() if preset == boxes)

    @property
    def shown_augmentation(self) -> Augmentation:
        """What --show-augmentation shows: what training does with the same --recipe and --augmentation."""
        return self.augmentation or RECIPES[self.recipe].augmentation

    def augment(self) -> AugmentConfig:
        """That augmentation for the network."""
        return augmentation_of(self.shown_augmentation, self.described.architecture.pixel_mean)
