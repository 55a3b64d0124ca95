"""The networks that torchvision and tf_ssd both have, with the same weights on both sides."""

import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torchvision.models import detection
from torchvision.models.detection.ssd import SSD as TorchvisionSSD  # noqa: N811  both packages have one

from tf_ssd.model import SSD  # isort: skip  after torchvision: the process aborts otherwise
from tf_ssd.weights import import_weights

CLASSES = 21
BACKGROUND = 6.0  # added to the logit of background, so that it is found nearly everywhere, as by a trained network


class Peer(NamedTuple):
    """A network of torchvision's: the function that makes it, and the side of its input in pixels."""

    make: Callable[..., TorchvisionSSD]
    side: int

    def new(self) -> TorchvisionSSD:
        """One with random weights, for prediction."""
        return self.make(weights=None, weights_backbone=None, num_classes=CLASSES).eval()


SSD300 = Peer(detection.ssd300_vgg16, 300)
SSDLITE320 = Peer(detection.ssdlite320_mobilenet_v3_large, 320)


@lru_cache(maxsize=1)
def networks(peer: Peer) -> tuple[TorchvisionSSD, SSD]:
    """Torchvision's network, and tf_ssd's with the same weights."""
    torch.manual_seed(0)
    theirs = peer.new()
    with torch.no_grad():
        for layer in theirs.head.classification_head.modules():
            if isinstance(layer, torch.nn.Conv2d) and layer.bias is not None:
                layer.bias.view(-1, CLASSES)[:, 0] += BACKGROUND
    with tempfile.TemporaryDirectory() as folder:
        torch.save(theirs.state_dict(), Path(folder) / "ssd.pth")
        return theirs, import_weights("torchvision", Path(folder) / "ssd.pth")


def in_format(peer: Peer, memory_format: torch.memory_format) -> TorchvisionSSD:
    """A copy of torchvision's network in a memory format."""
    network = peer.new()
    network.load_state_dict(networks(peer)[0].state_dict())
    return network.to(memory_format=memory_format)
