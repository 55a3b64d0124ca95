"""`python -m tf_ssd.predict`."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from tf_ssd.config.data import Exif
from tf_ssd.config.detection import SHOWN, DetectionFlags
from tf_ssd.config.rules import require
from tf_ssd.config.tiles import NO_TILES, Tiling

STDIN = "-"


@dataclass(frozen=True)
class PredictConfig:
    """Detect in pictures and videos: annotated copies of them, and what was found as JSON and CSV."""

    images: Annotated[Positional[tuple[str, ...]], arg(metavar="IMAGE")]
    """Files, folders, patterns such as "photos/*.jpg"; videos; camera:0; - reads one image from standard input and prints JSON."""
    checkpoint: Path
    """The folder of a run, whose best.keras is taken (the best evaluation), or a .keras file."""
    last: bool = False
    """Take the model of the run's last step, model.keras, in place of the best."""
    output: Path | None = None
    """Folder for the results. Default: runs/predict-TIME."""
    overwrite: bool = False
    """Replace files in the folder that have the names of results; without it none is replaced. Inputs never are."""
    detection: Annotated[DetectionFlags, arg(name="")] = SHOWN
    tiling: Annotated[Tiling, arg(name="")] = NO_TILES
    exif: Exif = "apply"
    """Whether to turn photos as their EXIF data says. Train and evaluate do not by default, as boxes refer to stored pixels."""
    explain: bool = False
    """Write NAME-explained.png too: matched default boxes, scores of each feature map, what suppression removed."""

    def __post_init__(self) -> None:
        require(bool(self.images), "IMAGE", self.images, "give at least one file, folder or pattern")
        alone = STDIN not in self.images or len(self.images) == 1
        require(alone, "IMAGE", self.images, "- stands alone")
        writes = self.images != (STDIN,)
        require(writes or self.output is None, "--output", str(self.output), "with - the results are printed")
        require(writes or not self.explain, "--explain", self.explain, "with - no pictures are written")
        whole = self.tiling.tiles in (None, 1)
        require(whole or not self.explain, "--explain", self.explain, "explains what is found in whole pictures; leave out --tiles")

    def output_folder(self, *, now: datetime) -> Path:
        """The folder that was asked for, or one named after the time."""
        return self.output or Path("runs") / f"predict-{now:%Y%m%d-%H%M%S}"
