"""Detection: tf_ssd against torchvision's SSD300 in the same run, with the same weights at full width.

    python -m benchmarks.detection

A ratio above 1 means that tf_ssd is faster. Post-processing alone gets random predictions, in which every box is a candidate of
every class. End to end starts from decoded photos of 640 x 480 and ends with boxes; the network is made to find background nearly
everywhere, as a trained one does. torchvision runs in whichever memory format is faster for it.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torchvision
from torch import Tensor
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection.ssd import SSD

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip  after torchvision, whose compiler aborts otherwise

from benchmarks.timing import interleaved, ratio
from tf_ssd import boxes
from tf_ssd.config import ExportConfig, Quantize
from tf_ssd.default_boxes import default_boxes
from tf_ssd.detector import Detector
from tf_ssd.evaluation import selection
from tf_ssd.exporting import litert, saved_model
from tf_ssd.exporting.serving import input_spec, serving_function
from tf_ssd.model import SSD300
from tf_ssd.quiet import held_back
from tf_ssd.weights import import_weights

CLASSES, BATCH = 21, 32
BACKGROUND = 6.0  # added to the logit of background
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
Candidates = dict[str, Callable[[], object]]


def networks() -> tuple[SSD, SSD300]:
    """The network of torchvision, and ours with its weights."""
    torch.manual_seed(0)
    theirs = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    with torch.no_grad():
        for head in theirs.head.classification_head.module_list:
            head.bias.view(-1, CLASSES)[:, 0] += BACKGROUND
    with tempfile.TemporaryDirectory() as folder:
        torch.save(theirs.state_dict(), Path(folder) / "ssd.pth")
        return theirs, import_weights("torchvision", Path(folder) / "ssd.pth")


def photos(number: int) -> list[np.ndarray]:
    """Decoded photos (480, 640, 3) uint8."""
    coarse = np.random.default_rng(0).integers(0, 256, (number, 48, 64, 3), np.uint8)
    return list(tf.cast(tf.image.resize(coarse, (480, 640), "bicubic"), tf.uint8).numpy())


def postprocessing(theirs: SSD, ours: SSD300) -> Candidates:
    """Random offsets and logits of BATCH images to detections."""
    rng = np.random.default_rng(0)
    anchors = default_boxes(ours.config.boxes)
    offsets = rng.normal(size=(BATCH, len(anchors), 4)).astype("float32")
    logits = rng.normal(size=(BATCH, len(anchors), CLASSES)).astype("float32")
    anchors_px = [torch.from_numpy(boxes.to_xyxy(anchors).numpy()) * 300] * BATCH
    heads = {"bbox_regression": torch.from_numpy(offsets), "cls_logits": torch.from_numpy(logits)}
    select = tf.function(selection(ours.config.boxes, ours.config.variances), autograph=False)
    inputs = (tf.constant(offsets), tf.constant(logits))
    return {
        "torchvision": lambda: theirs.postprocess_detections(heads, anchors_px, [(300, 300)] * BATCH),
        "tf_ssd": lambda: select(*inputs).count.numpy(),  # noqa: PLW0108  it is the call that is timed
    }


def end_to_end(theirs: SSD, ours: SSD300, number: int) -> Candidates:
    """`number` photos to detections."""
    pictures = photos(number)
    detector = Detector(ours, None, score_threshold=0.01)

    def detect(memory_format: torch.memory_format) -> Callable[[], object]:
        network = copied(theirs, memory_format)
        return lambda: network([as_tensor(picture) for picture in pictures])

    return {**{name: detect(memory_format) for name, memory_format in FORMATS.items()}, "tf_ssd": lambda: detector(pictures)}


def copied(theirs: SSD, memory_format: torch.memory_format) -> SSD:
    """The same network in another memory format."""
    network = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    network.load_state_dict(theirs.state_dict())
    return network.to(memory_format=memory_format)


def as_tensor(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (3, H, W) in 0..1, as torchvision takes pictures."""
    return torch.from_numpy(picture).permute(2, 0, 1).float() / 255


def one_photo(theirs: SSD, ours: SSD300, quantize: Quantize) -> Candidates:
    """One photo through torchvision and through an artefact for LiteRT."""
    (picture,) = photos(1)
    config = ExportConfig(checkpoint=Path(), format="tflite", output=Path("detector.tflite"), quantize=quantize)
    with tempfile.TemporaryDirectory() as folder, held_back():
        path = Path(folder) / config.output
        saved_model.write(serving_function(ours, config), input_spec(config), Path(folder) / "saved_model")
        litert.write(Path(folder) / "saved_model", path)
        if quantize != "none":
            litert.quantize(path, quantize, (photo[None] for photo in photos(8)))
        runner, size = litert.Runner(path), path.stat().st_size
    torchvision_alone = {name: candidate for name, candidate in end_to_end(theirs, ours, 1).items() if name in FORMATS}
    return {**torchvision_alone, f"LiteRT, {size / 1e6:.0f} MB": lambda: runner(picture[None])}


SECTIONS: dict[str, Callable[[SSD, SSD300], Candidates]] = {
    f"post-processing, batch {BATCH}": postprocessing,
    "detector, 1 photo": partial(end_to_end, number=1),
    "detector, 8 photos": partial(end_to_end, number=8),
    "LiteRT float32, 1 photo": partial(one_photo, quantize="none"),
    "LiteRT int8, 1 photo": partial(one_photo, quantize="int8"),
}


def peak_mb(section: str, candidate: str) -> float:
    """How much more memory than before its first call a candidate has ever held, in a process of its own, after three calls."""
    command = [sys.executable, "-m", "benchmarks.detection", "--peak", section, candidate]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def measure_peak(section: str, candidate: str) -> float:
    """Of this process (Linux)."""
    run = SECTIONS[section](*networks())[candidate]
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = status_mb("VmRSS")
    for _ in range(3):
        run()
    return status_mb("VmHWM") - before


def status_mb(entry: str) -> float:
    """Resident memory now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(entry)) / 1024


def main() -> None:
    """Print the ratios and the memory of each side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--peak", nargs=2, metavar=("SECTION", "CANDIDATE"), help="print the memory of one candidate, in MB")
    arguments = parser.parse_args()
    with torch.inference_mode():
        if arguments.peak:
            print(measure_peak(*arguments.peak))
            return
        print(f"TensorFlow {tf.__version__} against torchvision {torchvision.__version__}, {torch.get_num_threads()} threads")
        theirs, ours = networks()
        for section, candidates_of in SECTIONS.items():
            candidates = candidates_of(theirs, ours)
            times = interleaved(candidates, repeats=arguments.repeats)
            *rivals, subject = candidates
            best = min(rivals, key=lambda name: statistics.median(times[name]))
            memory = ", ".join(f"{name} {peak_mb(section, name):.0f}" for name in (best, subject))
            print(f"{section:27} {subject:16} {ratio(times[best], times[subject])} of {best}; MB at the peak: {memory}")


if __name__ == "__main__":
    main()
