"""What travels inside an artefact, so that nothing else is needed to use it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tf_ssd import __version__
from tf_ssd.config import DetectionConfig, ExportConfig

NAME = "tf_ssd.json"
OUTPUTS = {
    "boxes_px": "(B, D, 4) xyxy in pixels of the pictures, best first, padded with zeros",
    "labels": "(B, D) 1..C-1, the place in classes; 0 is padding",
    "scores": "(B, D) probabilities",
    "count": "(B,) how many of D are real",
}
POSTPROCESS_OUTPUTS = {
    "detection_boxes": "(B, D, 4) float32 (ymin, xmin, ymax, xmax) as fractions of the pictures, best first, padded with zeros",
    "detection_classes": "(B, D) float32, the place in classes, from 0",
    "detection_scores": "(B, D) probabilities",
    "num_detections": "(B,) float32, how many of D are real",
}
RAW_OUTPUTS = {
    "boxes_px": "(B, K, 4) xyxy in pixels of the pictures, one for each default box",
    "scores": "(B, K, C - 1) probabilities of the classes; suppression is left to do",
}


def outputs(config: ExportConfig) -> dict[str, str]:
    """What comes out, by name, in the order in which it does."""
    if config.tflite_postprocess:
        return POSTPROCESS_OUTPUTS
    return RAW_OUTPUTS if config.raw_heads else OUTPUTS


def metadata(class_names: Sequence[str], config: ExportConfig, settings: DetectionConfig) -> dict[str, Any]:
    """Classes, thresholds, and what goes in and comes out; `settings` are those of the network and of `config` together."""
    return {
        "tf_ssd": __version__,
        "format": config.format,
        "quantize": config.quantize,
        "classes": list(class_names),
        "inputs": {"images": f"(B, H, W, 3) uint8 RGB, {_size(config)}"},
        "outputs": outputs(config),
        **({} if config.raw_heads else asdict(settings)),
    }


def _size(config: ExportConfig) -> str:
    return "of {} x {} pixels, H x W".format(*config.image_size) if config.image_size else "of any size"
