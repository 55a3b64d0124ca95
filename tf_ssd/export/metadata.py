"""What travels inside an artefact, so that nothing else is needed to use it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tf_ssd import __version__
from tf_ssd.config import ExportConfig

NAME = "tf_ssd.json"
OUTPUTS = {
    "boxes_px": "(B, D, 4) xyxy in pixels of the pictures, best first, padded with zeros",
    "labels": "(B, D) 1..C-1, the place in classes; 0 is padding",
    "scores": "(B, D) probabilities",
    "count": "(B,) how many of D are real",
}
RAW_OUTPUTS = {
    "boxes_px": "(B, K, 4) xyxy in pixels of the pictures, one for each default box",
    "scores": "(B, K, C - 1) probabilities of the classes; suppression is left to do",
}


def metadata(class_names: Sequence[str], config: ExportConfig) -> dict[str, Any]:
    """Classes, thresholds, and what goes in and comes out."""
    return {
        "tf_ssd": __version__,
        "format": config.format,
        "quantize": config.quantize,
        "classes": list(class_names),
        "inputs": {"images": "(B, H, W, 3) uint8 RGB, of any size"},
        "outputs": RAW_OUTPUTS if config.raw_heads else OUTPUTS,
        **({} if config.raw_heads else asdict(config.detection)),
    }
