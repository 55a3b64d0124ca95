"""Detection with the networks of `benchmarks.peers`.

Post-processing alone gets random predictions, in which every box is a candidate of every class. End to end starts from decoded
photos of 640 x 480 and ends with boxes.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip  after torchvision: the process aborts otherwise

from benchmarks.network import FORMATS
from benchmarks.peers import CLASSES, SSD300, SSDLITE320, Peer, in_format, networks
from benchmarks.report import Candidates, Sections
from tf_ssd import boxes
from tf_ssd.config import ExportConfig, Quantize
from tf_ssd.default_boxes import default_boxes
from tf_ssd.export import litert, onnx, saved_model
from tf_ssd.export.serving import input_spec, serving_function
from tf_ssd.predict.compiled import selection
from tf_ssd.predict.detector import Detector
from tf_ssd.system.captured_output import captured_output

BATCH = 32


def photos(number: int) -> list[np.ndarray]:
    """Decoded photos (480, 640, 3) uint8."""
    coarse = np.random.default_rng(0).integers(0, 256, (number, 48, 64, 3), np.uint8)
    return list(tf.cast(tf.image.resize(coarse, (480, 640), "bicubic"), tf.uint8).numpy())


def postprocessing() -> Candidates:
    """Random offsets and logits of BATCH images to detections."""
    theirs, ours = networks(SSD300)
    rng = np.random.default_rng(0)
    anchors = default_boxes(ours.config.boxes)
    offsets = rng.normal(size=(BATCH, len(anchors), 4)).astype("float32")
    logits = rng.normal(size=(BATCH, len(anchors), CLASSES)).astype("float32")
    anchors_px = [torch.from_numpy(boxes.to_xyxy(anchors).numpy()) * 300] * BATCH
    heads = {"bbox_regression": torch.from_numpy(offsets), "cls_logits": torch.from_numpy(logits)}
    select = tf.function(selection(ours.config.boxes, ours.config.variances, scores=ours.config.scores), autograph=False)
    inputs = (tf.constant(offsets), tf.constant(logits))
    return {
        "torchvision": torch.inference_mode()(lambda: theirs.postprocess_detections(heads, anchors_px, [(300, 300)] * BATCH)),
        "tf_ssd": lambda: select(*inputs).count.numpy(),  # noqa: PLW0108  it is the call that is timed
    }


def end_to_end(number: int, peer: Peer = SSD300) -> Candidates:
    """`number` photos to detections."""
    pictures = photos(number)
    model = networks(peer)[1]
    detector = Detector(model, None, settings=model.config.detection)
    return {**by_torchvision(pictures, peer), "tf_ssd": lambda: detector(pictures)}


def by_torchvision(pictures: list[np.ndarray], peer: Peer) -> Candidates:
    """The detector of torchvision, in either memory format."""

    def detect(memory_format: torch.memory_format) -> Callable[[], object]:
        network = in_format(peer, memory_format)
        return torch.inference_mode()(lambda: network([as_tensor(picture) for picture in pictures]))

    return {name: detect(memory_format) for name, memory_format in FORMATS.items()}


def as_tensor(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (3, H, W) in 0..1, as torchvision takes pictures."""
    return torch.from_numpy(picture).permute(2, 0, 1).float() / 255


def one_photo(quantize: Quantize, peer: Peer = SSD300) -> Candidates:
    """One photo through an artefact for LiteRT."""
    model = networks(peer)[1]
    (picture,) = pictures = photos(1)
    config = ExportConfig(checkpoint=Path(), format="tflite", output=Path("detector.tflite"), quantize=quantize)
    with tempfile.TemporaryDirectory() as folder, captured_output():
        path = Path(folder) / config.output
        saved_model.write(serving_function(model, config), input_spec(config), Path(folder) / "saved_model")
        litert.write(Path(folder) / "saved_model", path)
        if quantize != "none":
            litert.quantize(path, quantize, (photo[None] for photo in photos(8)))
        runner, size = litert.Runner(path), path.stat().st_size
    return {**by_torchvision(pictures, peer), f"LiteRT, {size / 1e6:.0f} MB": lambda: runner(picture[None])}


def by_onnx(peer: Peer) -> Candidates:
    """One photo through ONNX Runtime."""
    (picture,) = pictures = photos(1)
    model = networks(peer)[1]
    config = ExportConfig(checkpoint=Path(), format="onnx", output=Path("detector.onnx"))
    with tempfile.TemporaryDirectory() as folder, captured_output():
        onnx.write(serving_function(model, config), input_spec(config), Path(folder) / config.output)
        runner = onnx.Runner(Path(folder) / config.output)
    return {**by_torchvision(pictures, peer), "ONNX Runtime": lambda: runner(picture[None])}


SECTIONS: Sections = {
    f"post-processing, {BATCH} images": postprocessing,
    "detector, 1 photo": partial(end_to_end, 1),
    "detector, 8 photos": partial(end_to_end, 8),
    "LiteRT float32, 1 photo": partial(one_photo, "none"),
    "LiteRT int8, 1 photo": partial(one_photo, "int8"),
    "SSDLite320: detector, 1 photo": partial(end_to_end, 1, SSDLITE320),
    "SSDLite320: detector, 8 photos": partial(end_to_end, 8, SSDLITE320),
    "SSDLite320: LiteRT float32, 1 photo": partial(one_photo, "none", SSDLITE320),
    "SSDLite320: LiteRT int8, 1 photo": partial(one_photo, "int8", SSDLITE320),
    "SSDLite320: ONNX Runtime, 1 photo": partial(by_onnx, SSDLITE320),
}
