"""`python -m tf_ssd.export`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from tf_ssd.config.data import DatasetKind, dataset_kind
from tf_ssd.config.detection import AS_PUBLISHED, DetectionFlags
from tf_ssd.config.rules import require, require_new

ExportFormat = Literal["saved_model", "tflite", "onnx", "openvino"]
Quantize = Literal["none", "float16", "dynamic", "int8"]
SUFFIXES: dict[ExportFormat, str] = {"saved_model": "", "tflite": ".tflite", "onnx": ".onnx", "openvino": ""}
SUFFIXES_OF_FILES = (".xml", ".bin", ".pb", ".onnx", ".tflite", ".keras")  # which no folder of an export has
QUANTIZED: dict[ExportFormat, tuple[Quantize, ...]] = {
    "saved_model": (),
    "tflite": ("float16", "dynamic", "int8"),
    "onnx": ("int8",),
    "openvino": ("float16",),
}


@dataclass(frozen=True)
class ExportConfig:
    """Write a trained model for another runtime: pictures of any size go in, detections come out.

    What is written is run in that runtime and compared with TensorFlow; if the two differ, nothing is left of it.
    """

    checkpoint: Path
    """The folder of a run, whose best.keras is taken (the best evaluation), or a .keras file."""
    format: ExportFormat
    """saved_model, for TensorFlow and TF Serving; tflite, for LiteRT; onnx, for ONNX Runtime and OpenCV; openvino."""
    output: Path
    """File (.tflite, .onnx) or folder (saved_model, openvino) to write; it must not exist."""
    last: bool = False
    """Take the model of the run's last step, model.keras, in place of the best."""
    quantize: Quantize = "none"
    """float16, for tflite and openvino: weights in float16; dynamic, for tflite: weights in int8; int8, for tflite and onnx:
    weights and activations of the convolutions in int8, which needs pictures of the kind that it will detect in."""
    image_size: tuple[int, int] | None = None
    """Height and width of the pictures, fixed, for runtimes and examples that look for them in the file. Default: any size."""
    batch_size: int | Literal["dynamic"] | None = None
    """Pictures at a time. Default: 1 for tflite, else dynamic."""
    images: tuple[Path, ...] = ()
    """Pictures, or folders of them, to compare on and to calibrate int8 with. Default: those of --dataset, or generated ones."""
    dataset: DatasetKind = "auto"
    """With --data: measure the average precision before and after, on this dataset; auto recognises its layout."""
    data: tuple[Path, ...] = ()
    """Folder of the dataset, or the data.yaml of yolo; several are joined."""
    split: tuple[str, ...] = ("val",)
    """Splits of each folder, joined; see --help of train for where they are looked for."""
    detection: Annotated[DetectionFlags, arg(name="")] = AS_PUBLISHED
    raw_heads: bool = False
    """Leave suppression to whoever runs the model: all boxes (B, K, 4) and scores (B, K, C - 1) come out."""
    tflite_postprocess: bool = False
    """For tflite: outputs and their order as of the operation TFLite_Detection_PostProcess: boxes (ymin, xmin, ymax, xmax) as
    fractions of the picture, classes from 0, scores, number."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dataset", dataset_kind(self.dataset, self.data))
        require_new(self, output=SUFFIXES[self.format])
        named_as_file = not SUFFIXES[self.format] and self.output.suffix.lower() in SUFFIXES_OF_FILES
        folder = f"{self.format} is written as a folder; leave out {self.output.suffix}"
        require(not named_as_file, "--output", str(self.output), folder)
        takes = QUANTIZED[self.format]
        others = f"is not for --format {self.format}, which is written in float32{' or '.join(('', *takes))}"
        require(self.quantize in ("none", *takes), "--quantize", self.quantize, others)
        require(self.batch_size in ("dynamic", None) or self.batch >= 1, "--batch-size", self.batch_size, "must be at least 1")
        require(min(self.image_size or (1,)) >= 1, "--image-size", self.image_size, "both must be at least 1")
        postprocess = not self.tflite_postprocess or (self.format == "tflite" and not self.raw_heads)
        require(postprocess, "--tflite-postprocess", True, "is for --format tflite, and not with --raw-heads")
        fixed = not self.raw_heads or self.detection == AS_PUBLISHED
        require(fixed, "--raw-heads", self.raw_heads, "leaves suppression out, and so takes none of its settings")
        has_data = self.dataset != "synthetic"
        require(has_data == bool(self.data), "--dataset, --data", self.dataset, "one goes with the other")

    @property
    def batch(self) -> int:
        """Pictures at a time, 0 for any number."""
        if self.batch_size == "dynamic":
            return 0
        return self.batch_size if self.batch_size is not None else int(self.format == "tflite")
