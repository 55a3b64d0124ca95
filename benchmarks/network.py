"""Networks at full width: forward, and whole training steps, against torchvision's with the same weights."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.peers import CLASSES, SSD300, SSDLITE320, Peer, TorchvisionSSD, in_format, networks

import keras  # isort: skip  after torchvision: the process aborts otherwise
import numpy as np
import tensorflow as tf

from benchmarks.problems import draw_boxes
from benchmarks.report import Candidates, Sections
from tf_ssd.data.batches.generator import Batch
from tf_ssd.model import ssd
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.train.trainer.step import TrainingStep

ROWS = 8
FORMATS = {"torchvision, contiguous": torch.contiguous_format, "torchvision, channels_last": torch.channels_last}
RATE, MOMENTUM, DECAY = 1e-5, 0.9, 5e-4


def pixels(images: int, side: int) -> np.ndarray:
    """(B, side, side, 3) float32, 0..255."""
    return np.random.default_rng(0).uniform(0, 255, (images, side, side, 3)).astype(np.float32)


def forward(images: int, peer: Peer = SSD300) -> Candidates:
    """From pixels to offsets and logits."""
    batch = pixels(images, peer.side)
    chw = torch.from_numpy(batch / 255).permute(0, 3, 1, 2)

    def theirs(memory_format: torch.memory_format) -> Callable[[], object]:
        network, inputs = in_format(peer, memory_format), chw.contiguous(memory_format=memory_format)
        return lambda: _heads(network, inputs)

    return {**{name: theirs(memory_format) for name, memory_format in FORMATS.items()}, "tf_ssd": our_forward(images, peer)}


def our_forward(images: int, peer: Peer = SSD300) -> Callable[[], object]:
    """tf_ssd's candidate of `forward`."""
    ours = networks(peer)[1]
    run, inputs = tf.function(lambda images: ours(images, training=False), autograph=False), tf.constant(pixels(images, peer.side))
    return lambda: run(inputs)["logits"].numpy()  # noqa: PLW0108  it is the call that is timed


@torch.inference_mode()
def _heads(network: TorchvisionSSD, inputs: Tensor) -> dict[str, Tensor]:
    return network.head(list(network.backbone(inputs).values()))


def training_step(images: int, micro_batches: int = 1, peer: Peer = SSD300) -> Candidates:
    """Matching, forward, loss, backward and update, with weight decay and momentum; only tf_ssd's step knows micro-batches."""
    theirs = {name: _their_step(memory_format, images, peer) for name, memory_format in FORMATS.items()}
    return {**theirs, "tf_ssd": our_step(images, micro_batches, peer)}


def _ground_truth(images: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (B, G, 4) and labels (B, G)."""
    rng = np.random.default_rng(0)
    return draw_boxes(rng, images, ROWS, sides=(0.1, 0.6)), rng.integers(1, CLASSES, (images, ROWS))


def _their_step(memory_format: torch.memory_format, number: int, peer: Peer) -> Callable[[], object]:
    boxes, labels = _ground_truth(number)
    network = in_format(peer, memory_format).train()
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
    images = list(torch.from_numpy(pixels(number, peer.side) / 255).permute(0, 3, 1, 2))
    targets = [
        {"boxes": torch.from_numpy(rows * peer.side), "labels": torch.from_numpy(numbers)}
        for rows, numbers in zip(boxes, labels, strict=True)
    ]

    def step() -> float:
        optimizer.zero_grad()
        total = sum(network(images, targets).values())
        total.backward()
        optimizer.step()
        return float(total.detach())

    return step


def our_step(images: int, micro_batches: int = 1, peer: Peer = SSD300) -> Callable[[], object]:
    """tf_ssd's candidate of `training_step`."""
    boxes, labels = _ground_truth(images)
    model = ssd(networks(peer)[1].config)
    model.set_weights(networks(peer)[1].get_weights())
    training = TrainingStep(model, CaffeSGD(RATE, MOMENTUM, DECAY), micro_batches=micro_batches)
    nothing = tf.zeros(labels.shape, tf.bool)
    columns = (tf.constant(pixels(images, peer.side)), tf.constant(boxes), tf.constant(labels, tf.int32), nothing, nothing)
    inputs = Batch(*columns, tf.range(images))

    def step() -> float:
        outcome = training.outcome(inputs)
        training.update(outcome)
        return float(outcome.losses.total)

    return step


def gflop() -> float:
    """10^9 operations of one image's forward pass through SSD300: two for each weight of a convolution at each position."""
    layers = [layer for layer in networks(SSD300)[1].layers if isinstance(layer, keras.layers.Conv2D)]
    return sum(2 * np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:3]) for layer in layers) / 1e9


SECTIONS: Sections = {
    "forward, 1 image": partial(forward, 1),
    "forward, 8 images": partial(forward, 8),
    "training step, 8 images": partial(training_step, 8),
    "training step, 8 images in 2 micro-batches": partial(training_step, 8, micro_batches=2),
    "SSDLite320: forward, 1 image": partial(forward, 1, peer=SSDLITE320),
    "SSDLite320: forward, 8 images": partial(forward, 8, peer=SSDLITE320),
    "SSDLite320: training step, 8 images": partial(training_step, 8, peer=SSDLITE320),
}
# How many forward passes of one image through SSD300 each section amounts to: backward costs twice as much as forward.
PASSES = {
    "forward, 1 image": 1,
    "forward, 8 images": 8,
    "training step, 8 images": 24,
    "training step, 8 images in 2 micro-batches": 24,
}
